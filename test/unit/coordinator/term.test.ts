import { expect, test } from 'vitest';
import { OwnTerm, untilOver } from '../../../coordinator/log/leadership.js';

const leader = { holder: 'one', grpc: 'one:1', web: null };

test('work that ends after its term did ends unheard, also where the term was over before', async () => {
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  for (const overBefore of [true, false]) {
    const term = new OwnTerm(leader);
    if (overBefore) await term.resign([]);
    let fail = (_: Error): void => {};
    const work = new Promise<never>((_, reject) => {
      fail = reject;
    });
    const waiting = untilOver(work, term);
    void term.resign([]);
    await expect(waiting).rejects.toThrow(/^This coordinator leads no more: it has resigned/);
    fail(new Error('the server does not answer'));
  }
  // Rejections that nobody waits for are told after microtasks.
  await new Promise((resolve) => setImmediate(resolve));
  process.off('unhandledRejection', hear);
  expect(unheard).toEqual([]);
});
