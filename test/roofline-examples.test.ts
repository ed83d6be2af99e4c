import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openArchitecture } from '../cli/roofline/open-model.js';
import type { Analysis } from '../roofline/analysis/analysis.js';
import { parseRoofline } from '../roofline/analysis/file.js';
import { type AnalysisPoint, pointsOf } from '../roofline/analysis/point.js';
import { type Analyses, analyzeAll } from '../roofline/analyze.js';
import { publishedCeilings } from '../roofline/ceilings.js';
import { requireHardware } from '../roofline/hardware/catalogue.js';
import { sound } from './support/reading.js';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'docs/examples/roofline');
const schema = JSON.parse(readFileSync(join(root, 'schemas/roofline.schema.json'), 'utf8')) as object;
const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(schema);

const results = new Map<string, Analyses>();

/** Analyses an example, once. */
function run(name: string): Analyses {
  const known = results.get(name) ?? analysed(name);
  results.set(name, known);
  return known;
}

function analysed(name: string): Analyses {
  const reading = sound(parseRoofline(readFileSync(join(folder, `${name}.yaml`), 'utf8')));
  const { spec } = reading.file;
  return analyzeAll(pointsOf(spec), {
    models: new Map(
      [...spec.model, ...spec.draft].flatMap((model) =>
        model === null ? [] : [[model, openArchitecture(model, [])] as const],
      ),
    ),
    ceilings: new Map(spec.hardware.map((device) => [device, publishedCeilings(requireHardware(device))])),
  });
}

/** The one analysis of a result at a point. */
function at({ analyses }: Analyses, where: Partial<AnalysisPoint>): Analysis {
  const found = analyses.filter(({ point }) =>
    Object.entries(where).every(([field, value]) => point[field as keyof AnalysisPoint] === value),
  );
  if (found[0] === undefined || found.length > 1)
    throw new Error(`${found.length} at ${JSON.stringify(where)}`);
  return found[0];
}

const rowOf = ({ prefill, decode }: Analysis, phase: 'prefill' | 'decode', name: string) =>
  (phase === 'prefill' ? prefill : decode).rows.find((row) => row.name === name);

/** How many points each has, and how many of them cannot be. */
const POINTS: Record<string, readonly [number, number]> = {
  'activation-and-cache-bits': [72, 0],
  'attention-shapes': [32, 0],
  'batch-and-sequence': [90, 0],
  'chunked-prefill': [7, 0],
  'expert-parallel': [24, 0],
  'flash-attention': [56, 0],
  hardware: [13, 0],
  layers: [1, 0],
  'long-context': [48, 15],
  'many-adapters': [6, 0],
  memory: [32, 0],
  'mixed-batches': [12, 0],
  models: [12, 0],
  offload: [32, 0],
  'pipeline-parallel': [24, 0],
  'prefill-and-decode': [12, 0],
  'prefill-quantization': [35, 0],
  serving: [508, 0],
  'sparse-weights': [12, 0],
  speculative: [21, 0],
  'speculative-decoding': [36, 0],
  'tensor-parallel': [8, 0],
  'weight-quantization': [315, 0],
};

