import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One task as both are asked it. */
export interface Asked {
  readonly name: string;
  readonly task: string;
  /** Of ours. */
  readonly ask: string | null;
  /** Of the harness. */
  readonly flags: Readonly<Record<string, unknown>>;
}

export const ASKED: readonly Asked[] = [
  { name: 'multiple choice', task: 'choices', ask: null, flags: {} },
  { name: 'options before the answer', task: 'contexts', ask: null, flags: {} },
  { name: 'options that go on within a word', task: 'endings', ask: null, flags: {} },
  {
    name: 'an option that is empty, 3 examples',
    task: 'negations',
    ask: '{ fewShot: 3 }',
    flags: { num_fewshot: 3 },
  },
  {
    name: 'generation with filters, 2 examples',
    task: 'sums',
    ask: '{ fewShot: 2 }',
    flags: { num_fewshot: 2 },
  },
];

/** Items of a file of one's own. */
export const CLOZE: Asked = { name: 'continuations', task: 'cloze', ask: null, flags: {} };

/** In the chat template of the model, examples as turns. */
export const IN_CHAT: readonly Asked[] = [
  {
    name: 'multiple choice in a chat',
    task: 'choices',
    ask: '{ chat: true }',
    flags: { apply_chat_template: true },
  },
  {
    name: 'generation in a chat, 2 examples as turns',
    task: 'sums',
    ask: '{ chat: true, fewShot: { count: 2, multiturn: true } }',
    flags: { num_fewshot: 2, apply_chat_template: true, fewshot_as_multiturn: true },
  },
];

/** @param path JSONL of context, choices and answer. */
export function writeCloze(folder: string, path: string, items: number): void {
  const lines = readFileSync(path, 'utf8').trim().split('\n').slice(0, items);
  writeFileSync(join(folder, 'cloze.jsonl'), lines.map((line) => `${line}\n`).join(''));
  const task = `task: cloze
dataset_path: json
dataset_kwargs: { data_files: { test: ${join(folder, 'cloze.jsonl')} } }
test_split: test
output_type: multiple_choice
doc_to_text: "{{context}}"
doc_to_target: "{{answer}}"
doc_to_choice: "{{choices}}"
target_delimiter: ""
metric_list: [{ metric: acc }, { metric: acc_norm }, { metric: acc_bytes }]
`;
  writeFileSync(join(folder, 'cloze.yaml'), task);
}

const ANIMALS = 'cat dog horse cow sheep goat pig hen duck goose fox wolf bear deer mouse'.split(' ');
const PLACES = ['on a farm', 'in a forest', 'in a house', 'near water', 'zwölf 😀 im Wald'];

/** Questions of our own, and the task files that ask them. */
export function writeTasks(folder: string, items: number): void {
  const file = (name: string, lines: readonly object[]) =>
    writeFileSync(join(folder, `${name}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const numbers = Array.from({ length: items }, (_, i) => i);
  file(
    'choices',
    numbers.map((i) => {
      const text = numbers
        .slice(0, 4)
        .map((k) => `${ANIMALS[(i * 7 + k * 3) % ANIMALS.length]} ${PLACES[(i + k) % PLACES.length]}`);
      const label = ['A', 'B', 'C', 'D'];
      return {
        question: `Which of these would a ${ANIMALS[i % ANIMALS.length]} number ${i} meet?`,
        choices: { text, label },
        answerKey: label[(i * 5) % 4],
      };
    }),
  );
  file(
    'contexts',
    numbers.map((i) => ({
      sentence: `The ${ANIMALS[i % 15]} was faster than the ${ANIMALS[(i + 4) % 15]}, so _ came home first on day ${i}.`,
      option1: `the ${ANIMALS[i % 15]}`,
      option2: `the ${ANIMALS[(i + 4) % 15]}`,
      answer: String((i % 2) + 1),
    })),
  );
  file(
    'sums',
    numbers.slice(0, Math.max(3, Math.ceil(items / 2))).map((i) => ({
      question: `How much is ${i + 2} and ${(i * 3) % 7}?`,
      answer: `${i + 2} and ${(i * 3) % 7} are ${i + 2 + ((i * 3) % 7)}.\n#### ${i + 2 + ((i * 3) % 7)}`,
    })),
  );
  // The last token of the context and the first of the option may be one.
  file(
    'endings',
    numbers.map((i) => {
      const [word, other] = [ANIMALS[i % 15]!, ANIMALS[(i + 4) % 15]!];
      return {
        context: `On day ${i} there was a ${word.slice(0, 1 + (i % 2))}`,
        choices: [word.slice(1 + (i % 2)), other.slice(1), 's'],
        answer: i % 3,
      };
    }),
  );
  // The harness looks at the first letter of each option of the first item: that one has no empty option.
  file(
    'negations',
    numbers.map((i) => ({
      statement: `The ${ANIMALS[i % 15]} number ${i} is`,
      options: [i === 0 ? 'so' : '', 'not'],
      answer: i % 2,
    })),
  );
  const data = (name: string) => {
    const path = join(folder, `${name}.jsonl`);
    return `task: ${name}\ndataset_path: json\ndataset_kwargs: { data_files: { test: ${path} } }\ntest_split: test\nfewshot_split: test\n`;
  };
  const choices = String.raw`output_type: multiple_choice
description: "Choose well.\n"
doc_to_text: "Question: {{question}}\nAnswer:"
doc_to_target: "{{choices.label.index(answerKey)}}"
doc_to_choice: "{{choices.text}}"
metric_list: [{ metric: acc }, { metric: acc_norm }, { metric: acc_bytes }]
`;
  const contexts = `output_type: multiple_choice
doc_to_text: "{{ answer | int - 1 }}"
doc_to_target: "{{ sentence.split('_')[1].strip() }}"
doc_to_choice: "{{ [sentence.split('_')[0] ~ option1, sentence.split('_')[0] ~ option2] }}"
metric_list: [{ metric: acc }]
`;
  const endings = `output_type: multiple_choice
doc_to_text: "{{context}}"
doc_to_target: "{{answer}}"
doc_to_choice: "{{choices}}"
target_delimiter: ""
metric_list: [{ metric: acc }, { metric: acc_norm }]
`;
  const negations = `output_type: multiple_choice
doc_to_text: "{{statement}}"
doc_to_target: "{{answer}}"
doc_to_choice: "{{options}}"
metric_list: [{ metric: acc }]
`;
  const sums = String.raw`output_type: generate_until
doc_to_text: "Question: {{question}}\nAnswer:"
doc_to_target: "{{answer}}"
generation_kwargs: { until: ["Question:", "</s>", "<|im_end|>"], do_sample: false, temperature: 0.0, max_gen_toks: 40 }
metric_list: [{ metric: exact_match, ignore_case: true, ignore_punctuation: false, regexes_to_ignore: [",", "\\$", "(?s).*#### ", "\\.$"] }]
filter_list:
  - name: strict-match
    filter: [{ function: regex, regex_pattern: "#### (\\-?[0-9\\.\\,]+)" }, { function: take_first }]
  - name: flexible-extract
    filter: [{ function: regex, group_select: -1, regex_pattern: "(-?[$0-9.,]{2,})|(-?[0-9]+)" }, { function: take_first }]
`;
  for (const [name, rest] of Object.entries({ choices, contexts, endings, negations, sums }))
    writeFileSync(join(folder, `${name}.yaml`), data(name) + rest);
}
