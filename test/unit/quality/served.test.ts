import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { askText } from '../../../agent/quality/served/ask.js';
import { measureServedQuality } from '../../../agent/quality/served/measure.js';
import { builtinFolder } from '../../../artifacts/files/source.js';
import { readText } from '../../../artifacts/files/text.js';
import { saidLetter } from '../../../core/quality/multiple-choice.js';
import type { QualityOutcome, TextRequest } from '../../../core/quality/outcome.js';
import { plainTask } from '../../../core/quality/tasks/definition.js';
import { type Task, withExamples } from '../../../core/quality/tasks/few-shot.js';
import { parseItems } from '../../../core/quality/tasks/items.js';
import { windowsOf } from '../../../core/quality/windows.js';
import { PROFILES } from '../../../core/runners/server/index.js';
import { openTokenizer } from '../../../engines/runners/tokenizer.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import { logProbabilityOf, type TellsName } from '../../../load/simulator/log-probabilities.js';
import { sound } from '../../support/reading.js';
import { withSimulator } from '../../support/simulator.js';

const tokenizerPath = join(import.meta.dirname, '../../fixtures/tokenizer');
const tokenizer = (await openTokenizer(tokenizerPath))!;
const path = join(builtinFolder(), 'sample.txt');
const text: TextRequest = {
  path,
  windows: { scheme: 'llama', context: 32, stride: null, maxWindows: 3 },
  basePrecision: 'llama',
};

function taskOf(name: string, spec: Partial<Task['spec']>, ...records: readonly object[]): Task {
  const plain = plainTask(name, 'none.jsonl');
  const definition = { name, spec: { ...plain.spec, ...spec } };
  const items = sound(parseItems(definition, records.map((record) => JSON.stringify(record)).join('\n')));
  return withExamples(definition, items.value, null) as Task;
}

const question = 'Which one is it?';
/** The simulated server finds a word the less likely the longer it is. */
const CHOICE = taskOf(
  'choice',
  {},
  { question, choices: [' some', ' something else'], answer: 0 },
  { question, choices: [' some', ' something else'], answer: 1 },
);
const LETTER = taskOf(
  'letter',
  { mode: 'letter' },
  ...['A', 'B', 'C', 'B'].map((answer, i) => ({ id: i, question, choices: ['one', 'two', 'three'], answer })),
);
const SAID = taskOf('said', { mode: 'generate', maxTokens: 2 }, { question, answer: 'the of' });

const WATCH = { progress() {}, async checkStop() {} };

function ask(
  tells: TellsName,
  {
    profile = 'simulated-server',
    tokenizerPath: known = tokenizerPath as string | null,
    says = '',
    request = { text, tasks: [CHOICE, LETTER, SAID] } as { text: TextRequest | null; tasks: Task[] },
  }: {
    profile?: keyof typeof PROFILES;
    tokenizerPath?: string | null;
    says?: string;
    request?: { text: TextRequest | null; tasks: Task[] };
  } = {},
): Promise<QualityOutcome> {
  return withSimulator({ ttft: 0, itl: 0, says, 'log-probabilities': tells }, ({ url }) => {
    const server: ServedEndpoint = {
      name: 'test',
      url,
      model: 'simulated',
      loras: [],
      apiKey: null,
      pid: null,
      startSeconds: null,
      weightsLoadSeconds: null,
      kept: false,
      profile: PROFILES[profile],
    };
    return measureServedQuality({ server, tokenizerPath: known, base: null, request, scorers: {} }, WATCH);
  });
}

const scoresOf = ({ tasks }: QualityOutcome) =>
  Object.fromEntries(
    tasks.map(({ name, by, scores }) => [
      name,
      { by, ...Object.fromEntries(scores.map((one) => [one.name, one.score.value])) },
    ]),
  );

test('an answer is read as it comes: its first text is the first token', async () => {
  const said = await withSimulator({ ttft: 0.05, itl: 0.05 }, async ({ url }) => {
    const server: ServedEndpoint = {
      name: 'test',
      url,
      model: 'simulated',
      loras: [],
      apiKey: null,
      pid: null,
      startSeconds: null,
      weightsLoadSeconds: null,
      kept: false,
      profile: PROFILES['simulated-server'],
    };
    const began = performance.now();
    const answer = await askText(server, 'one two three', { maxTokens: 4, stop: [] });
    return { ...answer, seconds: (performance.now() - began) / 1000 };
  });
  expect(said).toMatchObject({ tokensIn: 3, tokensOut: 4 });
  expect(said.secondsToFirst!).toBeGreaterThanOrEqual(0.05);
  expect(said.secondsToFirst!).toBeLessThan(said.seconds);
});

