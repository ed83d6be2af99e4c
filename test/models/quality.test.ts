import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { optionLikelihoods, tokenizeChoices } from '../../agent/quality/asking/choices.js';
import { generate } from '../../agent/quality/asking/generation.js';
import { type LanguageModel, openLanguageModel } from '../../agent/quality/asking/language-model.js';
import { QUALITY } from '../../agent/quality/jobs.js';
import { measureQuality, type QualityJob } from '../../agent/quality/opened/measure.js';
import type { QualityProgress } from '../../agent/quality/watch.js';
import { toFailure } from '../../core/errors.js';
import { logProbability } from '../../core/quality/likelihood.js';
import type { QualityOutcome, TextRequest } from '../../core/quality/outcome.js';
import { plainTask } from '../../core/quality/tasks/definition.js';
import { type Task, withExamples } from '../../core/quality/tasks/few-shot.js';
import { parseItems, type TaskItem } from '../../core/quality/tasks/items.js';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { quantizeFile } from '../../engines/runners/llama-cpp/index.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { sharedFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';
import { modelPath } from './loading.js';

const sample = join(import.meta.dirname, '../../models/sample.txt');
const material = process.env.RIDGEPOINT_MATERIAL;
const folder = sharedFolder();

const model = (name: string) => ({
  runnerKind: 'llama-cpp',
  modelPath: modelPath(name),
  options: { threads: 1 },
  deviceClass: 'cpu',
  deviceId: 'cpu0',
  cpus: [0],
});
const text = (
  scheme: TextRequest['windows']['scheme'],
  context: number,
  rest: Partial<TextRequest> = {},
): TextRequest => ({
  path: sample,
  windows: { scheme, context, stride: null },
  basePrecision: 'llama',
  ...rest,
});

const job = (
  name: string,
  request: Partial<QualityJob['request']>,
  base: string | null = null,
): QualityJob => ({
  model: model(name),
  base: base === null ? null : model(base),
  request: { text: null, tasks: [], ...request },
  scorers: {},
  trainedContext: 512,
});
const quiet = { progress: () => {}, checkStop: async () => {} };
const measure = (...args: Parameters<typeof job>): Promise<QualityOutcome> =>
  measureQuality(job(...args), quiet);

let open: LanguageModel[] = [];
afterEach(() => {
  for (const model of open) model.close();
  open = [];
});
async function speaker(name: string, contextTokens = 512): Promise<LanguageModel> {
  const loaded = await openLanguageModel({ ...model(name), contextTokens });
  open.push(loaded);
  return loaded;
}

async function quantized(name: string, quantization: string): Promise<string> {
  const outputPath = join(folder, `${name}-${quantization}.gguf`);
  await quantizeFile({
    inputPath: modelPath(name),
    outputPath,
    quantization: plainQuantization(quantization),
    imatrix: null,
    threads: 1,
  });
  return outputPath;
}

/** Within a share of the value: CPU backends round differently. */
const near = (found: number | null | undefined, expected: number, share: number) =>
  expect(Math.abs((found ?? Number.NaN) / expected - 1), `${found} for ${expected}`).toBeLessThan(share);

describe('numbers of llama-perplexity v0.4.0 on the same file', () => {
  // llama-perplexity -m tiny-f16.gguf -f sample.txt -c 512, then -c 128.
  test.each([
    [512, 23.8007, 0.73345, 4080],
    [128, 24.0032, 0.71674, 4221],
  ])('perplexity with windows of %i', async (context, perplexity, error, predictions) => {
    const found = (await measure('tiny', { text: text('llama', context) })).text;
    near(found?.perplexity.value, perplexity, 2e-4);
    near(found?.perplexity.standardError, error, 1e-3);
    expect(found?.perplexity.tokens).toBe(predictions);
    expect(found?.tokens).toBe(8583);
  });

  test('divergence of q4_0 from f16', async () => {
    // … -c 128 -b 128 --kl-divergence-base, then the same with -m tiny-q4_0.gguf and --kl-divergence.
    const path = await quantized('tiny', 'q4_0');
    const found = (await measure(path, { text: text('llama', 128) }, 'tiny')).text?.divergence;
    near(found?.candidate.value, 24.187, 1e-3);
    near(found?.base.value, 24.0033, 2e-4);
    near(found?.kl.value, 0.006746, 0.03);
    near(found?.kl.standardError, 0.000109, 0.05);
    near(found?.kl.distribution.p99, 0.03458, 0.05);
    near(found?.kl.distribution.median, 0.00487, 0.03);
    near(found?.sameTop.value, 0.9303, 0.005);
    near(found?.probabilityChangeRms.value, 0.0149, 0.05);
    near(found?.lossCorrelation, 0.9983, 1e-3);
  });

  test('a model does not diverge from itself, beyond the 16 bits of the base', async () => {
    const precision = async (basePrecision: TextRequest['basePrecision']) =>
      (await measure('tiny', { text: text('llama', 512, { basePrecision }) }, 'tiny')).text?.divergence;
    const exact = await precision('exact');
    expect(exact?.kl.distribution.maximum).toBeLessThan(1e-6);
    expect(exact?.sameTop.value).toBe(1);
    const coded = await precision('llama');
    expect(Math.abs(coded?.kl.value ?? 1)).toBeLessThan(1e-5);
    expect(coded?.kl.value).not.toBe(exact?.kl.value);
  });
});

