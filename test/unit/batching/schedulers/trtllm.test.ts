import { describe, expect, test } from 'vitest';
import { firstTokens, requestAt, stepsOf, textAt } from '../support.js';

const FLAGS = { maxNumTokens: 64, disableOverlapScheduler: true };

describe("TensorRT-LLM's scheduler", () => {
  test('computes whole prompts beside decodes, and cuts them where it is asked to', () => {
    const requests = [requestAt(0, 10, 4), requestAt(0.5, 60, 1), requestAt(0.5, 20, 1)];
    expect(stepsOf('trtllm', FLAGS, requests).steps).toEqual(['10/0', '1@11 60/0', '1@12 20/0', '1@13']);
    const cut = stepsOf('trtllm', { ...FLAGS, enableChunkedPrefill: true }, requests);
    expect(cut.steps).toEqual(['10/0', '1@11 60/0 3/0', '1@12 17/3', '1@13']);
  });

  test('starts a request once blocks for all of its answer are left', () => {
    // Four blocks of 32; each request has two at its end, and one at its start.
    const requests = [0, 0, 0].map(() => requestAt(0, 20, 20));
    expect(firstTokens(stepsOf('trtllm', FLAGS, requests, 128).run)).toEqual([1, 1, 21]);
  });

  test('or for what it has now, and the one that started last pauses where blocks run out', () => {
    const requests = [0, 0, 0].map(() => requestAt(0, 20, 20));
    const most = { ...FLAGS, capacitySchedulerPolicy: 'MAX_UTILIZATION' };
    const { run } = stepsOf('trtllm', most, requests, 128);
    expect(firstTokens(run)).toEqual([1, 1, 1]);
    expect([...run.requests.preemptions.values()]).toEqual([0, 0, 1]);
  });

  test('lets prompts wait for others while something decodes', () => {
    const waits = { ...FLAGS, batchWaitTimeoutIters: 3, batchWaitMaxTokensRatio: 0.5 };
    const first = requestAt(0, 10, 9);
    // Alone it waits three steps; two that fill half of a step do not wait.
    expect(firstTokens(stepsOf('trtllm', waits, [first, requestAt(0.5, 10, 1)]).run)).toEqual([1, 5]);
    const together = [first, requestAt(0.5, 16, 1), requestAt(0.5, 16, 1)];
    expect(firstTokens(stepsOf('trtllm', waits, together).run)).toEqual([1, 2, 2]);
    // Nobody waits where nothing decodes.
    expect(firstTokens(stepsOf('trtllm', waits, [requestAt(0, 10, 1)]).run)).toEqual([1]);
  });

  test('reuses full blocks of 32 tokens', () => {
    const requests = [textAt(0, 7, 40, 1), textAt(1, 7, 40, 1)];
    expect(stepsOf('trtllm', FLAGS, requests).steps).toEqual(['40/0', '8/32']);
    expect(stepsOf('trtllm', { ...FLAGS, enableBlockReuse: false }, requests).steps).toEqual([
      '40/0',
      '40/0',
    ]);
  });

  test('refuses a whole prompt that no step has room for', () => {
    const { run } = stepsOf('trtllm', FLAGS, [requestAt(0, 65, 1)]);
    expect([...run.refusals.values()]).toEqual(['a prompt of 65 tokens is not cut, and a step has 64']);
  });

  test('runs no more requests than it may, and decides a step ahead unless it is told not to', () => {
    const requests = [0, 0, 0].map((at) => requestAt(at, 4, 2));
    expect(firstTokens(stepsOf('trtllm', { ...FLAGS, maxBatchSize: 2 }, requests).run)).toEqual([1, 1, 3]);
    const late = [requestAt(0, 10, 9), requestAt(0.5, 10, 1)];
    expect(firstTokens(stepsOf('trtllm', {}, late).run)).toEqual([1, 3]);
  });
});
