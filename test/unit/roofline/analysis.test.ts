import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readBits } from '../../../roofline/analysis/bits.js';
import { rooflineChart, sweepChart } from '../../../roofline/analysis/chart.js';
import { parseRoofline } from '../../../roofline/analysis/file.js';
import {
  type AnalysisPoint,
  POINT_DEFAULTS,
  pointsOf,
  varyingFields,
} from '../../../roofline/analysis/point.js';
import { readAnalysisSpec } from '../../../roofline/analysis/spec.js';
import { analyzeAll } from '../../../roofline/analyze.js';
import { publishedCeilings } from '../../../roofline/ceilings.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { asLlmViewerModel } from '../../../roofline/llm-viewer/mode.js';
import { type LlmViewerConfig, readLlmViewerModel } from '../../support/llm-viewer-model.js';
import { sound } from '../../support/reading.js';

function named(name: string) {
  return sound(namedArchitecture(name)).architecture;
}

const MODELS = ['llama-2-7b', 'llama-3.1-8b', 'opt-6.7b', 'mixtral-8x7b'];
const opened = {
  models: new Map(MODELS.map((name) => [name, named(name)])),
  ceilings: new Map(['a6000', 'h100'].map((name) => [name, publishedCeilings(requireHardware(name))])),
};

const point = (rest: Partial<AnalysisPoint> = {}): AnalysisPoint => ({
  ...POINT_DEFAULTS,
  model: 'llama-2-7b',
  hardware: 'a6000',
  context: 2048,
  ...rest,
});

function analysisOf(rest: Partial<AnalysisPoint> = {}) {
  const { analyses, impossible } = analyzeAll([point(rest)], opened);
  if (analyses[0] === undefined) throw new Error(impossible[0]?.reason);
  return analyses[0];
}

const reasonOf = (rest: Partial<AnalysisPoint>) => analyzeAll([point(rest)], opened).impossible[0]?.reason;

describe('LLM-Viewer mode', () => {
  test('sees published models as its own configs do', () => {
    const folder = join(import.meta.dirname, '../../fixtures/golden-roofline');
    const golden = JSON.parse(readFileSync(join(folder, 'models.json'), 'utf8')) as Record<
      string,
      { config_module: LlmViewerConfig; params: Record<string, unknown> }
    >;
    const compared = Object.entries(golden).filter(([name, { config_module, params }]) => {
      const reading = namedArchitecture(name);
      if (!reading.ok) return false;
      expect(asLlmViewerModel(reading.architecture).model, name).toEqual(
        readLlmViewerModel(config_module, params),
      );
      return true;
    });
    expect(compared.length).toBeGreaterThanOrEqual(17);
  });

  test('gives the anchors: Llama-2-7B on an H100, batch 1, 2048 tokens, unfused', () => {
    const at = (bits: string) =>
      analysisOf({ mode: 'llm-viewer', hardware: 'h100', flashAttention: false, bits });
    expect(at('native').decode.seconds).toBeCloseTo(4.659e-3, 6);
    expect(at('w4a16').decode.seconds).toBeCloseTo(1.433e-3, 6);
    const { weights, kvCache } = at('native').memory;
    expect((weights + kvCache) / 1e9).toBeCloseTo(14.03, 1);
  });

  test('refuses what it has no word for', () => {
    const mode = 'llm-viewer' as const;
    expect(reasonOf({ mode, promptTokens: 512 })).toBe('LLM-Viewer has one number for prompt and context');
    expect(reasonOf({ mode, tokensPerStep: 4 })).toBe('a decode step of LLM-Viewer computes one token');
    expect(reasonOf({ mode, draft: 'llama-2-7b' })).toBe('LLM-Viewer has no speculative decoding');
    expect(reasonOf({ mode, bits: 'q4_k_m' })).toMatch(/^LLM-Viewer counts whole bits/);
    expect(reasonOf({ mode, tensorParallel: 3 })).toBe('32 key/value heads cannot be split over 3 devices');
  });

  test('says what it does not see', () => {
    expect(analysisOf({ mode: 'llm-viewer', model: 'mixtral-8x7b' }).notes).toEqual([
      'LLM-Viewer has no experts: one of them is counted, as if it were the whole layer',
    ]);
    expect(analysisOf({ mode: 'llm-viewer', model: 'opt-6.7b' }).notes).toEqual([
      'LLM-Viewer counts a gate that this model does not have',
    ]);
  });
});