describe('windows', () => {
  test('rows handed over are those that a token-by-token evaluation gives', async () => {
    const tiny = await speaker('tiny');
    const tokens = tiny.text.tokenize(readFileSync(sample, 'utf8').slice(0, 600), true).subarray(0, 64);
    const whole: number[] = [];
    tiny.reset(0);
    tiny.text.evaluate(tokens, 10, (at, logits) => {
      if (at < tokens.length - 1) whole.push(logProbability(logits, tokens[at + 1]!));
    });
    expect(whole).toHaveLength(53);
    const single: number[] = [];
    tiny.reset(0);
    for (let i = 0; i < tokens.length - 1; i++) {
      tiny.text.evaluate(tokens.subarray(i, i + 1), 0, (_, logits) => {
        if (i >= 10) single.push(logProbability(logits, tokens[i + 1]!));
      });
    }
    whole.forEach((value, i) => {
      expect(value).toBeCloseTo(single[i]!, 1);
    });
    expect(whole.reduce((a, b) => a + b)).toBeCloseTo(
      single.reduce((a, b) => a + b),
      0,
    );
  });

  test('DSnoT windows are scored whole, strided ones with more context than either', async () => {
    const dsnot = (await measure('tiny', { text: text('dsnot', 128) })).text?.perplexity;
    const strided = (await measure('tiny', { text: text('strided', 128) })).text?.perplexity;
    expect(dsnot?.tokens).toBe(67 * 127);
    expect(strided?.tokens).toBe(133 * 64);
    near(dsnot?.value, 25.345, 1e-3);
    near(strided?.value, 24.396, 1e-3);
  });
});

test('vocabulary: text survives tokens, whatever is in it', async () => {
  const { text: words } = await speaker('tiny');
  expect(words.beginToken).toBe(1);
  for (const said of [
    'Once upon a time',
    'naïve café — 北京 🦊',
    'a\u0000b',
    '  two  blanks',
    '<s>',
    'line\nfeed',
  ]) {
    const tokens = words.tokenize(said, true);
    expect(tokens[0]).toBe(1);
    expect(words.detokenize(tokens).trim()).toBe(said.trim());
  }
  expect(words.tokenize('', true)).toEqual(Int32Array.of(1));
  expect(words.tokenize('', false)).toEqual(new Int32Array(0));
  expect(words.isEnd(2)).toBe(true);
  expect(words.isEnd(100)).toBe(false);
});

const lines = [
  {
    context: 'The king said to his daughter:',
    choices: [' "Come with me."', ' of of the and the', ' 7 7 7 xq'],
    answer: 0,
    group: 'speech',
  },
  {
    context: 'Once upon a time there was',
    choices: [' wall the an', ' a poor woman', ' said said'],
    answer: 'B',
    group: 'start',
  },
  { context: 'They went into the', choices: [' forest', ' of'], answer: ' forest', group: 'start' },
];
function task(spec: Partial<Task['spec']> = {}, records: readonly object[] = lines): Task {
  const plain = plainTask('fables', 'fables.jsonl');
  const definition = { ...plain, spec: { ...plain.spec, ...spec } };
  const items = sound(parseItems(definition, records.map((line) => JSON.stringify(line)).join('\n')));
  const made = withExamples(definition, items.value, null);
  if (typeof made === 'string') throw new Error(made);
  return made;
}

