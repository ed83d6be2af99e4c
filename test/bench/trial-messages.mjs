/**
 * Loaded before `ridge` by bench:overhead (node --import): keeps what a trial's process tells the agent,
 * whose times are those of the system's monotonic clock, and writes it to the file TRIAL_MESSAGES at the end.
 * After every second rest, drawn at random, it asks on stderr (`stop for N`) to be stopped for so many
 * milliseconds, most of what the last repeat took. It changes nothing else.
 */
import { ChildProcess } from 'node:child_process';
import { writeFileSync, writeSync } from 'node:fs';

/**
 * Of a repeat's time: whatever was put off meanwhile is done before its end, and the rest is answered as
 * ever.
 */
const STOPPED_SHARE = 0.85;

const file = process.env.TRIAL_MESSAGES;
if (file !== undefined) {
  // The trial's process is a child of this one: it hears nobody.
  delete process.env.TRIAL_MESSAGES;
  const messages = [];
  let prefillStart = 0;
  let repeatSeconds = 0;
  const { emit } = ChildProcess.prototype;
  ChildProcess.prototype.emit = function heard(event, ...words) {
    const handled = emit.call(this, event, ...words);
    if (event !== 'message') return handled;
    const [message] = words;
    messages.push(message);
    if (message.phase?.name === 'prefill') prefillStart = message.phase.startSeconds;
    if (message.phase?.name === 'decode') repeatSeconds = message.phase.endSeconds - prefillStart;
    if (message.type === 'resting' && repeatSeconds > 0 && Math.random() < 0.5) {
      // The trial goes on when this turn has written its answer.
      setImmediate(() => writeSync(2, `stop for ${Math.round(1000 * STOPPED_SHARE * repeatSeconds)}\n`));
    }
    return handled;
  };
  process.on('exit', () => writeFileSync(file, JSON.stringify(messages)));
}
