import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { promptText } from '../../../agent/quality/asking/prompts.js';
import { readTasks } from '../../../agent/quality/questions/task-files.js';
import type { FailureError } from '../../../core/errors.js';
import { readingsOf, scoredReadings, scoreNames } from '../../../core/quality/reading/readings.js';
import { readBy, type Step } from '../../../core/quality/reading/steps.js';
import { answerSeed, tokenPicker } from '../../../core/quality/sampling.js';
import type { NamedTask } from '../../../core/quality/tasks/asking.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { openChatTemplate } from '../../../engines/runners/chat-template.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { sharedFolder } from '../../support/folder.js';
import { sound } from '../../support/reading.js';

const folder = sharedFolder();

const asked = (id: string, question: string, frage: string, choices: readonly string[], answer: number) => {
  return { id, question, frage, choices, answer };
};
const RECORDS = [
  asked('sky', 'What colour is the sky?', 'Welche Farbe hat der Himmel?', ['blue', 'red'], 0),
  asked('sea', 'What colour is the sea?', 'Welche Farbe hat das Meer?', ['pink', 'blue'], 1),
  asked('sum', 'How much is two and two?', 'Wie viel ist zwei und zwei?', ['four', 'six'], 0),
  asked('add', 'How much is two and three?', 'Wie viel ist zwei und drei?', ['five', 'six'], 0),
];

function write(name: string, spec: string, records: readonly object[] = RECORDS): string {
  writeFileSync(join(folder, `${name}.jsonl`), records.map((record) => JSON.stringify(record)).join('\n'));
  const path = join(folder, `${name}.yaml`);
  const head = `apiVersion: ridgepoint.dev/v1\nkind: Task\nmetadata: { name: ${name} }\nspec:\n  items: ${name}.jsonl\n`;
  writeFileSync(path, head + spec.replace(/^/gm, '  '));
  return path;
}

function tasks(...named: NamedTask[]): readonly Task[] {
  return sound(readTasks(named)).tasks;
}
const errors = (...named: NamedTask[]) => {
  const read = readTasks(named);
  return read.ok ? [] : read.errors;
};

describe('ways of asking', () => {
  test('are the product of the axes, each with a name that says what it sets', () => {
    const path = write(
      'forty',
      [
        'mode: letter',
        'ways:',
        '  chat: [false, true]',
        '  fewShot: [0, 1]',
        '  language: { en: {}, de: { fields: { question: frage } } }',
      ].join('\n'),
    );
    const asked = tasks(path);
    expect(asked.map(({ way }) => way)).toEqual([
      'chat=false, fewShot=0, language=en',
      'chat=false, fewShot=0, language=de',
      'chat=false, fewShot=1, language=en',
      'chat=false, fewShot=1, language=de',
      'chat=true, fewShot=0, language=en',
      'chat=true, fewShot=0, language=de',
      'chat=true, fewShot=1, language=en',
      'chat=true, fewShot=1, language=de',
    ]);
    expect(new Set(asked.map(({ task }) => task))).toEqual(new Set(['forty']));
    expect(asked[0]?.name).toBe('forty (chat=false, fewShot=0, language=en)');
    expect(asked[1]?.items[0]?.prompt).toBe('Welche Farbe hat der Himmel?\nA. blue\nB. red\nAnswer:');
    expect(asked[3]?.items[0]).toMatchObject({
      id: 'sea',
      shown: ['sky'],
      prompt:
        'Welche Farbe hat der Himmel?\nA. blue\nB. red\nAnswer: A\n\nWelche Farbe hat das Meer?\nA. pink\nB. blue\nAnswer:',
    });
    expect(asked[6]?.items[0]).toMatchObject({
      prompt: [
        { role: 'user', content: 'What colour is the sky?\nA. blue\nB. red\nAnswer:' },
        { role: 'assistant', content: 'A' },
        { role: 'user', content: 'What colour is the sea?\nA. pink\nB. blue\nAnswer:' },
      ],
      // What an assistant says does not begin with a blank.
      choices: { continuations: ['A', 'B'], answers: [1] },
    });
  });

  test('may be those of whoever names the file', () => {
    const path = write('plain', 'mode: letter');
    const own = {
      file: path,
      name: 'asked-twice',
      ways: { system: { none: {}, brief: { system: 'Be brief, {id}.' } } },
    };
    const [none, brief] = tasks(path, own).slice(1);
    expect(none?.name).toBe('asked-twice (system=none)');
    expect(brief?.items[0]?.prompt).toMatch(/^Be brief, sky\.\n\nWhat colour is the sky\?/);
    const chat = tasks({ file: path, chat: true, system: 'Be brief.' });
    expect(chat[0]?.items[0]?.prompt).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'What colour is the sky?\nA. blue\nB. red\nAnswer:' },
    ]);
  });

  test('that mean nothing are said with their place', () => {
    expect(errors(write('odd', 'ways: { colour: [red] }'))[0]).toMatch(
      /spec\.ways\.colour: colour is no option of asking/,
    );
    expect(errors(write('twice', 'ways: { fewShot: [1, 1] }'))[0]).toContain('fewShot=1 is there twice');
    expect(errors(write('far', 'ways: { samples: [0] }'))[0]).toContain('spec.ways.samples: 0: Too small');
    expect(errors(write('bare', 'fewShot: { pick: random }'))[0]).toContain('fewShot has no count');
    const many = `{ ${['maxTokens', 'samples', 'tolerance'].map((axis) => `${axis}: [1,2,3,4,5,6,7,8]`).join(', ')} }`;
    expect(errors(write('many', `ways: ${many}`))[0]).toContain('512 ways; 500 are the most');
    expect(errors({ file: write('other', ''), ways: { nothing: [1] } })[0]).toContain(
      'ways.nothing: nothing is no option',
    );
    expect(errors(write('regex', 'mode: generate\nextract: { regex: "(a+)+" }'))[0]).toContain(
      'extract: the pattern repeats a group',
    );
  });
});