describe('multiple choice', () => {
  test('options share the prompt in the cache and score as if each stood alone', async () => {
    const small = await speaker('small');
    for (const item of task().items) {
      const cut = tokenizeChoices(small.text, item);
      const found = optionLikelihoods(small, cut);
      for (const [i, tokens] of cut.options.entries()) {
        let alone = 0;
        small.reset(0);
        small.text.evaluate(tokens, 0, (at, logits) => {
          if (at >= cut.promptTokens[i]! - 1 && at < tokens.length - 1)
            alone += logProbability(logits, tokens[at + 1]!);
        });
        expect(found[i]?.logProbability).toBeCloseTo(alone, 1);
        expect(found[i]?.tokens).toBe(tokens.length - cut.promptTokens[i]!);
      }
    }
  });

  test('a blank between prompt and option counts to the option, on whichever side it is written', async () => {
    const small = await speaker('small');
    const cut = (question: string, choices: string[]) => {
      const [item] = task({}, [{ question, choices, answer: 0 }]).items;
      return tokenizeChoices(small.text, item!);
    };
    const before = cut('They went into the', [' forest', ' of']);
    const after = cut('They went into the ', ['forest', 'of']);
    expect(after.options).toEqual(before.options);
    expect(after.promptTokens).toEqual(before.promptTokens);
    const sums = [before, after].map((one) =>
      optionLikelihoods(small, one).map(({ logProbability: sum }) => sum),
    );
    expect(sums[1]).toEqual(sums[0]);
    // The first token of the option is scored with it, not lost to the prompt.
    expect(before.options[0]!.length - before.promptTokens[0]!).toBeGreaterThan(0);
  });

  test('scores come with groups, chance, and what is left of the base', async () => {
    const path = await quantized('small', 'q8_0');
    const [found] = (await measure(path, { tasks: [task()] }, 'small')).tasks;
    expect(found?.chance).toBeCloseTo((1 / 3 + 1 / 3 + 1 / 2) / 3, 12);
    expect(found?.scores.map(({ name }) => name)).toEqual(['sum', 'perToken', 'perByte']);
    const perToken = found?.scores[1];
    expect(perToken?.score.value).toBe(1);
    expect(perToken?.retentionPercent?.value).toBe(100);
    const [grouping] = perToken?.score.groupings ?? [];
    expect(grouping?.groups.map(({ group }) => group)).toEqual(['speech', 'start']);
    expect(grouping?.groups[0]?.retentionPercent?.value).toBe(100);
  });

  test('by letter, with solved examples in front', async () => {
    const asked = task({ mode: 'letter', fewShot: { count: 1, separator: '\n\n' } });
    expect(asked.items).toHaveLength(2);
    expect(asked.items[0]?.prompt).toContain('Answer: A\n\nOnce upon a time');
    expect(asked.items[0]?.choices?.continuations).toEqual([' A', ' B', ' C']);
    const [found] = (await measure('tiny', { tasks: [asked] })).tasks;
    expect(found?.scores.map(({ name, score }) => [name, score.items])).toEqual([['letter', 2]]);
  });
});

describe('generation', () => {
  test('is greedy, repeats itself exactly, and ends at a stop or at the limit', async () => {
    const small = await speaker('small');
    const prompt = small.text.tokenize('Once upon a time there was a king who had', true);
    const { text: answer, ...spent } = generate(small, prompt, { maxTokens: 24, stop: [] });
    expect(spent).toMatchObject({ tokensIn: prompt.length, tokensOut: 24 });
    expect(spent.secondsToFirst).toBeGreaterThan(0);
    expect(answer.length).toBeGreaterThan(20);
    expect(generate(small, prompt, { maxTokens: 24, stop: [] }).text).toBe(answer);
    const word = answer.trim().split(' ')[2]!;
    const { text: stopped } = generate(small, prompt, { maxTokens: 24, stop: [word] });
    expect(stopped).toBe(answer.slice(0, answer.indexOf(word)));
  });

  test('a command of the node judges answers, of the base too', async () => {
    const script = join(folder, 'judge.mjs');
    writeFileSync(
      script,
      `import { createInterface } from 'node:readline';
       for await (const line of createInterface({ input: process.stdin })) {
         const { id, prompt, answer, references } = JSON.parse(line);
         const whole = typeof prompt === 'string' && Array.isArray(references);
         console.log(JSON.stringify({ id, score: whole && answer.length > 0 ? 0.5 : 0 }));
       }`,
    );
    const asked = task({ mode: 'generate', scorers: ['external:judge', 'exact'], maxTokens: 4 });
    const command = [process.execPath, script];
    const scorers = { judge: { command, timeoutSeconds: 30, env: {} } };
    const [found] = (await measureQuality({ ...job('tiny', { tasks: [asked] }, 'small'), scorers }, quiet))
      .tasks;
    expect(found?.scores.map(({ name }) => name)).toEqual(['external:judge', 'exact']);
    expect(found?.scores[0]).toMatchObject({
      score: { value: 0.5 },
      base: { value: 0.5 },
      retentionPercent: { value: 100, standardError: 0 },
    });
  });

  test('answers are scored by every scorer that the task names', async () => {
    const asked = task({ mode: 'generate', scorers: ['exact', 'chrf', 'rouge-l'], maxTokens: 6 });
    const [found] = (await measure('tiny', { tasks: [asked] })).tasks;
    expect(found?.chance).toBeNull();
    expect(found?.scores.map(({ name }) => name)).toEqual(['exact', 'chrf', 'rouge-l']);
    for (const { score } of found?.scores ?? []) expect(score.value).toBeLessThanOrEqual(1);
  });
});

