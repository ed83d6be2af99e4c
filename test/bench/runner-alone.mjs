/**
 * Our runner under our workload with nothing of ours around it: no agent, no meters, no coordinator, nobody
 * to talk to. The code is what the worker of a trial runs (agent/trial/run.ts, as built), so that
 * bench:overhead compares surroundings and nothing else. Takes a TrialRequest as its argument, prints what it
 * timed, and says on stderr when the first phase was timed. With `prepare` behind it, it stops where it has
 * its model, says so and sleeps until it is killed.
 */
import { writeSync } from 'node:fs';
import { runTrial } from '../../dist/agent/trial/run.js';

const [, , request = '', until] = process.argv;
const phases = [];
const outcome = await runTrial(JSON.parse(request), {
  send(message) {
    if (message.type === 'loaded' && until === 'prepare') {
      writeSync(1, 'prepared\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    }
    if (message.type !== 'phase') return;
    if (message.phase.name === 'prefill' && phases.every(({ name }) => name !== 'prefill'))
      writeSync(2, 'measuring\n');
    phases.push(message.phase);
  },
  // A turn of the event loop, as a trial takes one between two repeats.
  rest: () => new Promise((resolve) => setImmediate(resolve)),
  stopReason: () => null,
});
process.stdout.write(JSON.stringify({ phases, tokenSeconds: outcome.tokenSeconds }));
