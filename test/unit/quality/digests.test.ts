import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { digestsOf } from '../../../agent/quality/questions/digests.js';
import { readTasks } from '../../../agent/quality/questions/task-files.js';
import { changeSentences, changesOf, type QuestionsOfTask } from '../../../core/quality/questions.js';
import { sharedFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

const folder = sharedFolder();

interface Written {
  readonly spec?: string;
  readonly items?: readonly object[];
}

const CHOICE = [0, 1, 0].map((answer, i) => ({
  id: `i${i}`,
  question: `Q${i}?`,
  choices: ['a', 'b'],
  answer,
}));
const SAID = CHOICE.map(({ id, question }) => ({ id, question, answer: 'a' }));

function digests({ spec = '', items = CHOICE }: Written) {
  writeFileSync(join(folder, 'items.jsonl'), items.map((item) => JSON.stringify(item)).join('\n'));
  const path = join(folder, 'task.yaml');
  writeFileSync(
    path,
    `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: t }\nspec: { items: items.jsonl, ${spec} }\n`,
  );
  return digestsOf(sound(readTasks([path])).tasks[0]!);
}

const GENERATE = 'mode: generate, scorers: [exact]';
const keyed = (answer: unknown, items: readonly object[] = CHOICE) =>
  items.map((item, i) => (i === 2 ? { ...item, answer } : item));

test.each<
  [what: string, before: Written, after: Written, changed: 'asking' | 'scoring' | 'nothing' | 'both']
>([
  ['nothing', {}, {}, 'nothing'],
  ['a key', {}, { items: keyed(1) }, 'scoring'],
  ['an item', {}, { items: [{ ...CHOICE[0], question: 'Else?' }, ...CHOICE.slice(1)] }, 'asking'],
  ['an option', {}, { items: [{ ...CHOICE[0], choices: ['a', 'c'] }, ...CHOICE.slice(1)] }, 'asking'],
  ['one item more', {}, { items: [...CHOICE, { ...CHOICE[0], id: 'new' }] }, 'both'],
  ['a template', {}, { spec: 'prompt: "{question} So:"' }, 'asking'],
  ['a template that says the same', {}, { spec: 'prompt: "{question}"' }, 'nothing'],
  ['chat', {}, { spec: 'chat: true' }, 'asking'],
  ['groups', {}, { spec: 'fields: { group: [id] }' }, 'scoring'],
  [
    'the key of an example that is shown',
    { spec: 'fewShot: 1' },
    { spec: 'fewShot: 1', items: [{ ...CHOICE[0], answer: 1 }, ...CHOICE.slice(1)] },
    'asking',
  ],
  ['a reference', { spec: GENERATE, items: SAID }, { spec: GENERATE, items: keyed('b', SAID) }, 'scoring'],
  [
    'scorers',
    { spec: GENERATE, items: SAID },
    { spec: GENERATE.replace('exact', 'chrf'), items: SAID },
    'scoring',
  ],
  [
    'what is read',
    { spec: GENERATE, items: SAID },
    { spec: `${GENERATE}, extract: number`, items: SAID },
    'scoring',
  ],
  [
    'votes',
    { spec: `${GENERATE}, samples: 3`, items: SAID },
    { spec: `${GENERATE}, samples: 3, votes: [2]`, items: SAID },
    'scoring',
  ],
  [
    'sampling',
    { spec: GENERATE, items: SAID },
    { spec: `${GENERATE}, sampling: { temperature: 1 }`, items: SAID },
    'asking',
  ],
  [
    'the longest answer',
    { spec: GENERATE, items: SAID },
    { spec: `${GENERATE}, maxTokens: 5`, items: SAID },
    'asking',
  ],
  ['a tolerance of choices that nobody reads', {}, { spec: 'maxTokens: 5' }, 'nothing'],
])('%s', (_, before, after, changed) => {
  const [was, is] = [digests(before), digests(after)];
  const others = { asking: was.asking !== is.asking, scoring: was.scoring !== is.scoring };
  expect(others).toEqual({
    asking: changed === 'asking' || changed === 'both',
    scoring: changed === 'scoring' || changed === 'both',
  });
});

test('what is to be done follows from both digests, with its reason in words', () => {
  const one = (task: string | null, asking: string, scoring: string): QuestionsOfTask => ({
    task,
    asking,
    scoring,
  });
  const before = [
    one('a', '1', '1'),
    one('b', '1', '1'),
    one('c', '1', '1'),
    one(null, '1', '1'),
    one('gone', '1', '1'),
  ];
  const now = [
    one('a', '1', '1'),
    one('b', '1', '2'),
    one('c', '2', '2'),
    one(null, '2', '1'),
    one('new', '1', '1'),
  ];
  const changes = changesOf(before, now);
  expect(changes.map(({ task, todo }) => [task, todo])).toEqual([
    ['b', 'score again'],
    ['c', 'ask again'],
    [null, 'ask again'],
    ['new', 'ask'],
    ['gone', 'drop'],
  ]);
  expect(changesOf(null, now).every(({ todo }) => todo === 'ask')).toBe(true);
  expect(changeSentences([changes.slice(0, 2), changes.slice(0, 1)])).toEqual([
    '2 rows: the key, the scorers or a judge of b changed: scored again from kept answers',
    '1 row: the questions of c changed: asked again',
  ]);
});