describe('docs/examples/roofline', () => {
  test('are all known here', () => {
    expect(readdirSync(folder).sort()).toEqual(
      Object.keys(POINTS)
        .map((name) => `${name}.yaml`)
        .sort(),
    );
  });

  test.each(Object.entries(POINTS))(
    '%s says what it answers, and can be run',
    (name, [points, impossible]) => {
      const source = readFileSync(join(folder, `${name}.yaml`), 'utf8');
      expect(source.split('\n')[0]).toBe(
        '# yaml-language-server: $schema=../../../schemas/roofline.schema.json',
      );
      expect(source).toMatch(/^# .*\?/m);
      expect(validate(parse(source)), JSON.stringify(validate.errors)).toBe(true);
      const result = run(name);
      expect(result.analyses.length + result.impossible.length).toBe(points);
      expect(result.impossible).toHaveLength(impossible);
      for (const { prefill, decode, memory } of result.analyses) {
        for (const number of [prefill.seconds, decode.seconds, memory.bytes])
          expect(number).toBeGreaterThan(0);
      }
    },
  );
});

describe('what "LLM Inference Unveiled" says comes out', () => {
  test('table 1: Llama-2-7B on an A6000, batch 1, 2048 tokens', () => {
    const analysis = at(run('layers'), {});
    const line = (phase: 'prefill' | 'decode', name: string) => {
      const row = rowOf(analysis, phase, name)!;
      return [row.flops / row.calls, row.bytes / row.calls, row.intensity!, row.flopsPerSecond!, row.bound];
    };
    // Of one layer: operations, bytes, operations per byte, operations per second, bound.
    expect(line('prefill', 'q_proj')).toEqual([68_719_476_736, 67_108_864, 1024, 154.8e12, 'compute']);
    expect(line('prefill', 'gate_proj')).toEqual([
      184_683_593_728,
      152_043_520,
      expect.closeTo(1214.7, 1),
      154.8e12,
      'compute',
    ]);
    expect(line('prefill', 'qk_matmul')).toEqual([
      34_359_738_368,
      301_989_888,
      expect.closeTo(113.8, 1),
      expect.closeTo(87.4e12, -11),
      'memory',
    ]);
    expect(line('prefill', 'softmax').slice(2)).toEqual([1.25, expect.closeTo(960e9, -6), 'memory']);
    expect(line('prefill', 'attn_norm').slice(2)).toEqual([1.75, expect.closeTo(1.344e12, -6), 'memory']);
    expect(line('prefill', 'attn_add').slice(2)).toEqual([0.25, expect.closeTo(192e9, -6), 'memory']);
    for (const { name, bound, intensity } of analysis.decode.rows) {
      expect(bound, name).toBe('memory');
      expect(intensity, name).toBeLessThan(2);
    }
    expect(rowOf(analysis, 'decode', 'q_proj')?.intensity).toBeCloseTo(1, 2);
  });

  test('weights of fewer bits speed up a decode step at small batches alone', () => {
    const result = run('weight-quantization');
    const gain = (batch: number, bits: string) =>
      at(result, { batch, bits: 'w16a16' }).decode.seconds / at(result, { batch, bits }).decode.seconds;
    expect(gain(1, 'w4a16')).toBeGreaterThan(3.5);
    expect(gain(63, 'w4a16')).toBeLessThan(1.4);
    const gains = [1, 8, 32, 63].map((batch) => gain(batch, 'w4a16'));
    expect(gains).toEqual([...gains].sort((a, b) => b - a));
  });

  test('and a prefill as long as it is short', () => {
    const result = run('prefill-quantization');
    const gain = (context: number) =>
      at(result, { context, bits: 'w16a16' }).prefill.seconds /
      at(result, { context, bits: 'w4a16' }).prefill.seconds;
    expect(gain(16)).toBeGreaterThan(3.5);
    expect(gain(1024)).toBeLessThan(1.01);
  });

  test('with a large batch and a long context the cache fills the memory', () => {
    const result = run('memory');
    const small = at(result, { mode: 'llm-viewer', batch: 1, context: 1024, bits: 'w16a16' }).memory;
    const large = at(result, { mode: 'llm-viewer', batch: 16, context: 4096, bits: 'w16a16' }).memory;
    expect(small.kvCache / small.weights).toBeLessThan(0.05);
    expect(large.kvCache / large.weights).toBeGreaterThan(2);
    const cache = (bits: string) =>
      at(result, { mode: 'llm-viewer', batch: 16, context: 4096, bits }).memory.kvCache;
    expect(cache('w4a16') / cache('w4a16kv4')).toBe(4);
  });

  test('throughput grows with the batch until memory is full', () => {
    const result = run('serving');
    const rates = [1, 8, 64, 127].map((batch) => at(result, { batch, context: 1024 }).decode.tokensPerSecond);
    expect(rates).toEqual([...rates].sort((a, b) => a - b));
    expect(at(result, { batch: 16, context: 1024 }).memory.fits).toBe(true);
    expect(at(result, { batch: 127, context: 2048 }).memory.fits).toBe(false);
  });

  test('decoding follows the bandwidth of a device, a prefill its peak', () => {
    const { analyses } = run('hardware');
    const work = analyses.map(({ decode, roof }) => decode.seconds * roof.memoryBytesPerSecond);
    expect(Math.max(...work) / Math.min(...work)).toBeLessThan(1.01);
    const l40s = at({ analyses, impossible: [] }, { hardware: 'l40s' });
    const a40 = at({ analyses, impossible: [] }, { hardware: 'a40' });
    expect(a40.prefill.seconds / l40s.prefill.seconds).toBeGreaterThan(2);
    expect(a40.decode.seconds / l40s.decode.seconds).toBeLessThan(1.25);
  });
});

describe('what corrected mode shows and LLM-Viewer does not', () => {
  test('flash attention pays', () => {
    const result = run('flash-attention');
    const gain = (mode: 'llm-viewer' | 'corrected') => {
      const where = { mode, batch: 1, context: 4096 } as const;
      return (
        at(result, { ...where, flashAttention: false }).prefill.seconds /
        at(result, { ...where, flashAttention: true }).prefill.seconds
      );
    };
    expect(gain('llm-viewer')).toBeLessThan(1.2);
    expect(gain('corrected')).toBeGreaterThan(1.3);
  });

  test('OPT is smaller than it says', () => {
    const result = run('models');
    const weights = (mode: 'llm-viewer' | 'corrected') =>
      at(result, { mode, model: 'opt-6.7b' }).memory.weights / 2e9;
    expect(weights('llm-viewer')).toBeGreaterThan(8.5);
    expect(weights('corrected')).toBeCloseTo(6.66, 1);
  });

  test('tensor parallelism divides memory, too', () => {
    const result = run('tensor-parallel');
    const kvCache = (mode: 'llm-viewer' | 'corrected', tensorParallel: number) =>
      at(result, { mode, tensorParallel }).memory.kvCache;
    expect(kvCache('corrected', 1) / kvCache('corrected', 8)).toBeCloseTo(8, 9);
    const attention = at(result, { mode: 'llm-viewer', tensorParallel: 4 }).decode.rows.find(
      ({ module }) => module === 'attention',
    );
    // A quarter of a decode step, for it is not divided by 4.
    expect(attention?.share).toBeGreaterThan(0.2);
    expect(attention?.share).toBeLessThan(0.3);
  });

  test('drafts are verified at little cost until arithmetic is the limit', () => {
    const result = run('speculative');
    const seconds = (batch: number, tokensPerStep: number) =>
      at(result, { batch, tokensPerStep }).decode.seconds;
    expect(seconds(1, 8) / seconds(1, 1)).toBeLessThan(1.05);
    expect(seconds(32, 64) / seconds(32, 1)).toBeGreaterThan(3);
  });

  test('speculative decoding pays with a small batch and a good draft alone', () => {
    const result = run('speculative-decoding');
    const speedup = (batch: number, draftTokens: number, acceptance: number) =>
      at(result, { batch, draftTokens, acceptance }).speculative?.speedup ?? 0;
    expect(speedup(1, 4, 0.9)).toBeGreaterThan(2);
    expect(speedup(1, 4, 0.9)).toBeGreaterThan(speedup(1, 4, 0.6));
    expect(speedup(128, 8, 0.6)).toBeLessThan(1.2);
    // A poor draft has an optimum: more proposals are more work for tokens that are not taken.
    expect(speedup(1, 8, 0.6)).toBeLessThan(speedup(1, 2, 0.6));
  });

  test('a later chunk of a prompt costs more', () => {
    const { analyses } = run('chunked-prefill');
    const seconds = analyses.map(({ prefill }) => prefill.seconds);
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b));
    expect((seconds.at(-1) ?? 0) / (seconds[0] ?? 1)).toBeGreaterThan(3);
  });
});

