import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startTrial } from '../../agent/trial/start.js';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { readSynthetic, SYNTHETIC_TYPES } from '../../core/models/synthetic.js';
import { type ResultRecord, resultSchema } from '../../core/result/result.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { modelFacts, weightBytes } from '../../formats/gguf/facts.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { lease, trialContext } from '../support/bench.js';
import { sharedFolder } from '../support/folder.js';
import { sound } from '../support/reading.js';
import { load } from './loading.js';

const folder = sharedFolder();

const SMALL = 'layers=2&embedding=128&headLength=32&kvHeads=2&vocabulary=1000&contextLength=256';

async function write(source: string): Promise<string> {
  const reading = sound(readSynthetic(source));
  const path = join(folder, `${source.replace(/\W+/g, '-')}.gguf`);
  await writeSynthetic(path, reading.model);
  return path;
}

describe('llama.cpp loads a synthetic model', () => {
  const sources = [
    ...SYNTHETIC_TYPES.map((type) => `synthetic:llama?${SMALL}&type=${type}`),
    `synthetic:llama?${SMALL}&tied=true`,
    `synthetic:qwen2?${SMALL}`,
    // The real shapes, with few layers and tokens: biases, rope factors, heads narrower than the embedding.
    'synthetic:qwen2.5-0.5b?layers=1&vocabulary=512&type=q8_0',
    'synthetic:llama-3.2-3b?layers=1&vocabulary=512&embedding=512&feedForward=512',
    'synthetic:smollm2-135m?layers=1&vocabulary=512',
  ];
  test.each(sources)('%s', async (source) => {
    const path = await write(source);
    const header = readGgufHeader(path);
    const model = await load(path, {}, { contextTokens: 64 });
    expect(model.facts).toMatchObject({
      modelBytes: weightBytes(header),
      parameters: modelFacts(header).parameters,
      vocabularySize: modelFacts(header).vocabularySize,
    });
    expect(model.warnings).toEqual([]);
    model.prefill([Int32Array.of(1, 5, 9)]);
    model.step(Int32Array.of(7));
    const logits = model.logits(0);
    expect(logits.every(Number.isFinite)).toBe(true);
    // Weights that were all alike, or zero, would give every token the same.
    expect(new Set(logits).size).toBeGreaterThan(logits.length / 2);
    model.close();
  });
});

describe('an experiment on a synthetic model', () => {
  const source = `synthetic:llama?${SMALL}&feedForward=256`;
  const run = async (quantization: string, node: ReturnType<typeof trialContext>): Promise<ResultRecord> => {
    const changes = {
      model: { name: 'random', source, digest: null, facts: null },
      runner: { kind: 'llama-cpp', options: { threads: 1 } },
      technique: { ...UNCHANGED, quantization },
    };
    const record = await startTrial(lease(changes), node).done;
    return resultSchema.parse(JSON.parse(JSON.stringify(record)));
  };

  test('writes it once, says in the record what it is, and quantizes it', { timeout: 120_000 }, async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const quantized = await run('q8_0', node);
    const first = await run('base', node);
    expect([quantized.failure, first.failure]).toEqual([null, null]);
    // The quantized one needed the base, which is now there.
    expect(first.artifact).toMatchObject({ recipe: 'synthetic', makeSeconds: null });
    expect(first.artifact?.digest).toMatch(/^sha256:/);
    expect(first.artifact?.base).toMatch(/^header-sha256:/);
    expect(quantized.artifact).toMatchObject({
      recipe: 'quantize(q8_0)',
      base: first.artifact?.base,
      makeSeconds: expect.any(Number),
    });
    for (const record of [first, quantized]) {
      expect(record.absent.quality).toContain('its weights are random');
      expect(record.measurements.decodeTokensPerSecond?.value).toBeGreaterThan(0);
    }
    expect(quantized.measurements.compressionRatio?.value).toBeCloseTo(16 / 8.5, 1);
  });

  test('is refused where artifacts may not take that much', async () => {
    const node = trialContext({ limits: { idleSeconds: 0 } });
    const changes = {
      model: { name: 'large', source: 'synthetic:llama-3.1-8b', digest: null, facts: null },
      runner: { kind: 'llama-cpp', options: {} },
    };
    const record = await startTrial(lease(changes), node).done;
    expect(record.failure).toMatchObject({
      code: 'disk-full',
      hint: expect.stringContaining('artifactBytes'),
    });
  });
});