describe('corrected mode differs where LLM-Viewer errs', () => {
  const both = (rest: Partial<AnalysisPoint>) =>
    [analysisOf({ ...rest, mode: 'llm-viewer' }), analysisOf(rest)] as const;
  const row = (analysis: ReturnType<typeof analysisOf>, phase: 'prefill' | 'decode', name: RegExp) =>
    analysis[phase].rows.filter((r) => name.test(r.name));
  const sum = (rows: readonly { readonly flops: number; readonly bytes: number }[], of: 'flops' | 'bytes') =>
    rows.reduce((total, r) => total + r[of], 0);

  test('flash attention writes its output once, as wide as the heads', () => {
    const [theirs, ours] = both({ context: 4096 });
    const [fused] = row(theirs, 'prefill', /fused_attention/);
    const [flash] = row(ours, 'prefill', /^attention$/);
    // 4096 scores instead of 128 elements of a head, and twice.
    const ratio = (fused?.traffic.activationsWritten ?? 0) / (flash?.traffic.activationsWritten ?? 1);
    expect(ratio).toBeGreaterThan(60);
    expect(ratio).toBeLessThanOrEqual(64);
    expect(fused?.bound).toBe('memory');
    expect(flash?.bound).toBe('compute');
  });

  test('K and V that the cache cannot hold are read by every block of queries', () => {
    const read = (rest: Partial<AnalysisPoint>) =>
      row(analysisOf({ model: 'llama-3.1-8b', ...rest }), 'prefill', /^attention$/)[0]?.traffic.cacheRead ??
      0;
    // A6000 holds 6 MiB: 12k tokens of a head of 128 elements.
    expect(read({ context: 12_000 }) / 12_000).toBe(read({ context: 2048 }) / 2048);
    expect(read({ context: 13_000 }) / read({ context: 12_000 })).toBeGreaterThan(40);
  });

  test('what the mask hides is not computed', () => {
    const [theirs, ours] = both({});
    const ratio =
      sum(row(theirs, 'prefill', /fused/), 'flops') / sum(row(ours, 'prefill', /^attention$/), 'flops');
    expect(ratio).toBeGreaterThan(1.9);
    expect(ratio).toBeLessThan(2.15);
  });

  test('the output matrix multiplies and adds, for every sequence', () => {
    const [theirs, ours] = both({ batch: 8 });
    expect(row(ours, 'decode', /lm_head/)[0]?.flops).toBe(2 * 8 * 4096 * 32_000);
    expect(row(theirs, 'decode', /lm_head/)[0]?.flops).toBe(8 * 4096 * 32_000);
  });

  test('memory holds the vocabulary, and a mixture all of its experts', () => {
    const [theirs, ours] = both({});
    const vocabulary = 2 * 32_000 * 4096 * 2;
    expect((ours.memory.weights - theirs.memory.weights) / vocabulary).toBeCloseTo(1, 2);
    expect(ours.memory.weights / 2e9).toBeCloseTo(6.738, 2);
    const mixture = analysisOf({ model: 'mixtral-8x7b' }).memory;
    expect(mixture.weights / 2e9).toBeCloseTo(46.7, 1);
    expect(mixture.fits).toBe(false);
  });

  test('OPT has no gate', () => {
    const [theirs, ours] = both({ model: 'opt-6.7b', context: 1024 });
    expect(row(theirs, 'decode', /gate_proj/)).toHaveLength(1);
    expect(row(ours, 'decode', /gate_proj/)).toHaveLength(0);
    expect(ours.memory.weights / 2e9).toBeCloseTo(6.66, 1);
  });

  test('tensor parallelism divides attention, too, and then devices have to talk', () => {
    const [theirs, ours] = both({ model: 'llama-3.1-8b', tensorParallel: 4, batch: 8 });
    const whole = analysisOf({ model: 'llama-3.1-8b', batch: 8 });
    const ratio =
      sum(row(ours, 'decode', /^attention$/), 'bytes') / sum(row(whole, 'decode', /^attention$/), 'bytes');
    expect(ratio).toBeCloseTo(1 / 4, 2);
    expect(ours.decode.rows.some(({ bound }) => bound === 'link')).toBe(true);
    expect(theirs.decode.rows.some(({ bound }) => bound === 'link')).toBe(false);
  });

  test('a chunk of a prompt and a step that verifies drafts are possible', () => {
    const chunk = analysisOf({ context: 2048, promptTokens: 512 });
    const all = analysisOf({ context: 2048 });
    expect(chunk.prefill.flops / all.prefill.flops).toBeGreaterThan(0.25);
    expect(chunk.prefill.flops / all.prefill.flops).toBeLessThan(0.3);
    const drafts = analysisOf({ tokensPerStep: 4 });
    // Four tokens read the weights once: nearly the time of one.
    expect(drafts.decode.seconds / all.decode.seconds).toBeLessThan(1.05);
    expect(drafts.decode.tokensPerSecond / all.decode.tokensPerSecond).toBeGreaterThan(3.8);
  });
});

