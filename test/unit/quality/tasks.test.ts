import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  parseTaskDefinition,
  plainTask,
  type TaskDefinition,
} from '../../../core/quality/tasks/definition.js';
import { withExamples } from '../../../core/quality/tasks/few-shot.js';
import {
  parseItems,
  type ReadItem,
  type TaskItems,
  templateProblem,
} from '../../../core/quality/tasks/items.js';
import { fill, namesIn, valueAt } from '../../../core/quality/tasks/template.js';
import { forAll } from '../../support/for-all.js';
import { sound } from '../../support/reading.js';

function definition(spec: string): TaskDefinition {
  const parsed = parseTaskDefinition(
    `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: t }\nspec:\n  items: t.jsonl\n${spec.replace(/^/gm, '  ')}`,
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.diagnostics));
  return parsed.value;
}
const jsonl = (...records: unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');
function items(task: TaskDefinition, ...records: unknown[]): readonly ReadItem[] {
  const parsed = sound(parseItems(task, jsonl(...records)));
  return parsed.value.items;
}
const all = (asked: readonly ReadItem[]): TaskItems<ReadItem> => ({
  items: asked,
  leftOut: { byOnly: 0, several: 0 },
});
function errors(task: TaskDefinition, text: string): string[] {
  const parsed = parseItems(task, text);
  return parsed.ok ? [] : parsed.diagnostics.map(({ line, message }) => `${line}: ${message}`);
}
const plain = plainTask('t', 't.jsonl');

describe('items', () => {
  test('common field names need no mapping', () => {
    const [item] = items(plain, {
      id: 'q1',
      context: 'The sky is',
      choices: [' blue', ' green'],
      answer: 0,
      group: 'en',
    });
    expect(item).toEqual({
      id: 'q1',
      groups: { group: 'en' },
      prompt: 'The sky is',
      choices: { continuations: [' blue', ' green'], answers: [0] },
      references: [' blue'],
    });
  });

  test('data sets of other shapes need a mapping, not code', () => {
    // Options in fields of their own, answers from 1, as PUB and many spreadsheets have them.
    const columns = definition(
      'fields: { question: q, choices: [a, b, c], answer: right }\nanswerIs: number\ncontinuation: " {choice}"',
    );
    expect(items(columns, { q: 'x', a: 'one', b: 'two', c: 'three', right: '3' })[0]?.choices).toEqual({
      continuations: [' one', ' two', ' three'],
      answers: [2],
    });
    // Options as a map, the answer as its letter, deeper in the record, as MedExpQA and CMExam have them.
    const nested = definition(
      'mode: letter\nfields: { question: data.text, choices: data.options, answer: data.key, group: discipline }\nprompt: "[{discipline}] {question}\\n{choices}\\nAntwort:"',
    );
    const [item] = items(nested, {
      discipline: 'cardiology',
      data: { text: 'Which?', options: { A: 'this', B: 'that' }, key: 'b' },
    });
    expect(item?.prompt).toBe('[cardiology] Which?\nA. this\nB. that\nAntwort:');
    expect(item?.choices).toEqual({ continuations: [' A', ' B'], answers: [1] });
    expect(item?.groups).toEqual({ discipline: 'cardiology' });
    // Several right answers in words.
    const spoken = definition('mode: generate\nscorers: [exact, numeric]\nfields: { answer: answers }');
    expect(items(spoken, { question: '2 + 2 =', answers: [4, 'four'] })[0]?.references).toEqual([
      '4',
      'four',
    ]);
  });

  test('every error at once, each with its line', () => {
    const good = { question: 'x', choices: ['a', 'b'], answer: 1 };
    const text = [
      JSON.stringify({ id: 'one', ...good }),
      '{"question": "x", ',
      '[1, 2]',
      JSON.stringify({ ...good, answer: 2 }),
      '',
      JSON.stringify({ ...good, answer: -1 }),
      JSON.stringify({ ...good, answer: 'C' }),
      JSON.stringify({ ...good, answer: 'neither' }),
      JSON.stringify({ question: 'x', answer: 0 }),
      JSON.stringify({ choices: ['a', 'b'], answer: 0 }),
      JSON.stringify({ ...good, choices: ['only'] }),
      JSON.stringify({ ...good, choices: ['a', { b: 1 }] }),
      JSON.stringify({ ...good, choices: ['', 'b'] }),
      JSON.stringify({ question: 'x', choices: ['a', 'b'] }),
      JSON.stringify({ id: 'one', ...good }),
    ].join('\r\n');
    const found = errors(plain, text);
    expect(found.map((error) => error.split(':')[0])).toEqual('2 3 4 6 7 8 9 10 11 12 13 14 15'.split(' '));
    expect(found[2]).toBe('4: the answer 2 is not a whole number from 0 to 1 (2 options)');
    expect(found[4]).toBe('7: the answer C is not a letter from A to B');
    expect(found[6]).toBe('9: the field choices (the options) is missing');
    expect(found[12]).toBe('15: the id one has been used before');
  });

  test('an empty file, dangerous patterns and a flood of errors are reported', () => {
    expect(errors(plain, '\n\n')).toEqual(['1: there is no item']);
    const pattern = definition('mode: generate\nscorers: [regex]');
    expect(errors(pattern, jsonl({ question: 'x', answer: '(a+)+$' }))[0]).toContain('for ever');
    const flood = errors(plain, 'x\n'.repeat(5000));
    expect(flood).toHaveLength(101);
    expect(flood.at(-1)).toBe('101: and 4900 more errors from here on');
  });

  test('any text is items or errors, never an exception', () => {
    forAll(100, [fc.array(fc.oneof(fc.string(), fc.json()))], (texts) => {
      const parsed = parseItems(plain, texts.join('\n'));
      if (!parsed.ok) expect(parsed.diagnostics.length).toBeGreaterThan(0);
    });
  });
});

describe('options and answers in the shapes that data sets have', () => {
  const one = (spec: string, record: object) => {
    const task = definition(spec);
    const found = errors(task, JSON.stringify(record));
    if (found.length > 0) return found;
    const parsed = sound(parseItems(task, JSON.stringify(record)));
    const [item] = parsed.value.items;
    return [item?.choices?.continuations, item?.choices?.answers];
  };
  const labels = 'optionLabels: inText\nanswerIs: label';

  test.each([
    ['(1) a', '2', [['a', 'b', 'c'], [1]]],
    ['A. a', 'c', [['a', 'b', 'c'], [2]]],
    ['A) a', 'A', [['a', 'b', 'c'], [0]]],
    ['a: a', 'B', [['a', 'b', 'c'], [1]]],
    ['（1）a', '3', [['a', 'b', 'c'], [2]]],
    ['A、a', 'B', [['a', 'b', 'c'], [1]]],
    ['A a', 'B', [['a', 'b', 'c'], [1]]],
  ])('labels such as in %j', (first, answer, expected) => {
    const label = first.replace(/a$/, '');
    const next = (n: number) =>
      label.replace(/[Aa1]/, (c) => String.fromCharCode(c.charCodeAt(0) + n)) + String.fromCharCode(97 + n);
    const choices = [first, next(1), next(2)];
    expect(one(labels, { question: 'x', choices, answer })).toEqual(expected);
    expect(one(labels, { question: 'x', choices: choices.join('\n'), answer })).toEqual(expected);
  });

  test('what is no label, and an answer that names none, is told', () => {
    expect(one(labels, { question: 'x', choices: ['A. a', 'Bb'], answer: 'A' })).toEqual([
      '1: the option "Bb" does not begin with a label such as (1) or A.',
    ]);
    expect(one(labels, { question: 'x', choices: ['(1) a', '(2) b'], answer: 3 })).toEqual([
      '1: the answer 3 is none of the labels 1, 2',
    ]);
    // A word that begins with a letter is not labelled by it.
    expect(one('', { question: 'x', choices: ['A car', 'B'], answer: 1 })).toEqual([['A car', 'B'], [1]]);
  });

  test('options that are not there keep the names of the others', () => {
    const record = { question: 'x', options: { 1: 'a', 2: null, 3: 'b', 4: '' }, answer: 3 };
    expect(one('answerIs: label', record)).toEqual([['a', 'b'], [1]]);
    expect(one('answerIs: label', { ...record, answer: 2 })).toEqual([
      '1: the answer 2 is none of the labels 1, 3',
    ]);
    // In a list they would move the index of those behind them.
    expect(one('', { question: 'x', choices: ['a', null, 'b'], answer: 1 })).toEqual([
      '1: choices has to hold 2 to 26 options, each text or a number',
    ]);
  });

  test.each([
    ['A,C', [0, 2]],
    ['CA', [0, 2]],
    ['a c', [0, 2]],
    [
      ['A', 'C'],
      [0, 2],
    ],
    ['A、C', [0, 2]],
  ])('several right options, written %j', (answer, expected) => {
    const record = { question: 'x', choices: ['a', 'b', 'c'], answer };
    expect(one('answerIs: letter\nseveralAnswers: any', record)).toEqual([['a', 'b', 'c'], expected]);
    expect(one('answerIs: letter', record)).toEqual([
      '1: 2 options are right; severalAnswers says what to do with such an item',
    ]);
    expect(one('answerIs: letter\nseveralAnswers: skip', record)).toEqual(['1: every item is left out']);
  });

  test('only the items that are asked for, by any of several values', () => {
    const task = definition('only: { language: [en, de], hard: true, year: 2020 }');
    const record = { question: 'x', choices: ['a', 'b'], answer: 0, language: 'de', hard: true, year: 2020 };
    const parsed = parseItems(
      task,
      jsonl(
        record,
        { ...record, language: 'fr' },
        { ...record, hard: false },
        { ...record, year: undefined },
      ),
    );
    expect(parsed.ok && parsed.value).toMatchObject({ items: [{ id: 'line 1' }], leftOut: { byOnly: 3 } });
    expect(errors(task, jsonl({ ...record, language: 'fr' }))).toEqual(['1: every item is left out']);
  });

  test('a JSON list is as good as lines; what is no record is told by its number', () => {
    const record = { question: 'x', choices: ['a', 'b'], answer: 0 };
    const parsed = parseItems(plain, JSON.stringify([record, record], null, 2));
    expect(parsed.ok && parsed.value.items.map(({ id }) => id)).toEqual(['item 1', 'item 2']);
    expect(errors(plain, JSON.stringify([record, 4]))).toEqual(['2: the item is JSON, but not an object']);
  });

  test('a place that is empty takes its line with it, and a list has a line for each', () => {
    const task = definition('mode: generate\nprompt: "{background}\\n{question} {hint}\\nA:"');
    const prompt = (background: unknown) =>
      items(task, { question: 'q', answer: 'a', background, hint: '' })[0]?.prompt;
    expect(prompt([])).toBe('q \nA:');
    expect(prompt('')).toBe('q \nA:');
    expect(prompt(['one', 'two'])).toBe('one\ntwo\nq \nA:');
  });
});

test('definitions: errors have places', () => {
  const parsed = parseTaskDefinition(
    'apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: t }\nspec:\n  items: t.jsonl\n  mode: guess\n  scorers: [meteor]\n  shots: 3\n',
  );
  expect(parsed.ok).toBe(false);
  if (parsed.ok) return;
  expect(parsed.diagnostics.map(({ path, line }) => [path, line])).toEqual([
    ['spec.mode', 6],
    ['spec.scorers[0]', 7],
    ['spec.shots', 8],
  ]);
  expect(parseTaskDefinition('a: [').ok).toBe(false);
  expect(templateProblem(definition('continuation: " {answer}"'))).toContain('{choice}');
});

describe('templates', () => {
  test('values are put in as they are, braces can be written', () => {
    expect(fill('{{a}} {a} {b.c}', (name) => (name === 'a' ? '{b}' : name))).toBe('{a} {b} b.c');
    expect(namesIn('{a} {{b}} { c }')).toEqual(['a', 'c']);
  });

  test('only a record’s own fields are reached', () => {
    expect(valueAt({ a: { b: 1 }, 'x.y': 2 }, 'a.b')).toBe(1);
    expect(valueAt({ 'x.y': 2 }, 'x.y')).toBe(2);
    expect(valueAt({}, 'constructor.name')).toBeUndefined();
    expect(valueAt({ a: 'text' }, 'a.length')).toBeUndefined();
  });
});

describe('few-shot', () => {
  const record = (n: number) => ({
    id: `q${n}`,
    question: `${n} + ${n} =`,
    choices: [` ${n}`, ` ${2 * n}`],
    answer: 1,
  });

  test('the first items are shown solved and not scored', () => {
    const task = definition('fewShot: { count: 2 }');
    const made = withExamples(task, all(items(task, record(1), record(2), record(3))), null);
    if (typeof made === 'string') throw new Error(made);
    expect(made.items.map(({ id }) => id)).toEqual(['q3']);
    expect(made.items[0]?.prompt).toBe('1 + 1 = 2\n\n2 + 2 = 4\n\n3 + 3 =');
  });

  test('examples of their own leave every item to be asked; too few are refused', () => {
    const task = definition('mode: generate\nfewShot: { count: 1, items: dev.jsonl, separator: "\\n" }');
    const asked = items(task, record(5));
    const made = withExamples(task, all(asked), items(task, record(7)));
    if (typeof made === 'string') throw new Error(made);
    expect(made.items[0]?.prompt).toBe('7 + 7 = 1\n5 + 5 =');
    expect(withExamples(task, all(asked), [])).toMatch(/asks for 1 examples, and there are 0/);
    const greedy = definition('fewShot: { count: 1 }');
    expect(withExamples(greedy, all(items(greedy, record(1))), null)).toMatch(/none is left/);
  });
});
