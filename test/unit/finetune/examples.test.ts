import { describe, expect, test } from 'vitest';
import { datasetOfExamples } from '../../../agent/workloads/dataset.js';
import { cutExample } from '../../../agent/workloads/examples.js';
import { type Example, readExample } from '../../../core/training/example.js';
import { openChatTemplate } from '../../../engines/runners/chat-template.js';
import { NOT_LEARNT, type TrainableModel } from '../../../engines/runners/trainer.js';

/** Every character is a token; 1 begins a text and 2 ends it. */
const tokenize = (text: string) => Int32Array.from([...text].map((letter) => letter.codePointAt(0)!));
const TEMPLATE =
  "{% for m in messages %}<{{ m['role'][0] }}>{{ m['content'] }}|{% endfor %}{% if add_generation_prompt %}<a>{% endif %}";
const model = (template = TEMPLATE): TrainableModel =>
  ({
    tokenize,
    beginToken: 1,
    endToken: 2,
    chat: openChatTemplate({ template, begin: '', end: '' }, tokenize),
  }) as unknown as TrainableModel;

const read = (record: object) => readExample(JSON.stringify(record));
const must = <T>(value: T | string): T => {
  if (typeof value === 'string') throw new Error(value);
  return value;
};
const learntText = (record: object, template?: string) => {
  const { tokens, learnt } = must(cutExample(must<Example>(read(record)), model(template)));
  return String.fromCodePoint(...tokens.filter((_, i) => learnt[i] === 1));
};

describe('what is learnt of an example', () => {
  test('is the completion and the end of the text', () => {
    expect(learntText({ prompt: 'ask ', completion: 'say', id: 7 })).toBe('say\u0002');
  });

  test('is every answer of a chat with what the template writes behind it, and none of weight 0', () => {
    const messages = [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'A' },
      { role: 'user', content: 'two' },
      { role: 'assistant', content: 'B' },
    ];
    expect(learntText({ messages })).toBe('A|B|');
    expect(learntText({ messages: messages.map((m, i) => (i === 1 ? { ...m, weight: 0 } : m)) })).toBe('B|');
    // Answers of the prompt are read.
    expect(learntText({ prompt: messages.slice(0, 3), completion: messages.slice(3) })).toBe('B|');
  });
});

describe('refused with the reason', () => {
  test.each([
    ['[1', /not JSON/],
    ['{"instruction":"a","output":"b"}', /neither prompt .* \(but instruction, output\)/],
    ['{"prompt":"a"}', /neither/],
    ['{"prompt":"a","completion":""}', /^completion: /],
    ['{"prompt":"a","completion":7}', /^completion: /],
    ['{"messages":[{"role":"user","content":"a"}]}', /no message of the assistant/],
    ['{"messages":[{"role":"user","content":["a"]}]}', /^messages\.0\.content: /],
    ['7', /neither/],
  ])('%s', (line, reason) => {
    expect(readExample(line)).toMatch(reason);
  });

  test('a chat that the template writes otherwise when it goes on, and one without a template', () => {
    // As templates do that drop the thinking of earlier answers.
    const last =
      "{% for m in messages %}{{ m['content'] if loop.last or m['role'] == 'user' else '…' }}{% endfor %}";
    const messages = ['user', 'assistant', 'user', 'assistant'].map((role) => ({ role, content: role }));
    const example = must<Example>(read({ messages }));
    expect(cutExample(example, model(last))).toMatch(/message 2 otherwise when the chat goes on/);
    expect(cutExample(example, { ...model(), chat: null })).toMatch(/no chat template/);
  });
});

describe('a data set of examples', () => {
  const examples = ['ab|c', 'a|bcd', 'abcdefgh|ij'].map((text) => {
    const [prompt, completion] = text.split('|') as [string, string];
    return must(cutExample({ of: 'text', prompt, completion }, model()));
  });
  const settings = { windowTokens: 6, sequences: 1, heldOutShare: 0, seed: 1 };

  test('has one in each window, its answer as labels, and leaves out what is longer', () => {
    const dataset = must(datasetOfExamples(examples, settings));
    expect([dataset.windows, dataset.leftOut]).toEqual([2, 1]);
    const batches = [dataset.next(), dataset.next()].sort((a, b) => a.tokens[2]! - b.tokens[2]!);
    const code = (text: string) => [...tokenize(text)];
    expect([...batches[0]!.tokens]).toEqual([1, ...code('abc'), 0, 0]);
    expect([...batches[0]!.labels]).toEqual([
      NOT_LEARNT,
      NOT_LEARNT,
      ...code('c'),
      2,
      NOT_LEARNT,
      NOT_LEARNT,
    ]);
    expect([...batches[1]!.tokens]).toEqual([1, ...code('abcd'), 0]);
    expect([...batches[1]!.labels]).toEqual([NOT_LEARNT, ...code('bcd'), 2, NOT_LEARNT]);
  });

  test('says how many it has and needs', () => {
    expect(datasetOfExamples(examples, { ...settings, sequences: 2, heldOutShare: 0.3 })).toBe(
      'there are 2 examples, and one step and those held out need 4, 1 of 3 are longer than a window (the longest 11 tokens)',
    );
  });
});
