import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { recompute } from '../../batching/judge.js';
import type { Options } from '../../core/experiment/experiment.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { llamaCpp } from '../../engines/runners/llama-cpp/index.js';
import type { GreedyGenerator } from '../../engines/runners/opened.js';
import { type GreedyRequest, open as openRunner } from '../../engines/runners/runner.js';
import { lease, trialContext } from '../support/bench.js';
import { tinyModel } from '../support/gguf-patch.js';
import { modelPath } from './loading.js';

let open: GreedyGenerator | null = null;
const close = () => {
  open?.close();
  open = null;
};
afterEach(close);

const REQUEST: GreedyRequest = {
  modelPath: modelPath('small'),
  options: { threads: 1 },
  deviceClass: 'cpu',
  deviceId: 'cpu0',
  cpus: [0],
  contextTokens: 128,
  sequences: 1,
  drafting: null,
  sharedTokens: 0,
  draftPath: null,
};

async function opened(changes: Partial<GreedyRequest>): Promise<GreedyGenerator> {
  close();
  open = await openRunner(llamaCpp, 'greedy-generator', { ...REQUEST, ...changes });
  return open;
}

const TEXTS = [
  'The king said that his daughter would marry whoever brought the golden apple',
  'Once upon a time there was a fox that lived in a wood near the sea',
  'In the morning the old woman went out to the well and saw a bird',
];

const promptsOf = (model: GreedyGenerator, count: number) =>
  TEXTS.slice(0, count).map((text) => model.tokenize(text).slice(0, 12));

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** As judgement/generation.ts: where the two best logits are closer, either is greedy. */
const TIE_LOGITS = 0.1;

/** Expects answers to be the same up to a tie. */
function expectSame(
  answers: readonly Int32Array[],
  { tokens, leads }: Pick<ReturnType<GreedyGenerator['answer']>, 'tokens' | 'leads'>,
): void {
  for (const [s, answer] of answers.entries()) {
    const at = answer.findIndex((token, i) => token !== tokens[s]![i]);
    if (at >= 0) expect(leads[s]![at]).toBeLessThan(TIE_LOGITS);
  }
}

const DRAFTS = [
  { name: 'a draft model', drafting: { by: 'model', tokens: 4, probability: 0 } },
  { name: 'a draft model that has to be sure', drafting: { by: 'model', tokens: 6, probability: 0.4 } },
  { name: 'n-grams', drafting: { by: 'ngram', tokens: 5, ngram: 2 } },
] as const;

describe('drafts change how long an answer takes, and not the answer', () => {
  test.each(DRAFTS)('$name, of one sequence and of three', async ({ drafting }) => {
    const draftPath = drafting.by === 'model' ? modelPath('tiny') : null;
    for (const sequences of [1, 3]) {
      const model = await opened({ drafting, draftPath, sequences });
      model.read(promptsOf(model, sequences));
      const plain = model.answer(64, false);
      const drafted = model.answer(64, true);
      expectSame(drafted.tokens, plain);
      expect(plain.verifications).toBe(sequences * 63);
      expect(sum(drafted.accepted)).toBeGreaterThan(0);
      expect(sum(drafted.accepted) + drafted.verifications).toBe(sequences * 63);
      // Answering again from the same prompts gives the same.
      expect(model.answer(64, true).tokens).toEqual(drafted.tokens);
    }
  });

  test('a model that drafts for itself has every token accepted', async () => {
    const drafting = { by: 'model', tokens: 4, probability: 0 } as const;
    const model = await opened({ drafting, draftPath: modelPath('small'), sequences: 2 });
    model.read(promptsOf(model, 2));
    const { accepted, drafted } = model.answer(41, true);
    // But for a tie that a batch of another size rounds the other way.
    expect(sum(accepted) / sum(drafted)).toBeGreaterThan(0.9);
  });
});

