// What runs in the process that `kept-processes.mjs` keeps: vitest's own worker. Each run of tests opens a
// new channel for calls; the last one gets the messages, or a process that is kept for a thousand runs would
// hand each message to a thousand listeners.
import { init, runBaseTests, setupEnvironment } from 'vitest/worker';

// Tests may replace them.
const send = process.send.bind(process);
const exit = process.exit.bind(process);

/** Vitest's control of the worker registers first and stays. */
let control;
let calls;

async function runTests(method, state, traces) {
  try {
    await runBaseTests(method, state, traces);
  } finally {
    process.exit = exit;
  }
}

init({
  post: (response) => send(response),
  on: (listener) => {
    if (control === undefined) control = listener;
    else calls = listener;
  },
  off: () => {},
  runTests: (state, traces) => runTests('run', state, traces),
  collectTests: (state, traces) => runTests('collect', state, traces),
  setup: setupEnvironment,
});
process.on('message', (message) => {
  control(message);
  calls?.(message);
});
process.on('disconnect', () => exit());
