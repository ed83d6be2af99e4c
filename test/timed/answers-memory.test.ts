import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { askNumbers, keeping, numbers, speaker } from '../support/asked-numbers.js';
import { cases } from '../support/cases.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What lives in the heap of this process. */
function livingBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

test('what was said to each item takes no more memory for more of it', async () => {
  const kept = keeping();
  const items = cases(20_000);
  const task = numbers(items);
  const before = livingBytes();
  // 2 kB each: 40 MB of text in the long run.
  const { answers } = await askNumbers(kept, task, speaker([], { says: 'y'.repeat(2000) }));
  expect(livingBytes() - before).toBeLessThan(Math.max(4e6, 400 * items));
  expect(answers?.items).toBe(items);
  expect(answers?.bytes).toBeGreaterThan(2000 * items);
});
