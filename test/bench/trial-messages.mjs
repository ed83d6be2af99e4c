/**
 * Loaded before `ridge` by bench:overhead (node --import): keeps what a trial's process tells the agent, whose times are those of the
 * system's monotonic clock, says on stderr when the first phase was timed, and writes all of it to the file TRIAL_MESSAGES at the end.
 * It hears and changes nothing.
 */
import { ChildProcess } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';

const file = process.env.TRIAL_MESSAGES;
if (file !== undefined) {
  // The trial's process is a child of this one: it hears nobody.
  delete process.env.TRIAL_MESSAGES;
  const messages = [];
  let measuring = false;
  const { emit } = ChildProcess.prototype;
  ChildProcess.prototype.emit = function heard(event, ...words) {
    if (event === 'message') {
      messages.push(words[0]);
      if (!measuring && words[0]?.phase?.name === 'prefill') {
        measuring = true;
        writeSync(2, 'measuring\n');
      }
    }
    return emit.call(this, event, ...words);
  };
  process.on('exit', () => writeFileSync(file, JSON.stringify(messages)));
}