describe('a server that tells the log-probabilities of prompts', () => {
  test('is asked the text in its windows, token by token', async () => {
    const { text: found, unanswered } = await ask('echo');
    const tokens = tokenizer.tokenize(readText(path));
    const windows = windowsOf(tokens.length, text.windows);
    if (typeof windows === 'string') throw new Error(windows);
    const losses = windows.flatMap(({ start, length, firstScored }) =>
      [...tokens.slice(start + firstScored + 1, start + length)].map((token) => -logProbabilityOf(token)),
    );
    const mean = losses.reduce((a, b) => a + b, 0) / losses.length;
    expect(unanswered).toEqual([]);
    expect(found).toMatchObject({ by: 'prompt-log-probabilities', windows: 3, divergence: null });
    expect(found?.perplexity.tokens).toBe(losses.length);
    expect(found?.perplexity.meanLoss.value).toBeCloseTo(mean, 12);
  });

  test('is asked options by their tokens, and what is to be generated it says', async () => {
    const prompt = String(LETTER.items[0]!.prompt);
    const likeliest = (options: readonly string[]) => {
      const merits = options.map((option) =>
        [...tokenizer.tokenize(prompt + option)]
          .slice(tokenizer.tokenize(prompt).length)
          .reduce((sum, token) => sum + logProbabilityOf(token), 0),
      );
      return merits.indexOf(Math.max(...merits));
    };
    const taken = likeliest(LETTER.items[0]!.choices!.continuations);
    const right = LETTER.items.filter(({ choices }) => choices!.answers.includes(taken)).length;
    expect(scoresOf(await ask('echo'))).toMatchObject({
      choice: { by: 'prompt-log-probabilities', sum: 0.5 },
      letter: { by: 'prompt-log-probabilities', letter: right / 4 },
      said: { by: 'saying', exact: 1 },
    });
  });

  test('is asked by text where nobody here knows its tokens; only a text has no windows then', async () => {
    const outcome = await ask('echo', { tokenizerPath: null });
    // Words of one letter each are equally likely: the first is taken.
    expect(scoresOf(outcome)).toEqual({
      choice: { by: 'prompt-log-probabilities', sum: 0.5, perToken: 0.5, perByte: 0.5 },
      letter: { by: 'prompt-log-probabilities', letter: 0.25 },
      said: { by: 'saying', exact: 1 },
    });
    expect(outcome.text).toBeNull();
    expect(outcome.unanswered).toEqual([
      { task: null, reason: 'no tokenizer is known here that cuts a text into its tokens' },
    ]);
  });
});

describe('a server that does not', () => {
  test.each([
    ['next', /^\/v1\/completions gives 1 log-probabilities for a prompt of \d+ tokens: it leaves those of/],
    ['few', /^\/v1\/completions gives 3 log-probabilities for a prompt of \d+ tokens/],
    ['same', /^\/v1\/completions gives the same log-probability for all tokens/],
    ['nothing', /^\/v1\/completions gives no log-probabilities \(nothing at choices\.0\.logprobs/],
  ] as const)('is not scored by likelihoods: %s', async (tells, reason) => {
    const { text: found, tasks, unanswered, warnings } = await ask(tells, { profile: 'openai', says: 'B' });
    expect(found).toBeNull();
    expect(unanswered?.map(({ task }) => task)).toEqual([null, 'choice']);
    for (const { reason: said } of unanswered ?? []) expect(said).toMatch(reason);
    expect(tasks.map(({ name, by }) => [name, by])).toEqual([
      ['letter', 'saying'],
      ['said', 'saying'],
    ]);
    expect(scoresOf({ text: null, tasks, warnings })).toMatchObject({ letter: { saidLetter: 0.5 } });
    expect(warnings).toEqual([
      expect.stringMatching(/^letter: the letter that the server says is scored, not/),
    ]);
  });

  test('is asked letters by the likeliest next tokens where it tells those', async () => {
    const outcome = await ask('next', { says: 'B' });
    expect(scoresOf(outcome).letter).toMatchObject({ by: 'next-log-probabilities' });
    expect(outcome.unanswered?.map(({ task }) => task)).toEqual([null, 'choice']);
  });
});

test('a letter is the first that stands alone and is one of the options', () => {
  expect(
    [' B', '(C) because', 'Answer: A.', 'E or B', 'Bananas', 'b', ''].map((said) => saidLetter(said, 4)),
  ).toEqual([1, 2, 0, 1, null, null, null]);
});