describe('examples', () => {
  const shown = (fewShot: string) =>
    tasks(write('shown', `mode: letter\nfewShot: ${fewShot}`))[0]!.items.map(({ id, shown: ids }) => [
      id,
      ...(ids ?? []),
    ]);

  test('are drawn for each item, itself never among them, and the same again by the same seed', () => {
    const once = shown('{ count: 2, pick: random, seed: 5 }');
    expect(once.map(([id]) => id)).toEqual(['sky', 'sea', 'sum', 'add']);
    for (const [id, ...ids] of once) {
      expect(ids).toHaveLength(2);
      expect(ids).not.toContain(id);
    }
    expect(shown('{ count: 2, pick: random, seed: 5 }')).toEqual(once);
    expect(shown('{ count: 2, pick: random, seed: 6 }')).not.toEqual(once);
    expect(errors(write('few', 'fewShot: { count: 4, pick: random }'))[0]).toContain(
      'asks for 4 examples, and there are 3',
    );
  });

  test('are those that are most alike by their words, or by vectors of the records, the nearest last', () => {
    expect(shown('{ count: 1, pick: nearest }')).toEqual([
      ['sky', 'sea'],
      ['sea', 'sky'],
      ['sum', 'add'],
      ['add', 'sum'],
    ]);
    const vectors = [
      [1, 0],
      [0, 1],
      [1, 0.1],
      [0.1, 1],
    ];
    const records = RECORDS.map((record, i) => ({ ...record, embedding: vectors[i] }));
    const [task] = tasks(
      write('dense', 'mode: letter\nfewShot: { count: 2, pick: nearest, vectors: embedding }', records),
    );
    expect(task?.items.map((item) => item.shown)).toEqual([
      ['add', 'sum'],
      ['sum', 'add'],
      ['add', 'sky'],
      ['sum', 'sea'],
    ]);
    expect(errors(write('bald', 'fewShot: { count: 1, pick: nearest, vectors: embedding }'))[0]).toContain(
      'the field embedding of sky is no list of numbers',
    );
  });

  test('are drawn as Python draws', () => {
    // random.Random(seed), of CPython 3.11: sample(range(10), 3) twice, sample(range(1000), 6),
    // sample(range(60), 7).
    const range = (count: number) => Array.from({ length: count }, (_, i) => i);
    const drawn = (seed: number) => {
      const random = new PythonRandom(seed);
      return [10, 10, 1000, 60].map((size, i) => random.sample(range(size), [3, 3, 6, 7][i]!));
    };
    expect(drawn(1234)).toEqual([
      [7, 1, 0],
      [1, 0, 9],
      [100, 784, 363, 242, 17, 31],
      [50, 1, 22, 41, 39, 30, 55],
    ]);
    expect(drawn(4_294_967_295)).toEqual([
      [9, 3, 8],
      [9, 8, 4],
      [617, 348, 984, 390, 688, 705],
      [55, 56, 58, 17, 22, 31, 26],
    ]);
  });

  test('may show their reasons, and come after turns of the record', () => {
    const records = [
      { id: 'a', question: '1 + 1?', answer: '2', why: 'One and one is 2.' },
      { id: 'b', question: 'And 2 + 2?', answer: '4', before: ['Hello', 'Hi!'] },
      { id: 'c', question: 'And 3?', answer: '3', before: [{ role: 'user', content: 'Count.' }] },
    ];
    const spec = 'mode: generate\nfields: { solution: why, history: before }\nfewShot: 1\n';
    const [text] = tasks(write('worked', spec, records));
    expect(text?.items[0]?.prompt).toBe(
      '1 + 1? One and one is 2.\n\nUser: Hello\nAssistant: Hi!\nUser: And 2 + 2?\nAssistant:',
    );
    const [chat] = tasks(write('worked', `${spec}chat: true`, records));
    expect(chat?.items[1]?.prompt).toEqual([
      { role: 'user', content: '1 + 1?' },
      { role: 'assistant', content: 'One and one is 2.' },
      { role: 'user', content: 'Count.' },
      { role: 'user', content: 'And 3?' },
    ]);
    const odd = [{ id: 'a', question: 'a', answer: 'a', before: 'Hello' }];
    expect(errors(write('odd-turns', 'mode: generate\nfields: { history: before }', odd))[0]).toContain(
      'before has to hold turns',
    );
  });
});

