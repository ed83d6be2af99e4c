import { describe, expect, test } from 'vitest';
import { schedulerNamed } from '../../../../batching/schedulers/index.js';
import { firstTokens, requestAt, stepsOf, textAt } from '../support.js';

const FLAGS = { maxNumBatchedTokens: 64, maxNumSeqs: 8, asyncScheduling: false };

describe("vLLM's scheduler", () => {
  test('computes a prompt, then a token a step', () => {
    const { steps } = stepsOf('vllm', FLAGS, [requestAt(0, 40, 3)]);
    expect(steps).toEqual(['40/0', '1@41', '1@42']);
  });

  test('gives decodes their tokens first, and prompts what is left of a step', () => {
    const { steps } = stepsOf('vllm', FLAGS, [requestAt(0, 10, 5), requestAt(0.5, 100, 1)]);
    expect(steps).toEqual(['10/0', '1@11 63/0', '1@12 37/63', '1@13', '1@14']);
  });

  test('cuts the last prompt that a step has room for, and leaves the others', () => {
    const { steps } = stepsOf(
      'vllm',
      FLAGS,
      [50, 50, 10].map((tokens) => requestAt(0, tokens, 1)),
    );
    expect(steps).toEqual(['50/0 14/0', '36/14 10/0']);
  });

  test('lets a request that comes during a step into the next one, and into the one after that where it schedules ahead', () => {
    const requests = [requestAt(0, 10, 9), requestAt(0.5, 10, 1)];
    expect(firstTokens(stepsOf('vllm', FLAGS, requests).run)).toEqual([1, 2]);
    const ahead = { ...FLAGS, asyncScheduling: true };
    expect(firstTokens(stepsOf('vllm', ahead, requests).run)).toEqual([1, 3]);
    // Where nothing is computed, nothing was decided ahead.
    expect(firstTokens(stepsOf('vllm', ahead, [requestAt(0, 10, 1), requestAt(5, 10, 1)]).run)).toEqual([
      1, 6,
    ]);
  });

  test('runs no more requests than it may, in the order in which they came', () => {
    const requests = [0, 0, 0].map((at) => requestAt(at, 4, 2));
    expect(firstTokens(stepsOf('vllm', { ...FLAGS, maxNumSeqs: 2 }, requests).run)).toEqual([1, 1, 3]);
  });

  test('cuts every prompt to pieces of the threshold, so that several go on beside each other', () => {
    const requests = [requestAt(0, 50, 1), requestAt(0, 50, 1)];
    const { steps } = stepsOf('vllm', { ...FLAGS, longPrefillTokenThreshold: 20 }, requests);
    expect(steps).toEqual(['20/0 20/0', '20/20 20/20', '10/40 10/40']);
  });

  test('without chunks, a prompt waits for a step that has room for all of it', () => {
    const whole = { ...FLAGS, enableChunkedPrefill: false };
    const { steps } = stepsOf(
      'vllm',
      whole,
      [50, 50, 10].map((tokens) => requestAt(0, tokens, 1)),
    );
    expect(steps).toEqual(['50/0', '50/0 10/0']);
    const { run } = stepsOf('vllm', whole, [requestAt(0, 65, 1)]);
    expect([...run.refusals.values()]).toEqual(['a prompt of 65 tokens is not cut, and a step has 64']);
  });

  test('where blocks run out, the one that started last gives way and is computed again with what it had said', () => {
    // Four blocks of 16. Both prompts of 30 take two; at the 33rd token each needs a third.
    const { steps, run } = stepsOf('vllm', FLAGS, [requestAt(0, 30, 5), requestAt(0, 30, 5)], 64);
    expect(steps).toEqual(['30/0 30/0', '2@31', '2@32', '1@33', '1@34', '33/0', '1@34']);
    expect([...run.requests.preemptions.values()]).toEqual([0, 1]);
  });

  test('starts a prompt once there are blocks for all of it, or for its first piece alone', () => {
    // The first holds three of four blocks when the second comes, whose prompt needs two.
    const requests = [requestAt(0, 40, 3), requestAt(0.5, 20, 1)];
    const small = { ...FLAGS, maxNumBatchedTokens: 17 };
    const reserved = stepsOf('vllm', small, requests, 64);
    expect(reserved.steps).toEqual(['17/0', '17/17', '6/34', '1@41', '1@42', '17/0', '3/17']);
    const first = stepsOf('vllm', { ...small, schedulerReserveFullIsl: false }, requests, 64);
    // Its second piece finds no block, so it gives way, and begins anew in the step after that.
    expect(first.steps).toEqual(['17/0', '17/17', '6/34 11/0', '1@41', '1@42 16/0', '4/16']);
  });

  test('takes full blocks of earlier prompts from the cache, but computes at least the last token', () => {
    const requests = [textAt(0, 7, 40, 1), textAt(1, 7, 40, 1), textAt(2, 7, 32, 1), textAt(3, 8, 40, 1)];
    const { steps, run } = stepsOf('vllm', FLAGS, requests);
    expect(steps).toEqual(['40/0', '8/32', '16/16', '40/0']);
    expect([...run.requests.cachedTokens.values()]).toEqual([0, 32, 16, 0]);
    const without = stepsOf('vllm', { ...FLAGS, enablePrefixCaching: false }, requests);
    expect(without.steps).toEqual(['40/0', '40/0', '32/0', '40/0']);
  });

  test('shares blocks of a text between requests that run at once', () => {
    // Five blocks: 48 tokens that both share are three, and each has one of its own.
    const requests = [textAt(0, 7, 49, 9), textAt(1, 7, 49, 9)];
    const { run } = stepsOf('vllm', FLAGS, requests, 80);
    expect(firstTokens(run)).toEqual([1, 2]);
    expect(Math.max(...run.series.map(({ cacheTokens }) => cacheTokens))).toBe(80);
  });

  test('refuses what has no room at all', () => {
    const { run } = stepsOf('vllm', FLAGS, [requestAt(0, 60, 5), requestAt(0, 60, 4)], 64);
    expect([...run.refusals]).toEqual([[0, '65 tokens have no room in a cache of 64']]);
    expect(run.requests.done.at(1)).toBe(4);
  });

  test.each([
    [
      { maxNumSeqs: 100, maxNumBatchedTokens: 64 },
      'maxNumBatchedTokens 64 is less than maxNumSeqs 100: vLLM does not start so. Raise it, or lower maxNumSeqs.',
    ],
    [{ maxNumSeq: 1 }, 'The scheduler has no flag maxNumSeq: did you mean maxNumSeqs?'],
    [{ maxNumSeqs: 0 }, 'maxNumSeqs: Too small: expected number to be >=1.'],
  ])('flags %j are refused in a sentence', (flags, sentence) => {
    expect(schedulerNamed('vllm', flags)).toBe(sentence);
  });
});
