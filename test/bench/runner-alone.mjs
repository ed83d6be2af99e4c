/**
 * Our runner under our workload with nothing of ours around it: no agent, no meters, no coordinator, nobody
 * to talk to. The code is what the worker of a trial runs (agent/trial/run.ts, as built), so that
 * bench:overhead compares surroundings and nothing else. Takes a TrialOrder as its argument, prints what it timed.
 */
import { runTrial } from '../../dist/agent/trial/run.js';

const phases = [];
const outcome = await runTrial(JSON.parse(process.argv[2] ?? ''), {
  send(message) {
    if (message.type === 'phase') phases.push(message.phase);
  },
  // A turn of the event loop, as a trial takes one between two repeats.
  rest: () => new Promise((resolve) => setImmediate(resolve)),
  stopReason: () => null,
});
process.stdout.write(JSON.stringify({ phases, tokenSeconds: outcome.tokenSeconds }));
