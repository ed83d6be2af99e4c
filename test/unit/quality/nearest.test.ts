import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readTasks } from '../../../agent/quality/questions/task-files.js';
import { withVectors } from '../../../core/quality/tasks/few-shot.js';
import { temporaryFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

const ITEMS = ['cats purr', 'iron rusts', 'dogs bark', 'gold shines'];
function read(fewShot: string) {
  const folder = temporaryFolder();
  const items = ITEMS.map((question, i) => JSON.stringify({ id: `${i}`, question, answer: `a${i}` }));
  writeFileSync(join(folder, 'items.jsonl'), items.join('\n'));
  const path = join(folder, 't.yaml');
  writeFileSync(
    path,
    `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: t }\nspec: { items: items.jsonl, mode: generate, scorers: [numeric], fewShot: ${fewShot} }\n`,
  );
  return readTasks([path]);
}

/** Animals lie apart from metals. */
const vectorsOf = async (texts: readonly string[]) =>
  texts.map((text) => (/cats|dogs/.test(text) ? [1, text.length / 100] : [text.length / 100, 1]));

test('examples are those whose embedding is nearest, of the others', async () => {
  const tasks = sound(read('{ count: 1, pick: nearest, embeddings: mean }'));
  const [task] = tasks.tasks;
  expect(task!.awaits?.pooling).toBe('mean');
  const { items, awaits } = await withVectors(task!, vectorsOf);
  expect(awaits).toBeUndefined();
  expect(items.map(({ shown }) => shown)).toEqual([['2'], ['3'], ['0'], ['1']]);
  expect(String(items[0]!.prompt)).toMatch(/^dogs bark a2\s+cats purr$/);
});

test('a task that waits for no vectors is left as it is', async () => {
  const tasks = read('{ count: 1, pick: nearest }');
  const [task] = tasks.ok ? tasks.tasks : [];
  expect(await withVectors(task!, vectorsOf)).toBe(task);
});

test.each([
  ['{ count: 1, embeddings: mean }', /embeddings is for `pick: nearest`/],
  ['{ count: 1, pick: nearest, vectors: v, embeddings: mean }', /vectors and embeddings/],
  ['{ count: 1, pick: nearest, embeddings: average }', /fewShot/],
])('%s is refused', (fewShot, reason) => {
  const tasks = read(fewShot);
  expect(tasks.ok ? '' : tasks.errors.join('\n')).toMatch(reason);
});
