import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { pythonLiteral, pythonPattern, pythonText } from '../../../agent/quality/lm-eval/python.js';
import { openTemplate } from '../../../agent/quality/lm-eval/templates.js';
import { readTasks } from '../../../agent/quality/questions/task-files.js';
import { scoredReadings } from '../../../core/quality/reading/readings.js';
import type { AskingOptions } from '../../../core/quality/tasks/asking.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { sharedFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

const folder = sharedFolder();
const examples = join(import.meta.dirname, '../../../docs/examples/tasks/lm-eval');

/** One made-up record of each data set, with the fields that it has. */
const RECORDS: Readonly<Record<string, object>> = {
  hellaswag: {
    activity_label: 'Baking',
    ctx_a: 'A man stands [step] in a kitchen.',
    ctx_b: 'the MAN',
    endings: ['eats  it. [title] Done', 'sings.'],
    label: '1',
  },
  arc: { question: 'What is hot?', choices: { text: ['ice', 'fire'], label: ['1', '2'] }, answerKey: '2' },
  winogrande: {
    sentence: 'The cup fell off the table, for _ was steep.',
    option1: 'the cup',
    option2: 'the table',
    answer: '2',
  },
  piqa: { goal: 'Dry a plate', sol1: 'use a towel', sol2: 'use soup', label: 0 },
  boolq: { passage: 'Snow is cold.', question: 'is snow warm', label: 0 },
  rte: { sentence1: 'It rains.', sentence2: 'It is wet.', label: 0 },
  openbookqa: {
    question_stem: 'The sun is',
    choices: { text: ['hot', 'cold'], label: ['A', 'B'] },
    answerKey: 'A',
  },
  mmlu: { question: ' What is 2 + 2? ', choices: ['1', '2', '3', '4'], answer: 3, subject: 'sums' },
  gsm8k: { question: 'How many are 2 and 3?', answer: 'Together they are 5.\n#### 5' },
  triviaqa: { question: 'Who wrote it', answer: { aliases: ['A. Poet', "O'Hara"] } },
};

function example(name: string, otherwise: AskingOptions = {}): Task {
  const file = join(folder, `${name}.jsonl`);
  writeFileSync(file, JSON.stringify(RECORDS[name]));
  const read = readTasks([{ file: join(examples, `${name}.yaml`), ...otherwise }], (path) =>
    path.endsWith('.yaml') ? path : file,
  );
  if (!read.ok) throw new Error(read.errors.join('\n'));
  return read.tasks[0]!;
}

function write(name: string, yaml: string, records: readonly object[] = [{ q: 'a', a: 'b' }]): string {
  writeFileSync(join(folder, 'data.jsonl'), records.map((record) => JSON.stringify(record)).join('\n'));
  writeFileSync(join(folder, name), yaml);
  return join(folder, name);
}
const DATA = 'dataset_path: json\ndataset_kwargs: { data_files: { test: data.jsonl } }\ntest_split: test\n';
const WHOLE = `task: t\n${DATA}doc_to_text: q\ndoc_to_target: a\n`;
const errors = (...args: Parameters<typeof write>) => {
  const read = readTasks([write(...args)]);
  return read.ok ? [] : read.errors.map((error) => error.replace(`${folder}/`, ''));
};

