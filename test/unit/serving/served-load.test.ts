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
    // Before the middle one of fifteen steps are the prompt and seven tokens.
    expect(load.contextTokens).toBeCloseTo(107, 9);
    expect(load.promptsPerStep).toBe(0);
    expect(load.promptsAtOnce).toBe(1);
    expect(load.promptsBetween).toBe(0);
    expect(load.tpotSeconds).toBeCloseTo(1 / 15, 9);
    expect(load.ttftSeconds).toBeCloseTo(0.1, 9);
  });

  test('two that overlap by half: a stream meets fuller steps than a clock does', () => {
    const load = loadOf([stream(0), stream(0.5)]);
    // Fifteen of thirty tokens came while both decoded: 45 sequences seen, 15 · 1/2 + 15 steps.
    expect(load.stepSequences).toBeCloseTo(45 / 30, 9);
    expect(load.meanSequences).toBeCloseTo(30 / 22.5, 9);
    // The second prompt came between tokens of the first: once in thirty steps.
    expect(load.promptsPerStep).toBeCloseTo(1 / 30, 9);
    expect(load).toMatchObject({ promptsAtOnce: 1, promptsBetween: 0.5 });
  });

  test('prompts whose first tokens come within a step came out of one pass, which held up neither', () => {
    const load = loadOf([stream(0), stream(0.01), stream(1.1), stream(1.11)]);
    expect(load).toMatchObject({ promptsAtOnce: 2, promptsPerStep: 0, promptsBetween: 0 });
  });

  test('a step that waits for a prompt is one step, however long it takes', () => {
    // The second prompt takes the time of five steps, in which the first gets one token; then both get one a
    // second.
    const one = Array<number>(9).fill(1);
    const times = (first: number, held: number) => one.map((_, i) => first + i + (i > 1 ? held : 0));
    const of = (seconds: readonly number[]) => ({
      ...stream(0, one),
      firstToken: seconds[0]!,
      lastToken: seconds[8]!,
      done: seconds[8]!,
      chunks: { seconds, tokens: one },
    });
    const load = loadOf([of(times(1, 4)), of(times(7, 0))]);
    // At 2 s and 7 s the first alone, to 13 s both, then the second alone: ten steps for sixteen tokens.
    expect(load.meanSequences).toBeCloseTo(16 / 10, 9);
    expect(load.stepSequences).toBeCloseTo((12 * 2 + 4) / 16, 9);
    expect(load.promptsPerStep).toBeCloseTo(1 / 16, 9);
  });

  test('tokens are those that the server computed', () => {
    const merged = { ...stream(0), usage: { promptTokens: 110, completionTokens: 31 } };
    const load = loadOf([merged]);
    expect(load).toMatchObject({ promptTokens: 110, tpotSeconds: expect.closeTo(1 / 30, 9) });
    expect(load.decodeTokens).toBeCloseTo(30, 9);
    expect(load.contextTokens).toBeCloseTo(110 + 14.5, 9);
  });

  test('of a window that begins and ends within answers only what lies inside counts', () => {
    // From the middle of the first to the middle of the second: half of the tokens of each.
    const load = loadOf([stream(0), stream(1.1)], null, { fromSeconds: 0.6, toSeconds: 1.7 });
    expect(load.decodeTokens).toBe(15);
    expect(load.prompts).toBe(1);
    expect(load.meanSequences).toBeCloseTo(1, 9);
    // The last eight steps of one answer and the first seven of the other.
    expect(load.contextTokens).toBeCloseTo(100 + (8 * 10.5 + 7 * 3) / 15, 9);
  });

  test('chunks of several tokens: the first holds one that the prompt gave', () => {
    const load = loadOf([stream(0, [4, 4, 4, 4])]);
    expect(load.decodeTokens).toBe(15);
    expect(load.tpotSeconds).toBeCloseTo(1 / 15, 9);
  });

  test('the server’s own count stands in where answers came whole, and counts where others ask it, too', () => {
    const none = { firstToken: null, lastToken: null, chunks: { seconds: [], tokens: [] } };
    const unstreamed = { ...stream(0), ...none };
    expect(servedLoad([unstreamed], wholeRun([unstreamed])!, null)).toBe(
      'answers came whole, and the server does not say how many requests it works on',
    );
    expect(loadOf([unstreamed], 2.5)).toMatchObject({
      batchFrom: 'server',
      stepSequences: 2.5,
      meanSequences: 2.5,
      contextTokens: 107,
      decodeTokens: 15,
      tpotSeconds: null,
      ttftSeconds: null,
    });
    expect(loadOf([stream(0)], 6)).toMatchObject({ batchFrom: 'server', stepSequences: 6 });
    // A reading once a second misses requests that are short.
    expect(loadOf([stream(0)], 0.4)).toMatchObject({ batchFrom: 'requests', stepSequences: 1 });
  });

  test('tokens that nobody counted give none', () => {
    for (const unknown of ['outputTokens', 'promptTokens'] as const) {
      const bare = { ...stream(0), [unknown]: null, usage: null };
      expect(servedLoad([bare], wholeRun([bare])!, null)).toBe(
        'nobody counted the tokens of prompts and answers',
      );
    }
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
