import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readTasks } from '../../../agent/quality/questions/task-files.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { MOST_BYTES } from '../../../formats/bounded-file.js';
import { temporaryFolder } from '../../support/folder.js';

const examples = join(import.meta.dirname, '../../../docs/examples/tasks');
const fixtures = join(import.meta.dirname, '../../fixtures/tasks');
const names = readdirSync(examples)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => basename(name, '.yaml'))
  // Some have their own questions beside them.
  .filter((name) => {
    const [, items = ''] =
      /^ {2}items: (\S+)$/m.exec(readFileSync(join(examples, `${name}.yaml`), 'utf8')) ?? [];
    return !existsSync(join(examples, items));
  });

/** The task of docs/examples, asked of the made-up items of the same name in place of the data set's file. */
function read(name: string): Task {
  const made = readTasks([join(examples, `${name}.yaml`)], (path) =>
    path.endsWith('.yaml') ? path : join(fixtures, `${name}.jsonl`),
  );
  if (!made.ok) throw new Error(made.errors.join('\n'));
  return made.tasks[0]!;
}

/** Of each item: the texts of its right options, and its groups. */
const right = (name: string) => read(name).items.map(({ choices, groups }) => [choices?.answers, groups]);

describe('data sets need a mapping, not code', () => {
  test('every mapping has made-up items in the shape of its data set', () => {
    expect(names.filter((name) => !existsSync(join(fixtures, `${name}.jsonl`)))).toEqual([]);
    for (const name of names) expect(read(name).items.length, name).toBeGreaterThan(0);
  });

  test('M3Exam: labels in the options, backgrounds as lists, pictures left out', () => {
    const { items, leftOut } = read('m3exam');
    expect(leftOut).toEqual({ byOnly: 1, several: 0 });
    expect(items.map(({ prompt }) => prompt)).toEqual([
      'Read the table.\nIt lists three harbours.\nWhich of these came first?\nA. the stone pier\nB. the wooden pier\nC. the light house\nAnswer:',
      '以下哪一项最大？\nA. 一\nB. 二\nC. 三\nD. 零\nAnswer:',
    ]);
    expect(right('m3exam')).toEqual([
      [[1], { language: 'english', level: 'mid', subject_category: 'social-science' }],
      [[2], { language: 'chinese', level: 'high', subject_category: 'math' }],
    ]);
  });

  test('CMExam: options as records or as lines of one text; several right ones left out', () => {
    for (const name of ['cmexam', 'cmexam-annotated']) {
      const { items, leftOut } = read(name);
      expect(leftOut).toEqual({ byOnly: 0, several: 1 });
      expect(items[0]?.choices).toEqual({ continuations: [' A', ' B', ' C'], answers: [1] });
    }
    expect(read('cmexam').items[0]?.prompt).toBe('下列哪一种是水果\nA. 石头\nB. 苹果\nC. 桌子\n答案：');
    expect(read('cmexam-annotated').items[0]?.prompt).toBe('下列哪一种会飞\nA. 鱼\nB. 鸟\nC. 树\n答案：');
    expect(read('cmexam-annotated').items[0]?.groups).toMatchObject({
      'Difficulty Level': '1',
      Competency: '知识',
    });
  });

  test('SuperGPQA: up to ten options, three groupings', () => {
    expect(right('supergpqa')).toEqual([
      [[9], { discipline: 'Science', field: 'Mathematics', difficulty: 'easy' }],
      [[0], { discipline: 'Engineering', field: 'Naval Architecture', difficulty: 'middle' }],
    ]);
    expect(read('supergpqa').items[0]?.prompt).toContain('\nJ. 10\nAnswer:');
  });

  test('MedExpQA: a map padded with null, the answer by its key', () => {
    const { items } = read('medexpqa');
    expect(items[1]?.prompt).toContain('A. On the roof.\nB. Under the bed.\nC. In the sea.\nD. On the foot.');
    expect(right('medexpqa')).toEqual([
      [[0], { lang: 'en', type: 'GENERAL' }],
      [[3], { lang: 'en', type: 'SURGERY' }],
    ]);
  });

  test('OpsEval: a JSON list, topics as lists, answers in words', () => {
    expect(read('opseval').leftOut.several).toBe(1);
    expect(right('opseval')).toEqual([[[0], { topic: 'Cables' }]]);
    expect(read('opseval-answers').items[1]).toMatchObject({
      id: 'Log Analysis-901',
      prompt: '如何读日志？\n答：',
      references: ['一行一行地读。'],
    });
  });

  test('SecBench: letters, several of them left out', () => {
    expect(read('secbench').leftOut.several).toBe(1);
    expect(right('secbench')).toEqual([
      [
        [0],
        { language: 'English', domain: 'D6. Identity and Access Control', ability: 'Knowledge Retention' },
      ],
    ]);
  });

  test('PUB: a field with a blank in its name, the answer in words', () => {
    const [first] = read('pub').items;
    expect(first?.choices).toEqual({ continuations: [' direct answer', ' indirect answer'], answers: [1] });
    expect(first?.prompt).toBe('X asks: Do you like tea? Y says: I drink nothing else.\nAnswer:');
  });
});

test('questions of more bytes than any task has are not read', () => {
  const path = join(temporaryFolder(), 'many.jsonl');
  writeFileSync(path, '');
  truncateSync(path, MOST_BYTES.questions + 1);
  expect(readTasks([path])).toEqual({
    ok: false,
    errors: [`${path}: many.jsonl has 268435457 bytes, and 268435456 are the most it may have`],
  });
});