describe('an analysis', () => {
  test('refuses a context beyond the model and shapes that do not divide', () => {
    expect(reasonOf({ context: 4097 })).toBe('a context of 4097 tokens, and the model has at most 4096');
    expect(reasonOf({ draft: 'llama-3.1-8b' })).toBe('the draft has 128256 tokens and the model 32000');
    expect(reasonOf({ promptTokens: 4000 })).toBe('a prompt of 4000 tokens in a context of 2048');
    expect(reasonOf({ context: 4096, generateTokens: 1 })).toBe(
      '1 tokens after a context of 4096, and the model has at most 4096',
    );
    expect(reasonOf({ tensorParallel: 3 })).toMatch(
      /32 attention heads cannot be shared evenly by 3 devices/,
    );
  });

  test('adds up: shares to 1, times of steps to that of a generation', () => {
    const { prefill, decode } = analysisOf({ batch: 4 });
    for (const { rows, seconds } of [prefill, decode]) {
      expect(rows.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      expect(rows.reduce((sum, row) => sum + row.seconds, 0)).toBeCloseTo(seconds, 9);
    }
    const steps = Array.from({ length: 100 }, (_, i) => analysisOf({ context: 1001 + i }).decode.seconds);
    const { generateSeconds, prefill: before } = analysisOf({ context: 1000, generateTokens: 100 });
    const exact = before.seconds + steps.reduce((sum, seconds) => sum + seconds, 0);
    expect((generateSeconds ?? 0) / exact).toBeCloseTo(1, 4);
  });

  test('never gets faster with more to do', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MODELS.slice(0, 3)),
        fc.constantFrom('w16a16', 'w8a16', 'w4a16', 'w16a16kv8'),
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 1024 }),
        fc.integer({ min: 1, max: 1000 }),
        (model, bits, batch, context, more) => {
          const at = analysisOf({ model, bits, batch, context });
          const later = analysisOf({ model, bits, batch, context: context + more });
          expect(later.decode.seconds).toBeGreaterThanOrEqual(at.decode.seconds);
          expect(later.prefill.seconds).toBeGreaterThanOrEqual(at.prefill.seconds * (1 - 1e-9));
          expect(later.memory.bytes).toBeGreaterThanOrEqual(at.memory.bytes);
        },
      ),
    );
  });

  test('becomes charts: dots on or under the roof, and a line for each combination', () => {
    const chart = rooflineChart(analysisOf());
    const top = Math.max(...chart.roof.peaks.map(({ flopsPerSecond }) => flopsPerSecond));
    for (const { operators } of chart.groups) {
      expect(operators.length).toBeGreaterThan(5);
      for (const { intensity, flopsPerSecond } of operators) {
        const roof = Math.min(intensity * chart.roof.memoryBytesPerSecond, top);
        expect(flopsPerSecond).toBeLessThanOrEqual(roof * (1 + 1e-9));
      }
    }
    const reading = readAnalysisSpec({
      model: 'llama-2-7b',
      hardware: ['a6000', 'h100'],
      context: 512,
      batch: '1-4*2',
    });
    if (!reading.ok) throw new Error(JSON.stringify(reading.findings));
    const varying = varyingFields(reading.spec);
    const { analyses } = analyzeAll(pointsOf(reading.spec), opened);
    expect(sweepChart(analyses, varying, 'tokens')).toMatchObject({
      x: { name: 'batch', values: [1, 2, 4], numeric: true },
      lines: [{ name: 'a6000' }, { name: 'h100' }],
    });
    expect(sweepChart(analyses, varying, 'time')?.lines.map(({ name }) => name)).toEqual([
      'a6000 prefill',
      'a6000 decode step',
      'h100 prefill',
      'h100 decode step',
    ]);
    expect(sweepChart(analyses.slice(0, 1), [], 'tokens')).toBeNull();
  });
});

