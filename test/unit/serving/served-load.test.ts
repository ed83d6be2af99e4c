import { describe, expect, test } from 'vitest';
import { phasesApart } from '../../../core/serving/apart.js';
import { servedLoad } from '../../../core/serving/load.js';
import type { RequestRecord } from '../../../core/serving/requests.js';
import { wholeRun } from '../../../core/serving/summary.js';
import { answered, request } from '../../support/requests.js';

/** A prompt of 100 tokens read in 0.1 s, then fifteen more tokens in a second. */
const stream = (intended: number, chunks: readonly number[] = Array<number>(16).fill(1)) =>
  answered({ intended, ttft: 0.1, tpot: 1 / 15, chunks });
const loadOf = (
  requests: readonly RequestRecord[],
  running: number | null = null,
  window = wholeRun(requests)!,
) => {
  const load = servedLoad(requests, window, running);
  if (typeof load === 'string') throw new Error(load);
  return load;
};

describe('how full the steps of a server were', () => {
  test('one request at a time: a sequence in each step, and no prompt between its tokens', () => {
    const load = loadOf([stream(0), stream(1.1), stream(2.2)]);
    expect(load).toMatchObject({ batchFrom: 'requests', prompts: 3, promptTokens: 100, decodeTokens: 45 });
    expect(load.stepSequences).toBeCloseTo(1, 9);
    expect(load.meanSequences).toBeCloseTo(1, 9);
    // Half of the answer is there in the mean.
    expect(load.contextTokens).toBeCloseTo(108, 9);
    expect(load.promptsPerStep).toBe(0);
    expect(load.promptsAtOnce).toBe(1);
    expect(load.tpotSeconds).toBeCloseTo(1 / 15, 9);
    expect(load.ttftSeconds).toBeCloseTo(0.1, 9);
  });

  test('two that overlap by half: a stream meets fuller steps than a clock does', () => {
    const load = loadOf([stream(0), stream(0.5)]);
    // One for 0.5 s, two for 0.5 s, one for 0.5 s: ∫ n² = 3, ∫ n = 2, over 1.5 s.
    expect(load.stepSequences).toBeCloseTo(3 / 2, 9);
    expect(load.meanSequences).toBeCloseTo(2 / 1.5, 9);
    // The second prompt came between tokens of the first: once in thirty steps.
    expect(load.promptsPerStep).toBeCloseTo(1 / 30, 9);
    expect(load.promptsAtOnce).toBe(1);
  });

  test('prompts whose first tokens come within a step came out of one pass, which held up neither', () => {
    const load = loadOf([stream(0), stream(0.01), stream(1.1), stream(1.11)]);
    expect(load.promptsAtOnce).toBe(2);
    expect(load.promptsPerStep).toBe(0);
  });

  test('of a window that begins and ends within answers only what lies inside counts', () => {
    // From the middle of the first to the middle of the second: half of the tokens of each.
    const load = loadOf([stream(0), stream(1.1)], null, { fromSeconds: 0.6, toSeconds: 1.7 });
    expect(load.decodeTokens).toBe(15);
    expect(load.prompts).toBe(1);
    expect(load.meanSequences).toBeCloseTo(1, 9);
    // The last quarter of one answer and the first of the other: 0.75 · 16 and 0.25 · 16 of them.
    expect(load.contextTokens).toBeCloseTo(100 + 8, 9);
  });

  test('chunks of several tokens: the first holds one that the prompt gave', () => {
    const load = loadOf([stream(0, [4, 4, 4, 4])]);
    expect(load.decodeTokens).toBe(15);
    expect(load.tpotSeconds).toBeCloseTo(1 / 15, 9);
  });

  test('the server’s own count stands in where answers came whole, and counts where others ask it, too', () => {
    const { chunks, ...whole } = stream(0);
    const unstreamed = { ...whole, firstToken: null, lastToken: null, chunks: { seconds: [], tokens: [] } };
    expect(servedLoad([unstreamed], wholeRun([unstreamed])!, null)).toBe(
      'answers came whole, and the server does not say how many requests it works on',
    );
    expect(loadOf([unstreamed], 2.5)).toMatchObject({
      ...{ batchFrom: 'server', stepSequences: 2.5, meanSequences: 2.5, contextTokens: 108 },
      ...{ decodeTokens: 15, tpotSeconds: null, ttftSeconds: null },
    });
    expect(loadOf([stream(0)], 6)).toMatchObject({ batchFrom: 'server', stepSequences: 6 });
    // A reading once a second misses requests that are short.
    expect(loadOf([stream(0)], 0.4)).toMatchObject({ batchFrom: 'requests', stepSequences: 1 });
  });

  test('tokens that nobody counted give none', () => {
    const bare = { ...stream(0), outputTokens: null };
    expect(servedLoad([bare], wholeRun([bare])!, null)).toBe('no answer has tokens that anybody counted');
    const silent = { ...stream(0), promptTokens: null };
    expect(servedLoad([silent], wholeRun([silent])!, null)).toBe('nobody counted the tokens of the prompts');
  });
});

describe('prompts and decoding apart', () => {
  test('one request at a time is read and then decodes', () => {
    expect(phasesApart([stream(0), stream(2)])).toEqual({
      prefill: [
        { fromSeconds: 0, toSeconds: 0.1 },
        { fromSeconds: 2, toSeconds: 2.1 },
      ],
      decode: [
        { fromSeconds: 0.1, toSeconds: expect.closeTo(1.1, 9) },
        { fromSeconds: 2.1, toSeconds: expect.closeTo(3.1, 9) },
      ],
    });
  });

  test('all at once, read together, is one stretch of each', () => {
    const apart = phasesApart([stream(0), stream(0), request({ intended: 0, outcome: 'refused' })]);
    expect(apart).toMatchObject({
      prefill: [{ fromSeconds: 0, toSeconds: 0.1 }],
      decode: [{ fromSeconds: 0.1 }],
    });
  });

  test('a prompt that is read while others decode leaves nothing to tell', () => {
    // Busy for 1.6 s, and the second waits for its first token from 0.5 s to 0.6 s.
    expect(phasesApart([stream(0), stream(0.5)])).toBe(
      'prompts were read while others decoded for 6 % of the time: what each of both took cannot be told apart',
    );
  });
});