test('what prompts begin with alike is computed once, and the answers are the same', async () => {
  const texts = (model: GreedyGenerator) =>
    ['One day the king', 'One day a poor man', 'One day the old fox'].map((text) =>
      model.tokenize(`${TEXTS[0]} ${text} and his wife`).slice(0, 24),
    );
  const each = await opened({ sequences: 3 });
  each.read(texts(each));
  const plain = each.answer(32, false);
  const once = await opened({ sequences: 3, sharedTokens: 12 });
  once.read(texts(once));
  expectSame(once.answer(32, false).tokens, plain);
});

describe('what cannot be drafted is refused in one sentence', () => {
  const drafting = { by: 'model', tokens: 4, probability: 0 } as const;

  test('a draft of another vocabulary', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ridge-drafts-'));
    try {
      const path = join(folder, 'other.gguf');
      const bytes = tinyModel();
      // A word of the vocabulary, after its length: `▁the` becomes `▁thX`.
      const word = Buffer.concat([Buffer.from([6, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('▁the')]);
      bytes.write('X', bytes.indexOf(word) + word.length - 1);
      writeFileSync(path, bytes);
      await expect(opened({ drafting, draftPath: path })).rejects.toThrow(
        /^other.gguf cannot draft for small-f16.gguf: token \d+ is "\S*thX" in its vocabulary, and "\S*the" in the model's\.$/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('more tokens than a batch holds, and a draft that is not there', async () => {
    const options = { threads: 1, batch: 8, ubatch: 8 };
    await expect(opened({ options, drafting, sequences: 2, draftPath: modelPath('tiny') })).rejects.toThrow(
      'A step verifies 10 tokens, 4 drafted ones and one more of each of 2 sequences, and a batch holds 8.',
    );
    await expect(opened({ drafting, draftPath: '/no/draft.gguf' })).rejects.toThrow(/no model file/);
  });
});

describe('a trial', () => {
  async function run(options: Options): Promise<ResultRecord> {
    const asked = { kind: 'generation', options: { promptTokens: 24, generateTokens: 24, ...options } };
    const runner = { kind: 'llama-cpp', options: { threads: 1 } };
    const model = { name: 'small', source: 'builtin:small', digest: null, facts: null };
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const record = await startTrial(lease({ model, runner, workload: asked }), node).done;
    return resultSchema.parse(JSON.parse(JSON.stringify(record)));
  }

  test('with a draft model keeps what it accepted, and can be judged again', {
    timeout: 60_000,
  }, async () => {
    const record = await run({
      speculative: 'draft',
      draftModel: 'builtin:tiny',
      draftTokens: 3,
      parallel: 2,
      sharedTokens: 8,
      prefixCaching: true,
    });
    expect(record.failure).toBeNull();
    expect(record.environment.draftDigest).toMatch(/^sha256:/);
    const { generation, measurements } = record;
    expect(generation).toMatchObject({ sequences: 2, answerTokens: 24 });
    for (const { verifications, accepted } of generation!.repeats)
      expect(verifications + sum(accepted)).toBe(2 * 23);
    expect(measurements.acceptanceLength!.value).toBeGreaterThan(1);
    expect(measurements.draftPlace1AcceptanceRatio!.value).toBeGreaterThan(0);
    expect(measurements.verifyStepSeconds!.value).toBeGreaterThan(0);
    // Of 24 tokens each, eight are computed once.
    expect(record.phases.find(({ name }) => name === 'prefill')!.tokens).toBe(40);
    expect(recompute(record)).toEqual(record);
  });

  test('says what is wrong with its draft, and with a prompt that is too long', {
    timeout: 60_000,
  }, async () => {
    const missing = await run({ speculative: 'draft', draftModel: 'builtin:none' });
    expect(missing.failure?.message).toMatch(/none/);
    const long = await run({ promptTokens: 400_000, generateTokens: 2 });
    expect(long.failure?.message).toMatch(/more than the 512 tokens/);
  });
});