describe('bits', () => {
  test.each([
    ['native', { weights: null, activations: 16, cache: 16, arithmetic: 'f16' }],
    ['w4a16', { weights: 4, activations: 16, cache: 16, arithmetic: 'f16' }],
    ['w8a8', { weights: 8, activations: 8, cache: 8, arithmetic: 'int8' }],
    ['w4a4kv8', { weights: 4, activations: 4, cache: 8, arithmetic: 'int4' }],
    ['wfp8afp8kv16', { weights: 8, activations: 8, cache: 16, arithmetic: 'fp8' }],
    ['w4afp8', { weights: 4, activations: 8, cache: 8, arithmetic: 'f16' }],
    ['w32a32', { weights: 32, activations: 32, cache: 32, arithmetic: 'f32' }],
    ['q4_0', { weights: 4.5, activations: 16, cache: 16, arithmetic: 'f16' }],
  ])('%s', (word, bits) => {
    expect(readBits(word)).toEqual({ ok: true, value: bits });
  });

  test('unknown ones are told, with what is known', () => {
    expect(readBits('w7a16')).toMatchObject({
      ok: false,
      message: expect.stringContaining('no format of 7 bits'),
    });
    expect(readBits('q4km')).toMatchObject({
      ok: false,
      message: expect.stringContaining('did you mean q4_k_m?'),
    });
  });
});

describe('a file of kind Roofline', () => {
  const FILE = `apiVersion: ridgepoint.dev/v1
kind: Roofline
metadata: { name: batches }
spec:
  model: [llama-2-7b, opt-6.7b]
  hardware: a6000
  context: 2048
  batch: 1-8*2
  bits: [w16a16, w4a16]
`;

  test('gives every combination, defaults filled in', () => {
    const reading = sound(parseRoofline(FILE));
    expect(reading.file.name).toBe('batches');
    const points = pointsOf(reading.file.spec);
    expect(points).toHaveLength(2 * 4 * 2);
    expect(points[1]).toEqual(point({ bits: 'w16a16', batch: 2 }));
  });

  test('reports all of its errors, each with its place', () => {
    const text = FILE.replace('batch: 1-8*2', 'batches: [0, 2]\n  batch: [0, 2, 2, 1.5]\n  mode: correct')
      .replace('context: 2048', 'context: []')
      .replace('name: batches', 'name: Batches!');
    const reading = parseRoofline(text);
    expect(
      reading.ok
        ? []
        : reading.diagnostics.map(({ line, path, message, suggestion }) => [line, path, message, suggestion]),
    ).toEqual([
      [
        3,
        'metadata.name',
        'metadata.name must be a name of lower case letters, digits, dots and dashes',
        null,
      ],
      [7, 'spec.context', 'context is an empty list: give at least one value or leave it out', null],
      [8, 'spec.batches', '"batches" is not a key here', 'did you mean batch?'],
      [9, 'spec.batch[0]', 'batch must be a whole number of at least 1, not 0', null],
      [9, 'spec.batch[2]', 'batch has the value 2 twice: remove one', null],
      [9, 'spec.batch[3]', 'batch must be a whole number of at least 1, not 1.5', null],
      [10, 'spec.mode', 'mode must be corrected or llm-viewer, not "correct"', 'did you mean corrected?'],
    ]);
  });

  test('is refused when it is another kind, or asks for too many points', () => {
    const kind = parseRoofline(FILE.replace('kind: Roofline', 'kind: Sweep'));
    expect(kind.ok ? null : kind.diagnostics[0]).toMatchObject({
      message: 'this is no roofline file: its kind is "Sweep", not Roofline',
    });
    const many = parseRoofline(FILE.replace('1-8*2', '1-2000').replace('2048', '1-9'));
    expect(many.ok ? null : many.diagnostics[0]?.message).toMatch(/^72,000 points are more than 20,000/);
  });
});