describe('readings of answers', () => {
  const read = (step: Step, text: string, letters = 26) => readBy([step], [text], { letters })[0];

  test('find the last letter of an option, the last box, the last number, a field', () => {
    expect(read({ do: 'letter' }, 'I think A, but no: the answer is (C).', 4)).toBe('C');
    expect(read({ do: 'letter' }, 'I would say B. I am sure.', 4)).toBe('B');
    expect(read({ do: 'letter' }, 'ABC', 4)).toBe('');
    expect(read({ do: 'boxed' }, 'so \\boxed{1} and \\boxed{\\frac{1}{2}}.')).toBe('\\frac{1}{2}');
    expect(read({ do: 'boxed' }, 'so \\boxed{1')).toBe('');
    expect(read({ do: 'number' }, 'It costs $1,234.50 in all')).toBe('1234.5');
    expect(read({ do: 'json', field: 'a.b' }, 'Sure: {"a": {"b": 7}} as you said')).toBe('7');
    expect(read({ do: 'json', field: 'a' }, '{"a": 1} or {"a": [2]}')).toBe('[2]');
    expect(read({ do: 'json', field: 'a' }, 'of {x | "y" {\\n}: { "a": "}{\\\\\\"" }} }')).toBe('}{\\"');
    expect(read({ do: 'json', field: 'a' }, `{"a": ${'['.repeat(6000)}${']'.repeat(6000)}}`)).toBe('');
    expect(read({ do: 'json', field: 'a' }, '{{{{ a: 1')).toBe('');
  });

  test('parse JSON where an object ends, and not at each of its braces', () => {
    const parse = vi.spyOn(JSON, 'parse');
    try {
      for (const closing of ['}', '{}', '\\"', '"}'])
        read({ do: 'json', field: 'a' }, `${'{"'.repeat(50)}a${closing.repeat(20_000)}`);
      expect(parse.mock.calls.length).toBeLessThanOrEqual(400);
    } finally {
      parse.mockRestore();
    }
  });

  test('score several answers by their mean, by the vote of the first k, and by the chance that one is right', () => {
    const readings = readingsOf({ extract: 'number', samples: 5, votes: [3], passes: [1, 2] });
    const scoring = { scorers: ['exact' as const], tolerance: 0 };
    expect(scoreNames(scoring, readings)).toEqual(['exact', 'exact,maj@3', 'exact,pass@1', 'exact,pass@2']);
    const { scores, read: texts } = scoredReadings(
      readings,
      ['it is 4', 'no idea', 'so 4', '5', '5'],
      ['5'],
      scoring,
      {},
    );
    expect(scores.exact).toBeCloseTo(0.4, 12);
    expect(scores['exact,maj@3']).toBe(0);
    expect(scores['exact,pass@1']).toBeCloseTo(0.4, 12);
    // 1 − C(3, 2) / C(5, 2)
    expect(scores['exact,pass@2']).toBeCloseTo(0.7, 12);
    expect(texts).toEqual({ '': '4', 'maj@3': '4', 'pass@1': '4', 'pass@2': '4' });
    // Whoever said nothing that could be read has no vote.
    const vote = scoredReadings(
      readingsOf({ extract: 'number', samples: 3 }),
      ['?', '?', '5'],
      ['5'],
      scoring,
      {},
    );
    expect(vote.scores['exact,maj@3']).toBe(1);
  });
});