describe('tasks of lm-evaluation-harness', () => {
  test('for the usual data sets read local files as they are published', () => {
    const asked = Object.keys(RECORDS).map((name) => [name, example(name).items[0]!] as const);
    const of = Object.fromEntries(asked);
    expect(of.hellaswag).toMatchObject({
      prompt: 'Baking: A man stands in a kitchen. The man',
      choices: {
        continuations: [' eats it.. Done', ' sings.'],
        answers: [1],
        texts: ['eats it.. Done', 'sings.'],
      },
    });
    expect(of.arc?.choices).toMatchObject({ continuations: [' ice', ' fire'], answers: [1] });
    expect(of.winogrande?.choices).toEqual({
      prompts: ['The cup fell off the table, for the cup', 'The cup fell off the table, for the table'],
      continuations: [' was steep.', ' was steep.'],
      texts: ['The cup fell off the table, for the cup', 'The cup fell off the table, for the table'],
      answers: [1],
    });
    expect(of.piqa?.prompt).toBe('Question: Dry a plate\nAnswer:');
    expect(of.boolq).toMatchObject({
      prompt: 'Snow is cold.\nQuestion: is snow warm?\nAnswer:',
      choices: { answers: [0] },
    });
    expect(of.rte?.choices?.continuations).toEqual([' True', ' False']);
    expect(of.openbookqa).toMatchObject({ prompt: 'The sun is', choices: { answers: [0] } });
    expect(of.mmlu?.prompt).toBe('What is 2 + 2?\nA. 1\nB. 2\nC. 3\nD. 4\nAnswer:');
    expect(of.triviaqa?.references).toEqual(['A. Poet', "O'Hara"]);
  });

  test('score by filters and metrics of theirs', () => {
    const task = example('gsm8k');
    const { references } = task.items[0]!;
    const scores = (answer: string) => scoredReadings(task.readings, [answer], references, task.spec, {});
    expect(scores('so 2 + 3.\n#### 5').scores).toEqual({
      'exact_match,strict-match': 1,
      'exact_match,flexible-extract': 1,
    });
    expect(scores('it is $5.').read).toEqual({ 'strict-match': '[invalid]', 'flexible-extract': '$5.' });
    expect(scores('it is $5.').scores).toEqual({
      'exact_match,strict-match': 0,
      'exact_match,flexible-extract': 1,
    });
    expect(task.spec).toMatchObject({
      stop: ['Question:', '</s>', '<|im_end|>'],
      maxTokens: 256,
      sampling: null,
    });
  });

  test('are asked by a chat template and with examples as flags of theirs would', () => {
    const records = Array.from({ length: 6 }, (_, i) => ({ q: `q${i}`, a: `a${i}` }));
    const path = write(
      'few.yaml',
      `${WHOLE}fewshot_split: test\ndescription: "Answer."\nnum_fewshot: 2\n`,
      records,
    );
    const read = sound(
      readTasks([path, { file: path, name: 'chat', chat: true, system: 'Be brief.', fewShot: 1 }]),
    );
    const [text, chat] = read.tasks;
    // random.Random(1234).sample(docs, 3) for one item after the other, the item left out.
    expect(text?.items.map(({ prompt }) => prompt)).toEqual(PROMPTS);
    const [system, ...turns] = chat!.items[0]!.prompt as { role: string; content: string }[];
    expect(system).toEqual({ role: 'system', content: 'Be brief.\n\nAnswer.' });
    expect(turns.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });

  test('that need Python, a hub or what is not known are refused by name', () => {
    expect(errors('a.yaml', `${WHOLE}process_docs: !function utils.process`)).toEqual([
      'a.yaml: !function utils.process is Python: write what it does as Jinja (docs/examples/tasks has the usual data sets so)',
    ]);
    expect(
      errors('b.yaml', 'task: t\ndataset_path: openai/gsm8k\ndoc_to_text: q\ndoc_to_target: a')[0],
    ).toContain('dataset_path openai/gsm8k is a data set of a hub: download it, convert it to JSONL');
    expect(errors('c.yaml', `${WHOLE}metric_list: [{ metric: bleu }]`)).toEqual([
      'c.yaml: metric_list.0.metric: the metric bleu is not known here',
    ]);
    expect(errors('d.yaml', `${WHOLE}filter_list: [{ name: x, filter: [{ function: custom }] }]`)).toEqual([
      'd.yaml: filter_list.0.filter.0.function: the filter custom is not known here',
    ]);
    expect(errors('e.yaml', `${WHOLE}num_shots: 3`)).toEqual(['e.yaml: num_shots: not known here']);
    expect(errors('f.yaml', `${WHOLE}output_type: multiple_choice\ndoc_to_choice: q`)).toEqual([
      'f.yaml: doc_to_choice does not give a list of texts',
    ]);
    expect(errors('g.yaml', WHOLE.replace('doc_to_text: q', 'doc_to_text: "{{ qestion }}"'))).toEqual([
      'g.yaml: it names something that the item does not have',
    ]);
    expect(errors('h.yaml', `include: h.yaml\n${WHOLE}`)[0]).toContain('does one include itself?');
    expect(errors('i.yaml', 'group: g\ntask: [a, b]')).toEqual([
      'i.yaml: a group of tasks: name the files of its tasks themselves',
    ]);
    const read = readTasks([{ file: write('j.yaml', WHOLE), prompt: 'x' }]);
    expect(read.ok ? '' : read.errors[0]).toContain(
      'a task of lm-evaluation-harness says itself what prompt would',
    );
  });

  test('with a target that is none of the choices are refused, and not scored as wrong', () => {
    const choice = `task: t\n${DATA}output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\n`;
    const items = [1, 0].map((gold) => ({ q: 'Is it?', c: ['yes', 'no'], gold }));
    const refused = (target: string, records: readonly object[] = items) =>
      errors('k.yaml', `${choice}doc_to_target: ${target}\n`, records);
    expect(refused('gold')).toEqual([]);
    expect(refused('goold')).toEqual(['k.yaml: item 1: "goold" is none of its 2 choices']);
    expect(refused('gold', [items[0]!, { ...items[1], gold: 2 }])).toEqual([
      'k.yaml: item 2: "2" is none of its 2 choices',
    ]);
    expect(refused('gold', [{ ...items[0], gold: [] }])).toEqual([
      'k.yaml: item 1: its target, an empty list, is none of its 2 choices',
    ]);
    // Of several labels the others are right in none, as there.
    expect(refused('gold', [{ ...items[0], gold: [7, 1] }])).toEqual([]);
    const said = choice.replace('multiple_choice', 'generate_until');
    expect(errors('k.yaml', `${said}doc_to_target: goold\n`, items)).toEqual([
      'k.yaml: item 1: "goold" is none of its 2 choices',
    ]);
  });

  test('show an example whose right option is empty with its delimiters', () => {
    const items = [1, 0].map((gold, i) => ({ q: `q${i}`, c: ['yes', ''], gold }));
    const path = write(
      'empty.yaml',
      `task: t\n${DATA}output_type: multiple_choice\ndoc_to_text: q\ndoc_to_choice: c\ndoc_to_target: gold\nnum_fewshot: 1\nfewshot_split: test\n`,
      items,
    );
    // `build_qa_turn` of 0.4.13 asks whether there is an answer, which an index is.
    expect(sound(readTasks([path])).tasks[0]?.items.map(({ prompt }) => prompt)).toEqual([
      'q1 yes\n\nq0',
      'q0 \n\nq1',
    ]);
  });

  test('take from what they include what they do not say', () => {
    write('base.yaml', `${DATA}doc_to_text: q\ndoc_to_target: a\noutput_type: loglikelihood`);
    const read = readTasks([
      write('leaf.yaml', 'include: base.yaml\ntask: leaf\ndoc_to_text: "say {{ q }}"'),
    ]);
    expect(read.ok && read.tasks[0]).toMatchObject({
      name: 'leaf',
      rules: [{ name: 'acc', rule: 'greedy' }],
      items: [{ prompt: 'say a', choices: { continuations: ['b'], answers: [0] } }],
    });
  });
});

/** As lm-evaluation-harness 0.4.13 writes them. */
const PROMPTS: string[] = [
  'Answer.q3 a3\n\nq4 a4\n\nq0',
  'Answer.q0 a0\n\nq4 a4\n\nq1',
  'Answer.q5 a5\n\nq0 a0\n\nq2',
  'Answer.q2 a2\n\nq1 a1\n\nq3',
  'Answer.q0 a0\n\nq5 a5\n\nq4',
  'Answer.q4 a4\n\nq3 a3\n\nq5',
];

describe('words of Python', () => {
  test('are written and read', () => {
    const value = ['a', "b's", 'c"\'', true, null, { k: 1 }, '\n'];
    expect(pythonText(value)).toBe(`['a', "b's", 'c"\\'', True, None, {'k': 1}, '\\n']`);
    expect(pythonLiteral(pythonText(value))).toEqual(value);
    expect(pythonLiteral('["\\u00e9", (1, 2.5),]')).toEqual(['é', [1, 2.5]]);
    for (const odd of ['[1', 'f()', '[a]', '"x', '[1] 2']) expect(pythonLiteral(odd)).toBeUndefined();
    expect(pythonLiteral('['.repeat(5000))).toBeUndefined();
  });

  test('are patterns in JavaScript, too', () => {
    const matches = (source: string, text: string) => {
      const read = pythonPattern(source);
      if (typeof read === 'string') throw new Error(read);
      return new RegExp(read.pattern, read.flags).exec(text)?.[0];
    };
    expect(matches('#### (\\-?[0-9\\.\\,]+)', 'so #### -1,2.')).toBe('#### -1,2.');
    expect(matches('(?s).*#### ', 'a\nb #### 7')).toBe('a\nb #### ');
    expect(matches('\\.$', 'end.\n')).toBe('.');
    expect(matches('(?i)the (?P<what>\\w+)', 'THE Äpfel')).toBe('THE Äpfel');
    expect(matches('[$0-9.,]{2,}|a{x}', 'a{x}')).toBe('a{x}');
    expect(matches('[]a]+', ']a')).toBe(']a');
    expect(pythonPattern('(')).toContain('cannot be read');
  });

  test('are methods of values in templates', () => {
    const write = (source: string, doc: object) => openTemplate(source)(doc as Record<string, unknown>);
    expect(
      write("{{ text[:text.index('_')] }}|{{ text.find('?') }}|{{ list }}|{{ yes }}|{{ no }}\n", {
        text: '😀 a_b',
        list: ['x'],
        yes: true,
        no: null,
      }),
    ).toBe("😀 a|-1|['x']|True|None\n");
    expect(
      write(
        "{{ 'aBC dEF'.capitalize() }}{{ ', '.join(list) }}{{ 'a-b' | regex_replace('(a)-', '\\\\1+') }}",
        { list: ['x', 'y'] },
      ),
    ).toBe('Abc defx, ya+b');
    expect(() => write('{{ missing }}', {})).toThrow('does not have');
    expect(() => write('{% for i in range(99999999) %}{% endfor %}', {})).toThrow('too long');
  });
});
