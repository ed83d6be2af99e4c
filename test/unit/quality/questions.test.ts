import { appendFileSync, readFileSync, renameSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { evaluationOf } from '../../../agent/quality/policy.js';
import {
  type QuestionsRequest,
  questionsIn,
  withQuestions,
} from '../../../agent/quality/questions/questions.js';
import { FailureError, failure } from '../../../core/errors.js';
import type { QualityPolicy } from '../../../core/experiment/experiment.js';
import { temporaryFolder } from '../../support/folder.js';
import { doHere, failing } from '../../support/launcher.js';

const failed = async (work: Promise<unknown>) =>
  await work.then(
    () => null,
    (error) => (error instanceof FailureError ? error.failure : error),
  );

const ITEM = JSON.stringify({ id: 'a', question: 'Two?', answer: '2' });

/**
 * A folder with tasks of two files each, and what asks them. @param read what the child that reads them does.
 */
function tasks(read: typeof questionsIn = questionsIn) {
  const folder = temporaryFolder();
  const settings = { modelFolders: [folder], cacheFolder: temporaryFolder() };
  writeFileSync(join(folder, 'said.jsonl'), `${ITEM}\n`);
  writeFileSync(
    join(folder, 'said.yaml'),
    `apiVersion: ridgepoint.dev/v1
kind: Task
metadata: { name: said }
spec: { items: said.jsonl, mode: generate, scorers: [exact, "external:judge"] }
`,
  );
  const policy = { text: null, tasks: ['said.yaml'] } as unknown as QualityPolicy;
  const launcher = doHere({ questions: read });
  const judge = { command: ['judge'], timeoutSeconds: 1, env: {} };
  return { folder, ask: () => evaluationOf(policy, settings, { judge } as never, launcher) };
}

test('questions are checked once for as long as their files stay as they are, and read by whoever asks them', async () => {
  let children = 0;
  const { folder, ask } = tasks((request) => {
    children += 1;
    return questionsIn(request);
  });
  const items = join(folder, 'said.jsonl');
  const write = (text: string) => {
    writeFileSync(items, text);
    utimesSync(items, 1_760_000_000, 1_760_000_000);
  };
  write(`${ITEM}\n`);
  const first = await ask();
  expect(first.request).not.toHaveProperty('tasks.0.items');
  expect(Object.keys(first.scorers)).toEqual(['judge']);
  // What is not read again is not seen to be wrong: the same size, inode and time.
  write(`${'!'.repeat(ITEM.length)}\n`);
  expect(await ask()).toEqual(first);
  expect(children).toBe(1);

  write(`${ITEM}\n`);
  const again = await ask();
  expect(again).toEqual(first);
  const { request } = await withQuestions({ request: again.request });
  expect(request.tasks.map(({ name, items: asked }) => [name, asked.map(({ id }) => id)])).toEqual([
    ['said', ['a']],
  ]);
  const none = await withQuestions({ request: { ...again.request, tasks: [] } });
  expect(none.request.tasks).toEqual([]);
});

test('task files are read by a child alone, and one that they bring down is named by its files', async () => {
  const read: QuestionsRequest[] = [];
  const { folder, ask } = tasks((request) => {
    read.push(request);
    throw failing(failure('out-of-memory', 'reading the task files needed more than its limit of 2048 MiB'));
  });
  writeFileSync(join(folder, 'said.yaml'), 'whoever reads this says so: [');
  expect(await failed(ask())).toMatchObject({
    code: 'impossible-combination',
    message: `the task files ${join(folder, 'said.yaml')} are not usable: reading the task files needed more than its limit of 2048 MiB`,
  });
  expect(read.map(({ named }) => named)).toEqual([[{ file: join(folder, 'said.yaml') }]]);
});

test('whoever asks refuses files that were changed after they had been checked', async () => {
  const { folder, ask } = tasks();
  const { request } = await ask();
  const items = join(folder, 'said.jsonl');
  appendFileSync(items, `${JSON.stringify({ id: 'b', question: 'Three?', answer: '3' })}\n`);
  expect(await failed(withQuestions({ request }))).toMatchObject({
    code: 'digest-mismatch',
    message: expect.stringContaining(`${items} was changed`),
  });
  expect((await withQuestions({ request: (await ask()).request })).request.tasks[0]?.items).toHaveLength(2);

  // A link that leads elsewhere is another file, and one that leads outside is none.
  const outside = join(temporaryFolder(), 'other.jsonl');
  writeFileSync(outside, readFileSync(items));
  renameSync(items, join(folder, 'kept.jsonl'));
  symlinkSync(outside, items);
  expect((await failed(ask()))?.code).toBe('impossible-combination');
});