describe('drawing', () => {
  const logits = Float32Array.from([2, 1, 0, -1, -9]);
  const shares = (options: object, draws = 4000) => {
    const pick = tokenPicker({ temperature: 1, seed: 0, ...options }, 7);
    const counts = new Array<number>(5).fill(0);
    for (let i = 0; i < draws; i++) counts[pick(logits)]! += 1 / draws;
    return counts;
  };

  test('takes each token as often as the model finds it likely', () => {
    const weights = [...logits].map((value) => Math.exp(value / 0.5));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [i, share] of shares({ temperature: 0.5 }).entries())
      expect(Math.abs(share - weights[i]! / total)).toBeLessThan(0.03);
    expect(shares({ temperature: 0 }, 4)).toEqual([1, 0, 0, 0, 0]);
  });

  test('takes none beyond top-k, top-p and min-p', () => {
    expect(shares({ topK: 2 }).map((share) => share > 0)).toEqual([true, true, false, false, false]);
    // 0.64, 0.24, 0.09, …: the first two reach 0.7, one would not.
    expect(shares({ topP: 0.7 }).map((share) => share > 0)).toEqual([true, true, false, false, false]);
    expect(shares({ topP: 0.6 }).map((share) => share > 0)).toEqual([true, false, false, false, false]);
    expect(shares({ minP: 0.1 }).map((share) => share > 0)).toEqual([true, true, true, false, false]);
  });

  test('has a seed for each answer to each item', () => {
    const seeds = [0, 1, 2].flatMap((item) =>
      [0, 1, 2].map((sample) => answerSeed({ temperature: 1, seed: 3 }, item, sample)),
    );
    expect(new Set(seeds).size).toBe(9);
  });
});

describe('chat templates', () => {
  const open = (template: string) =>
    openChatTemplate({ template, begin: '<s>', end: '</s>' }, (text) => Int32Array.of(text.length))!;
  const CHAT =
    '{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</s>\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}';
  const user = { role: 'user', content: 'Well?' };

  test('leave open what the model is to go on with', () => {
    expect(open(CHAT).render([user])).toBe('<user>Well?</s>\n<assistant>');
    const begun = { role: 'assistant', content: 'I would ' };
    expect(open(CHAT).render([user, begun])).toBe('<user>Well?</s>\n<assistant>I would');
    expect(() =>
      open("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}").render([user, begun]),
    ).toThrow('does not write the message');
  });

  test('that refuse a system prompt are asked without; those that refuse everything are said so', () => {
    const strict = open(
      `{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}${CHAT}`,
    );
    const system = { role: 'system', content: 'Be brief.' };
    expect(promptText({ chat: strict }, [system, user])).toBe('<user>Well?</s>\n<assistant>');
    const never = open(`{% if messages | length > 1 %}{{ raise_exception('one alone') }}{% endif %}${CHAT}`);
    const said = (work: () => unknown) => {
      try {
        work();
      } catch (error) {
        return (error as FailureError).failure.message;
      }
    };
    expect(said(() => promptText({ chat: never }, [user, user]))).toBe(
      'the chat template of the model does not render: one alone',
    );
    expect(said(() => promptText({ chat: null }, [user]))).toBe(
      'the model has no chat template that can be read here',
    );
  });
});