describe('what an engineer asks next', () => {
  test('stages win a prefill in few parts over a slow link, shared matrices over a fast one, and decoding on both', () => {
    const result = run('pipeline-parallel');
    const shared = { tensorParallel: 4, pipelineParallel: 1, microBatches: 1 };
    const staged = { tensorParallel: 1, pipelineParallel: 4, microBatches: 4 };
    const seconds = (phase: 'prefill' | 'decode', where: Partial<AnalysisPoint>) =>
      at(result, where)[phase].seconds;
    for (const [hardware, faster, slower] of [
      ['l40s', staged, shared],
      ['h100', shared, staged],
    ] as const) {
      expect(seconds('prefill', { hardware, ...faster })).toBeLessThan(
        seconds('prefill', { hardware, ...slower }),
      );
      expect(seconds('decode', { hardware, ...shared })).toBeLessThan(
        seconds('decode', { hardware, ...staged }),
      );
    }
    // In more parts they hardly wait.
    expect(seconds('prefill', { hardware: 'h100', ...staged, microBatches: 16 })).toBeLessThan(
      seconds('prefill', { hardware: 'h100', ...shared }),
    );
    // Without micro-batches: the memory of a quarter of the layers, and no time gained.
    const alone = at(result, { hardware: 'h100', tensorParallel: 1, pipelineParallel: 1, microBatches: 1 });
    const waiting = at(result, { hardware: 'h100', ...staged, microBatches: 1 });
    expect(waiting.prefill.seconds).toBeGreaterThan(alone.prefill.seconds);
    expect(alone.memory.weights / waiting.memory.weights).toBeGreaterThan(3.5);
  });

  test('spread experts win with a large batch, cut ones with a small one', () => {
    const rate = (batch: number, tensorParallel: number, expertParallel: number) =>
      at(run('expert-parallel'), { model: 'mixtral-8x7b', batch, tensorParallel, expertParallel }).decode
        .tokensPerSecond;
    expect(rate(8, 8, 1)).toBeGreaterThan(rate(8, 1, 8));
    expect(rate(512, 1, 8)).toBeGreaterThan(rate(512, 8, 1));
  });

  test('weights with the host make a step as long as their way, whatever the batch', () => {
    const decode = (batch: number, offload: number) =>
      at(run('offload'), { hardware: 'h100', bits: 'w16a16', batch, offload }).decode;
    expect(decode(1, 0.5).seconds / decode(1, 0).seconds).toBeGreaterThan(20);
    expect(decode(32, 1).seconds / decode(1, 1).seconds).toBeLessThan(1.01);
    expect(decode(1, 1).bound).toBe('link');
  });

  test('decoding beside a chunk of a prompt costs less than a step on its own', () => {
    const seconds = (promptTokens: number, decodes: number) =>
      at(run('mixed-batches'), { promptTokens, decodes }).prefill.seconds;
    const step = at(run('mixed-batches'), { promptTokens: 128, decodes: 0 }).decode.seconds;
    expect(seconds(512, 8) - seconds(512, 0)).toBeLessThan(step / 2);
  });

  test('a column beside each value is worth it beyond a half, a bitmap much earlier', () => {
    const seconds = (sparsity: string) => at(run('sparse-weights'), { batch: 1, sparsity }).decode.seconds;
    expect(seconds('csr:0.5') / seconds('none')).toBeCloseTo(1, 3);
    expect(seconds('bitmap:0.5')).toBe(seconds('2:4'));
    expect(seconds('none') / seconds('bitmap:0.7')).toBeGreaterThan(2);
  });

  test('many different adapters cost what one does not', () => {
    const seconds = (adapters: number) =>
      at(run('many-adapters'), { adapterRank: 64, adapters }).decode.seconds;
    expect(seconds(32) / seconds(1)).toBeGreaterThan(1.4);
  });

  test('native sparse attention reads little of a long context and keeps all of it', () => {
    const where = { context: 65_536, kvCacheTypeK: 'f16', kvCacheTypeV: 'f16' };
    const [base, nsa, windowed] = ['base', 'nsa', 'window:512'].map((attention) =>
      at(run('attention-shapes'), { ...where, attention }),
    );
    expect(base!.decode.seconds / nsa!.decode.seconds).toBeGreaterThan(2);
    expect(nsa!.memory.kvCache).toBeGreaterThan(base!.memory.kvCache);
    expect(base!.memory.kvCache / windowed!.memory.kvCache).toBe(128);
  });
});
