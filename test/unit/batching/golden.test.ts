import { expect, test } from 'vitest';
import { simulateBatching } from '../../../batching/simulate.js';
import { loadAt, plainSeconds, requestAt, serverOf } from './support.js';

/**
 * Arrival, tokens of prompt and answer; first and last token as another program of vLLM's policy had them, a
 * list of requests that were walked through step by step, with preemptions among them.
 */
const GOLDEN: readonly (readonly [
  at: number,
  prompt: number,
  answer: number,
  first: number,
  done: number,
])[] = [
  [0, 147, 15, 176.296875, 535.921875],
  [287, 73, 30, 442.03125, 1470.390625],
  [287, 11, 53, 442.03125, 2917.609375],
  [287, 33, 30, 442.03125, 1470.390625],
  [347, 170, 29, 763.6875, 2127.015625],
  [347, 176, 5, 2277.546875, 2522.421875],
  [490, 151, 37, 2673.140625, 4029.171875],
  [680, 197, 27, 3094.9375, 4394.34375],
  [769, 57, 48, 4257.078125, 6192.109375],
  [769, 82, 59, 4310.671875, 6782.703125],
  [769, 179, 17, 4623.375, 6454.328125],
  [769, 60, 54, 6529.40625, 8994.578125],
  [927, 120, 7, 6682.5625, 6936.265625],
  [927, 17, 9, 6729.15625, 7164.828125],
  [1043, 20, 28, 6729.15625, 7926.171875],
  [1043, 72, 1, 6936.265625, 6936.265625],
  [1141, 61, 35, 7011.453125, 8410.296875],
  [1301, 129, 9, 7164.828125, 7336.03125],
  [1301, 19, 34, 7202, 8562.078125],
  [1681, 19, 30, 7202, 8410.296875],
  [1681, 91, 5, 7486.546875, 7564.421875],
  [1999, 151, 17, 8638.65625, 9188.46875],
  [2373, 12, 42, 8638.65625, 9507.21875],
  [2390, 114, 59, 9062.15625, 9794.71875],
];

test("vLLM's policy gives every request the times that another program gave it", () => {
  const server = serverOf(
    'vllm',
    {
      maxNumBatchedTokens: 64,
      maxNumSeqs: 6,
      asyncScheduling: false,
      enablePrefixCaching: false,
      schedulerReserveFullIsl: false,
    },
    { cacheTokens: 400, step: { secondsOf: plainSeconds } },
  );
  const requests = GOLDEN.map(([at, prompt, answer]) => requestAt(at, prompt, answer));
  const run = simulateBatching(loadAt(requests), server, undefined, { stepByStep: true });
  const times = GOLDEN.map((_, i) => [run.requests.firstToken.at(i), run.requests.done.at(i)]);
  expect(times).toEqual(GOLDEN.map(([, , , first, done]) => [first, done]));
  expect(Math.max(...run.requests.preemptions.values())).toBeGreaterThan(0);
});