describe('in the child', () => {
  /** Launches it. @param then what is done with each word of progress. */
  const begun = (asked: ReturnType<typeof job>, then: (progress: QualityProgress) => void) =>
    launch({
      task: taskOf(QUALITY, asked),
      cpus: [],
      timeLimitSeconds: 60,
      memoryLimitBytes: null,
      graceSeconds: 20,
      onMessage: (message) => {
        if (message.type === 'quality-progress') then(message.progress);
      },
    });

  test('progress and the outcome come as messages', async () => {
    const said: QualityProgress[] = [];
    const launched = begun(job('tiny', { text: text('llama', 512) }), (progress) => said.push(progress));
    const { answer, failure } = await launched.ended;
    expect(failure).toBeNull();
    near(answer?.text?.perplexity.value, 23.8007, 2e-4);
    expect(said.map(({ done }) => done)).toEqual(Array.from({ length: 16 }, (_, i) => i + 1));
  });

  test('a stop ends it between two windows', async () => {
    const said: QualityProgress[] = [];
    const launched = begun(job('tiny', { text: text('strided', 128) }), (progress) => {
      said.push(progress);
      launched.stop('enough');
    });
    const { failure } = await launched.ended;
    expect(failure).toMatchObject({ code: 'cancelled' });
    expect(said.length).toBeLessThan(133);
  });

  test('what cannot be measured says why', async () => {
    const reason = async (...args: Parameters<typeof job>) =>
      toFailure(await measure(...args).catch((error: unknown) => error));
    const file = (name: string, content: string | Buffer) => {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    };
    const short = await reason('tiny', {
      text: text('llama', 512, { path: file('short.txt', 'Too short.') }),
    });
    expect(short).toMatchObject({ code: 'impossible-combination' });
    expect(short.message).toMatch(
      /short.txt: the text has 5 tokens, and llama windows of 512 need at least 1024/,
    );
    const binary = await reason('tiny', {
      text: text('llama', 512, { path: file('b.txt', Buffer.from([255, 254, 0])) }),
    });
    expect(binary.message).toContain('not UTF-8');
    const fake = await measureQuality(
      { ...job('tiny', { text: text('llama', 512) }), model: { ...model('tiny'), runnerKind: 'fake' } },
      quiet,
    ).catch(toFailure);
    expect(fake).toMatchObject({ code: 'impossible-combination' });
  });

  test('windows longer than the model was trained for are told', async () => {
    const { warnings } = await measureQuality(
      { ...job('tiny', { text: text('dsnot', 128) }), trainedContext: 64 },
      quiet,
    );
    expect(warnings).toEqual(['windows of 128 tokens are longer than the 64 the model was trained for']);
  });
});

describe.skipIf(material === undefined)('the larger texts (needs RIDGEPOINT_MATERIAL)', () => {
  const data = join(material ?? '', 'data');

  test('test.txt: 36.2975, and 36.385 as q4_k_m', { timeout: 300_000 }, async () => {
    const path = await quantized('small', 'q4_k_m');
    const request = { text: text('llama', 512, { path: join(data, 'test.txt') }) };
    const found = (await measure(path, request, 'small')).text?.divergence;
    near(found?.base.value, 36.2975, 1e-4);
    near(found?.candidate.value, 36.385, 3e-4);
    expect(found?.tokens).toBe(20_910);
  });

  test('300 cloze items: 54.0 % by sum, 60.3 % per token', { timeout: 300_000 }, async () => {
    const items = parseItems(plainTask('mcq', 'mcq.jsonl'), readFileSync(join(data, 'mcq.jsonl'), 'utf8'));
    const asked: readonly TaskItem[] = items.ok ? items.value.items : [];
    const cloze = { ...task(), items: asked };
    const [found] = (await measure('small', { tasks: [cloze] })).tasks;
    const share = (name: string) => found?.scores.find((s) => s.name === name)?.score;
    expect(share('sum')?.value).toBeCloseTo(0.54, 2);
    expect(share('perToken')?.value).toBeCloseTo(0.603, 2);
    expect(share('sum')?.standardError).toBeCloseTo(0.0288, 3);
  });
});
