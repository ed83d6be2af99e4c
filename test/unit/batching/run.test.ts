import { describe, expect, test } from 'vitest';
import { recordsOf, summaryOf, tokenSecondsOf } from '../../../batching/run.js';
import { simulateBatching } from '../../../batching/simulate.js';
import { loadAt, requestAt, serverOf } from './support.js';

const SYNC = { maxNumBatchedTokens: 64, maxNumSeqs: 8, asyncScheduling: false };

describe('a run', () => {
  test('says of each request what a measured one does', () => {
    const server = serverOf('vllm', SYNC, { requestSeconds: 0.25 });
    const run = simulateBatching(loadAt([requestAt(0, 10, 3), requestAt(0.5, 10, 2)]), server);
    expect(tokenSecondsOf(run, 1)).toEqual([2.25, 3.25]);
    const [, second] = recordsOf(run);
    expect(second).toMatchObject({
      index: 1,
      intended: 0.5,
      dispatched: 0.5,
      firstToken: 2.25,
      lastToken: 3.25,
    });
    expect(second).toMatchObject({ done: 3.25, outcome: 'complete', promptTokens: 10, outputTokens: 2 });
    expect(summaryOf(run)).toMatchObject({
      requests: 2,
      complete: 2,
      refused: 0,
      ttft: { count: 2, mean: 1.5, max: 1.75 },
      tpot: { mean: 1 },
      endToEnd: { max: 3.25 },
      queue: { mean: 0.25 },
      preemptions: 0,
      outputTokensPerSecond: 5 / 3.25,
    });
  });

  test('counts over time who waits, who runs, and what they hold', () => {
    const run = simulateBatching(
      loadAt([0, 0].map((at) => requestAt(at, 16, 2))),
      serverOf('vllm', { ...SYNC, maxNumSeqs: 1 }),
    );
    // Each holds a block in its first step and two in its second; the other waits half of the time.
    expect(run.seconds).toBe(4);
    expect(run.means).toEqual({ waiting: 0.5, running: 1, cacheTokens: 24 });
    expect(run.busySeconds).toBe(4);
  });

  test('goes to the replica with the fewest, as far as is known when a request comes', () => {
    const requests = [
      requestAt(0, 8, 9),
      requestAt(0, 8, 2),
      requestAt(0.5, 8, 1),
      requestAt(1.5, 8, 1),
      requestAt(3, 8, 1),
    ];
    const run = simulateBatching(loadAt(requests), serverOf('vllm', SYNC, { replicas: 2 }));
    // The second has ended at 2, the third at 2 and the fourth at 3.
    expect([...run.requests.server.values()]).toEqual([0, 1, 0, 1, 1]);
  });

  test.each([
    [{ maxSteps: 7, maxSeconds: 1e9 }, 'The simulation was ended after 7 steps.'],
    [{ maxSteps: 1e9, maxSeconds: 7 }, 'The simulation was ended at 7 s of its clock.'],
  ])('ends at a bound, with a sentence: %j', (bounds, sentence) => {
    const run = simulateBatching(
      loadAt([requestAt(0, 8, 100), requestAt(50, 8, 1)]),
      serverOf('vllm', SYNC),
      bounds,
    );
    expect(run.endedEarly).toBe(sentence);
    expect(run.steps).toBe(7);
    const [record] = recordsOf(run);
    expect(record).toMatchObject({ outcome: 'unfinished', problem: sentence, outputTokens: 7, done: null });
  });

  test('ends where every request is refused at once', () => {
    const requests = Array.from({ length: 50 }, () => requestAt(0, 100, 1));
    const load = { ...loadAt(requests), arrival: { kind: 'closed', concurrency: 4 } as const };
    const run = simulateBatching(load, serverOf('vllm', SYNC, { cacheTokens: 64 }), {
      maxSteps: 30,
      maxSeconds: 1,
    });
    expect(run.endedEarly).toBe('The simulation was ended after 30 steps.');
    expect(recordsOf(run)[0]).toMatchObject({
      outcome: 'rejected',
      problem: 'The server refuses it: 101 tokens have no room in a cache of 64.',
    });
  });
});

describe('steps that are timed together', () => {
  test('take as long as each for itself, where time grows with the context', () => {
    const seconds = ({ decodes, contextTokens }: { decodes: number; contextTokens: number }) =>
      0.01 + 1e-7 * decodes * contextTokens;
    const server = serverOf('vllm', SYNC, { step: { secondsOf: seconds } });
    const requests = Array.from({ length: 20 }, (_, i) => requestAt(i, 60 + i, 300));
    const [together, single] = [false, true].map((stepByStep) =>
      simulateBatching(loadAt(requests), server, undefined, { stepByStep }),
    );
    expect(together!.steps).toBe(single!.steps);
    for (let i = 0; i < 20; i++)
      expect(Math.abs(together!.requests.done.at(i) / single!.requests.done.at(i) - 1)).toBeLessThan(1e-4);
  });
});
