import { describe, expect, test } from 'vitest';
import { simulateBatching } from '../../../../batching/simulate.js';
import { firstTokens, loadAt, requestAt, serverOf, stepsOf, textAt } from '../support.js';

const FLAGS = { chunkedPrefillSize: 64, disableOverlapSchedule: true };

describe("SGLang's scheduler", () => {
  test('gives prompts steps of their own, in which decodes wait', () => {
    const { steps } = stepsOf('sglang', FLAGS, [requestAt(0, 10, 4), requestAt(1.5, 100, 2)]);
    expect(steps).toEqual(['10/0', '1@11', '64/0', '36/64', '2@56.5', '1@13']);
  });

  test('puts prompts together up to a chunk, and the rest of a cut one comes first', () => {
    const { steps } = stepsOf(
      'sglang',
      FLAGS,
      [50, 50, 10].map((tokens) => requestAt(0, tokens, 1)),
    );
    expect(steps).toEqual(['50/0 14/0', '36/14 10/0']);
  });

  test('decodes take part in steps with prompts where chunks are mixed', () => {
    const mixed = { ...FLAGS, enableMixedChunk: true };
    const { steps } = stepsOf('sglang', mixed, [requestAt(0, 10, 4), requestAt(1.5, 100, 2)]);
    expect(steps).toEqual(['10/0', '1@11', '1@12 63/0', '1@13 37/63', '1@101']);
  });

  test('starts a request where a share of what others may still say is left', () => {
    // Of 100 tokens the first holds 10 and may say 49 more: 0.7 of these leave 55.7, 0.91 of them 45.4.
    const requests = [requestAt(0, 10, 50), requestAt(0.5, 10, 40)];
    const starts = (scheduleConservativeness: number) =>
      firstTokens(stepsOf('sglang', { ...FLAGS, scheduleConservativeness }, requests, 100).run)[1];
    expect(starts(1)).toBe(2);
    // The share sinks by its 600th part with each step that decodes.
    expect(starts(1.3)).toBeGreaterThan(3);
  });

  test('where pages run out, those that have said least give way', () => {
    const requests = [requestAt(0, 10, 60), requestAt(0.5, 10, 40)];
    const { run } = stepsOf('sglang', { ...FLAGS, scheduleConservativeness: 0.01 }, requests, 80);
    expect([...run.requests.preemptions.values()]).toEqual([0, 1]);
    expect(run.endedEarly).toBeNull();
  });

  test('knows every token of earlier prompts and answers but the last', () => {
    const again = {
      ...textAt(3, 7, 50, 1),
      beginning: [
        { id: 7, tokens: 40 },
        { id: 9, tokens: 3 },
      ],
    };
    const requests = [{ ...textAt(0, 7, 40, 3), answerId: 9 }, again];
    expect(stepsOf('sglang', FLAGS, requests).steps).toEqual(['40/0', '1@41', '1@42', '8/42']);
    const without = { ...FLAGS, disableRadixCache: true };
    expect(stepsOf('sglang', without, requests).steps.at(-1)).toBe('50/0');
  });

  test('runs no more requests than it may', () => {
    const requests = [0, 0, 0].map((at) => requestAt(at, 4, 2));
    expect(firstTokens(stepsOf('sglang', { ...FLAGS, maxRunningRequests: 2 }, requests).run)).toEqual([
      1, 1, 3,
    ]);
  });

  test('decides a step ahead unless it is told not to', () => {
    const requests = [requestAt(0, 10, 9), requestAt(0.5, 10, 1)];
    expect(firstTokens(stepsOf('sglang', FLAGS, requests).run)).toEqual([1, 2]);
    expect(firstTokens(stepsOf('sglang', {}, requests).run)).toEqual([1, 3]);
  });

  test('while it decodes it looks at what has come once in so many steps', () => {
    const flags = { ...FLAGS, schedulerRecvInterval: 4 };
    const requests = [
      requestAt(0, 10, 60),
      requestAt(1.5, 10, 1),
      requestAt(6.5, 10, 1),
      requestAt(43.5, 10, 1),
    ];
    // It looks after each step with prompts, and four steps of decodes later: at 1, 5, 6, 10, 11, 15, …,
    // 43, 47.
    expect(firstTokens(stepsOf('sglang', flags, requests).run)).toEqual([1, 6, 11, 48]);
    // The same where steps without anybody between them are timed together.
    expect(firstTokens(simulateBatching(loadAt(requests), serverOf('sglang', flags)))).toEqual([
      1, 6, 11, 48,
    ]);
    // A server without work looks at once.
    const apart = [requestAt(0, 10, 3), requestAt(20.5, 10, 1)];
    expect(firstTokens(stepsOf('sglang', flags, apart).run)).toEqual([1, 21.5]);
  });
});
