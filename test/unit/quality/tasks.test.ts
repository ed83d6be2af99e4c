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
  type TaskItem,
  type TaskItems,
  templateProblem,
} from '../../../core/quality/tasks/items.js';
import { fill, namesIn, valueAt } from '../../../core/quality/tasks/template.js';

function definition(spec: string): TaskDefinition {
  const parsed = parseTaskDefinition(
    `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: t }\nspec:\n  items: t.jsonl\n${spec.replace(/^/gm, '  ')}`,
  );
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.value;
}
const jsonl = (...records: unknown[]) => records.map((record) => JSON.stringify(record)).join('\n');
function items(task: TaskDefinition, ...records: unknown[]): readonly TaskItem[] {
  const parsed = parseItems(task, jsonl(...records));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.value.items;
}
const all = (asked: readonly TaskItem[]): TaskItems => ({ items: asked, leftOut: { byOnly: 0, several: 0 } });
function mistakes(task: TaskDefinition, text: string): string[] {
  const parsed = parseItems(task, text);
  return parsed.ok ? [] : parsed.mistakes.map(({ line, message }) => `${line}: ${message}`);
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

  test('every mistake at once, each with its line', () => {
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
    const found = mistakes(plain, text);
    expect(found.map((mistake) => mistake.split(':')[0])).toEqual([
      '2',
      '3',
      '4',
      '6',
      '7',
      '8',
      '9',
      '10',
      '11',
      '12',
      '13',
      '14',
      '15',
    ]);
    expect(found[2]).toBe('4: the answer 2 is not a whole number from 0 to 1 (2 options)');
    expect(found[4]).toBe('7: the answer C is not a letter from A to B');
    expect(found[6]).toBe('9: the field choices (the options) is missing');
    expect(found[12]).toBe('15: the id one has been used before');
  });

  test('an empty file, dangerous patterns and a flood of mistakes are told', () => {
    expect(mistakes(plain, '\n\n')).toEqual(['1: there is no item']);
    const pattern = definition('mode: generate\nscorers: [regex]');
    expect(mistakes(pattern, jsonl({ question: 'x', answer: '(a+)+$' }))[0]).toContain('for ever');
    const flood = mistakes(plain, 'x\n'.repeat(5000));
    expect(flood).toHaveLength(101);
    expect(flood.at(-1)).toBe('101: and 4900 more mistakes from here on');
  });

  test('any text is items or mistakes, never an exception', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json())), (texts) => {
        const parsed = parseItems(plain, texts.join('\n'));
        if (!parsed.ok) expect(parsed.mistakes.length).toBeGreaterThan(0);
      }),
    );
  });
});

describe('definitions', () => {
  test('mistakes have places', () => {
    const parsed = parseTaskDefinition(
      'apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: t }\nspec:\n  items: t.jsonl\n  mode: guess\n  scorers: [bleu]\n  shots: 3\n',
    );
    expect(parsed.ok).toBe(false);
    if (parsed.ok) return;
    expect(parsed.mistakes.map(({ path, line }) => [path, line])).toEqual([
      ['spec.mode', 6],
      ['spec.scorers[0]', 7],
      ['spec.shots', 8],
    ]);
    expect(parseTaskDefinition('a: [').ok).toBe(false);
    expect(templateProblem(definition('continuation: " {answer}"'))).toContain('{choice}');
  });
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
