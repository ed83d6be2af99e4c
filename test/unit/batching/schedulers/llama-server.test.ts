import { describe, expect, test } from 'vitest';
import { schedulerNamed } from '../../../../batching/schedulers/index.js';
import { firstTokens, requestAt, stepsOf, textAt } from '../support.js';

const FLAGS = { parallel: 2, batchSize: 64, ubatchSize: 32, kvUnified: true };

describe("llama-server's scheduler", () => {
  test('passes a batch through the model in micro-batches, decodes first', () => {
    const { steps, run } = stepsOf('llama-server', FLAGS, [requestAt(0, 10, 4), requestAt(0.5, 80, 1)]);
    // The second step is two passes, the third one.
    expect(steps).toEqual(['10/0', '1@11 31/0', '32/31', '1@12 17/63', '1@13']);
    expect(run.steps).toBe(4);
    expect(firstTokens(run)).toEqual([1, 4]);
  });

  test('has as many slots as it is told, and others wait', () => {
    const requests = [0, 0, 0].map((at) => requestAt(at, 4, 2));
    expect(firstTokens(stepsOf('llama-server', FLAGS, requests).run)).toEqual([1, 1, 3]);
  });

  test('shares a batch between slots in their order', () => {
    const { steps } = stepsOf('llama-server', { ...FLAGS, ubatchSize: 64 }, [
      requestAt(0, 50, 1),
      requestAt(0, 50, 1),
    ]);
    expect(steps).toEqual(['50/0 14/0', '36/14']);
  });

  test('a slot knows what it computed last, and a prompt goes to the one that knows it', () => {
    const requests = [textAt(0, 7, 20, 1), textAt(2, 8, 20, 1), textAt(4, 8, 20, 1), textAt(6, 7, 20, 1)];
    expect(stepsOf('llama-server', FLAGS, requests).steps).toEqual(['20/0', '20/0', '1/19', '1/19']);
    const without = stepsOf('llama-server', { ...FLAGS, cachePrompt: false }, requests);
    expect(without.steps).toEqual(['20/0', '20/0', '20/0', '20/0']);
  });

  test('knows an answer too, but for its last token', () => {
    const next = {
      ...textAt(5, 7, 30, 1),
      beginning: [
        { id: 7, tokens: 20 },
        { id: 9, tokens: 3 },
      ],
    };
    const requests = [{ ...textAt(0, 7, 20, 3), answerId: 9 }, next];
    expect(stepsOf('llama-server', FLAGS, requests).steps).toEqual(['20/0', '1@21', '1@22', '8/22']);
  });

  test('a prompt that no slot knows takes the one that rested longest, whose text is gone then', () => {
    const requests = [7, 8, 9, 7, 8].map((id, place) => textAt(2 * place, id, 20, 1));
    // 9 takes the slot of 7, 7 that of 8, and 8 that of 9.
    expect(stepsOf('llama-server', FLAGS, requests).steps).toEqual(['20/0', '20/0', '20/0', '20/0', '20/0']);
  });

  test('a beginning that is too small a share of the prompt chooses no slot', () => {
    const shared = (at: number, tokens: number) => ({
      ...requestAt(at, 40, 1),
      beginning: [{ id: 1, tokens }],
    });
    // Both rest; the first has rested longer. The third shares 3 of 40 tokens with the second.
    const requests = [requestAt(0, 40, 1), shared(2, 3), shared(4, 3)];
    expect(stepsOf('llama-server', { ...FLAGS, ubatchSize: 64 }, requests).steps.at(-1)).toBe('40/0');
    const eager = stepsOf('llama-server', { ...FLAGS, ubatchSize: 64, slotPromptSimilarity: 0.05 }, requests);
    expect(eager.steps.at(-1)).toBe('37/3');
  });

  test('refuses what has no room in the context of a slot', () => {
    const { run } = stepsOf('llama-server', { ...FLAGS, ctxSize: 100 }, [requestAt(0, 40, 11)]);
    expect([...run.refusals.values()]).toEqual(['51 tokens have no room in a cache of 50']);
  });

  test('a batch has a token for each slot', () => {
    expect(schedulerNamed('llama-server', { parallel: 9, batchSize: 8 })).toBe(
      'batchSize 8 has no token for each of 9 slots. Raise it, or lower parallel.',
    );
  });
});
