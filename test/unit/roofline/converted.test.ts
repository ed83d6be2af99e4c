import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ARCHITECTURES } from '../../../artifacts/conversions/safetensors-to-gguf/architectures/index.js';
import { safetensorsToGguf } from '../../../artifacts/conversions/safetensors-to-gguf/converter.js';
import { isEncoder } from '../../../core/experiment/known-facts.js';
import { FOLDER_ARCHITECTURES } from '../../../core/models/conversions.js';
import { predictMemory } from '../../../core/work/memory.js';
import { sizeOf } from '../../../core/work/model-size.js';
import { FLASH } from '../../../core/work/pass/setting.js';
import { passWork } from '../../../core/work/pass-work.js';
import { totalBytes } from '../../../core/work/work.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { formatOf } from '../../../formats/index.js';
import { architectureFromConfig } from '../../../roofline/readers/config.js';
import { architectureFromGguf } from '../../../roofline/readers/gguf.js';
import type { ArchitectureReading } from '../../../roofline/readers/reading.js';
import { temporaryFolder } from '../../support/folder.js';
import { writeFolder } from '../../support/model-folder.js';
import { packedGptOss, tinyBert, tinyDeepseek, tinyGptOss } from '../../support/tiny-models.js';

function read(reading: ArchitectureReading) {
  if (!reading.ok) throw new Error(reading.reason);
  return reading.architecture;
}

async function converted(folder: string): Promise<string> {
  const outputPath = join(temporaryFolder(), 'model.gguf');
  const request = { inputPath: folder, outputPath, type: null, dequantize: false };
  await safetensorsToGguf.convert(request, () => {});
  return outputPath;
}

describe('what converts is counted', () => {
  test.each(FOLDER_ARCHITECTURES)('%s, of its config and of its GGUF file', (name) => {
    const { reason: ofConfig } = architectureFromConfig({ model_type: name }) as { reason: string };
    expect(ofConfig).toMatch(/^the config does not say/);
    const metadata = new Map([['general.architecture', ARCHITECTURES[name].gguf]]);
    const { reason: ofFile } = architectureFromGguf({ metadata, tensors: [] }) as { reason: string };
    expect(ofFile).toMatch(/^the file does not say its \S+\.embedding_length/);
  });

  test.each<[string, () => Promise<string>, number]>([
    ['DeepSeek V2', () => writeFolder(tinyDeepseek(2)), 0],
    // The bias that only chooses experts: of 4 in one layer.
    ['DeepSeek V3', () => writeFolder(tinyDeepseek(3)), 4],
    ['GPT-OSS', () => writeFolder(tinyGptOss()), 0],
    ['GPT-OSS in MXFP4', packedGptOss, 0],
    ['BERT', tinyBert, 0],
  ])('%s: every byte of the weights, and as many parameters in both formats', async (_, make, left) => {
    const folder = await make();
    const path = await converted(folder);
    const { tensors } = readGgufHeader(path);
    const stored = tensors.reduce((sum, { bytes }) => sum + bytes, 0);
    const size = sizeOf(read(formatOf(path).shapes(path)));
    expect(size.bytes).toBeCloseTo(stored - 4 * left, 3);
    const { facts } = formatOf(path).inspect(path);
    expect(facts.parameters).toBe(size.parameters + left);
    const ofFolder = formatOf(folder).inspect(folder).facts;
    expect(ofFolder.parameters).toBe(size.parameters);
    for (const fact of [
      'layers',
      'contextLength',
      'keyElementsPerToken',
      'valueElementsPerToken',
      'heads',
      'experts',
    ] as const)
      expect([fact, ofFolder[fact]]).toEqual([fact, facts[fact]]);
  });

  test('GPT-OSS’s blocks count for experts alone', async () => {
    const [group] = read(formatOf(await packedGptOss()).shapes(await packedGptOss())).layers;
    expect(group?.feedForward.up.bits).toBe(4.25);
    expect(group?.attention.output.bits).toBe(32);
    expect(group?.feedForward.experts?.router.bits).toBe(32);
  });
});

test('an encoder keeps nothing, sees all of a text, and gives no logits', async () => {
  const folder = await tinyBert();
  const { facts } = formatOf(folder).inspect(folder);
  expect(isEncoder(facts)).toBe(true);
  const architecture = read(formatOf(folder).shapes(folder));
  const tokens = 8;
  const { operators } = passWork(architecture, {
    phase: 'prefill',
    batch: [{ sequences: 2, newTokens: tokens, cachedTokens: 0 }],
    attention: { ...FLASH, queryBlock: null },
  });
  const of = (name: string) => operators.find((operator) => operator.name === name);
  expect([of('cache_store'), of('lm_head'), of('output_norm')]).toEqual([undefined, undefined, undefined]);
  // 2 texts, 2 layers, 4 heads, all pairs: 2 FLOPs for each element of key and value, 4 each.
  expect(of('attention')?.flops).toBe(2 * 2 * 4 * tokens * tokens * 2 * (4 + 4));
  expect(operators.reduce((sum, { traffic }) => sum + traffic.cacheRead + traffic.cacheWritten, 0)).toBe(0);
  expect(totalBytes(of('embed_norm')!.traffic)).toBeGreaterThan(0);
  const step = { sequences: 1, newTokens: 1, cachedTokens: tokens };
  expect(() => passWork(architecture, { phase: 'decode', batch: [step] })).toThrow(
    /encoder, which generates nothing/,
  );
});

test('memory of a cache with windows follows from the shapes of the file', async () => {
  const path = await converted(await writeFolder(tinyGptOss()));
  const { facts } = formatOf(path).inspect(path);
  const known = facts as Parameters<typeof predictMemory>[0]['facts'];
  const experiment = {
    technique: { quantization: 'base', sparsity: 'none', attention: 'base', adapter: 'none' },
    runner: { kind: 'llama-cpp', options: { ubatch: 256 } },
    workload: { kind: 'latency', options: { promptTokens: 4096, generateTokens: 0, parallel: 1 } },
    device: 'cpu',
  } as unknown as Parameters<typeof predictMemory>[0]['experiment'];
  const kvCache = (architecture: ReturnType<typeof read> | null) =>
    predictMemory({ facts: known, experiment, architecture }).parts.kvCache;
  // Of two layers one keeps its window of 8 and a micro-batch, in cells of 256.
  expect(kvCache(read(formatOf(path).shapes(path))) / kvCache(null)).toBeCloseTo(
    (4096 + 512) / (2 * 4096),
    6,
  );
});
