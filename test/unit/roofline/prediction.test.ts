import { describe, expect, test } from 'vitest';
import { operatorsCsv, pointsCsv } from '../../../cli/roofline/csv.js';
import { openPredictor } from '../../../cli/roofline/open-predictor.js';
import { pointsTable, pointText } from '../../../cli/roofline/table.js';
import type { Analysis } from '../../../roofline/analysis/analysis.js';
import { rooflineChart } from '../../../roofline/analysis/chart.js';
import { type AnalysisPoint, POINT_DEFAULTS } from '../../../roofline/analysis/point.js';
import { readAnalysisSpec } from '../../../roofline/analysis/spec.js';
import { analyzeAll, predictorKey } from '../../../roofline/analyze.js';
import { publishedCeilings } from '../../../roofline/ceilings.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { requireHardware } from '../../../roofline/hardware/catalogue.js';
import { readEngine } from '../../../roofline/step/engines.js';
import { NO_HOST } from '../../../roofline/step/setting.js';
import { FakeOperators } from '../../support/fake-operators.js';
import { sound } from '../../support/reading.js';

const MODELS = ['llama-3.1-8b', 'mixtral-8x7b'];

function analysed(rest: Partial<AnalysisPoint>, fake = new FakeOperators()) {
  const point: AnalysisPoint = {
    ...POINT_DEFAULTS,
    model: 'llama-3.1-8b',
    hardware: 'h100',
    engine: 'vllm',
    batch: 16,
    context: 1024,
    ...rest,
  };
  const engine = { ...readEngine('vllm')!.engine, host: NO_HOST };
  return analyzeAll([point], {
    models: new Map(MODELS.map((name) => [name, sound(namedArchitecture(name)).architecture])),
    ceilings: new Map([['h100', publishedCeilings(requireHardware('h100'))]]),
    predictors: new Map([[predictorKey('h100', 'vllm'), { engine, times: fake }]]),
  });
}

function analysisOf(rest: Partial<AnalysisPoint> = {}, fake?: FakeOperators): Analysis {
  const { analyses, impossible } = analysed(rest, fake);
  if (analyses[0] === undefined) throw new Error(impossible[0]?.reason);
  return analyses[0];
}

const rowOf = (analysis: Analysis, name: string) => analysis.decode.rows.find((row) => row.name === name);

describe('predictions beside the roofs', () => {
  test('stand at every operator that runs a kernel of its own, and add up', () => {
    const analysis = analysisOf();
    const { rows, predicted } = analysis.decode;
    expect(rowOf(analysis, 'qkv_proj')?.predicted).toMatchObject({
      limit: 'memory',
      spread: expect.closeTo(0.1),
    });
    expect(rowOf(analysis, 'attn_add')?.predicted).toBeNull();
    const sum = rows.reduce((total, row) => total + (row.predicted?.seconds ?? 0), 0);
    expect(predicted?.seconds).toBeCloseTo(sum, 9);
    expect(predicted?.spread).toBeLessThan(0.1);
    expect(analysis.prediction?.source).toBe('tables of a fake');
  });

  test('lie above what is reached at best, and that above the published roof', () => {
    for (const { name, predicted, seconds, linkBytes } of analysisOf({ tensorParallel: 4 }).prefill.rows) {
      if (predicted === null || linkBytes > 0) continue;
      expect(predicted.reachableSeconds, name).toBeGreaterThanOrEqual(seconds * 0.999);
      expect(predicted.seconds, name).toBeGreaterThanOrEqual(predicted.reachableSeconds * 0.999);
    }
  });

  test('of experts are one row, in the format that was asked for', () => {
    const analysis = analysisOf({ model: 'mixtral-8x7b', bits: 'fp8kv8' });
    expect(rowOf(analysis, 'experts')).toMatchObject({ arithmetic: 'fp8', calls: 32 });
    expect(rowOf(analysis, 'experts')?.predicted?.seconds).toBeGreaterThan(0);
    const plain = analysisOf({ model: 'mixtral-8x7b' });
    expect(plain.memory.kvCache / analysis.memory.kvCache).toBe(2);
  });

  test('are left out, with the reason, where no table tells; the roofs stay', () => {
    const analysis = analysisOf({}, new FakeOperators('attention'));
    expect(rowOf(analysis, 'attention')?.predicted).toBeNull();
    expect(analysis.decode.predicted).toBeNull();
    expect(analysis.prediction?.untimed).toEqual(['no table of attention']);
    expect(pointText(analysis)).toContain('note: without a prediction: no table of attention');
  });

  test('are marked with their source and band wherever they are shown', () => {
    const analysis = analysisOf();
    const text = pointText(analysis);
    expect(text).toMatch(/predicted: \d\S* ms, 90 % band \S+ ms to \S+ ms, by tables of a fake/);
    expect(pointsTable([analysis], ['batch'])).toContain('predicted step');
    expect(operatorsCsv([analysis])).toContain('predictedSeconds');
    expect(pointsCsv([analysis])).toContain('tables of a fake');
    const chart = rooflineChart(analysis);
    expect(chart.groups.map(({ name }) => name)).toEqual([
      'prefill',
      'decode',
      'prefill, predicted',
      'decode, predicted',
    ]);
    expect(chart.reachable?.memoryBytesPerSecond).toBeLessThan(chart.roof.memoryBytesPerSecond);
  });

  test('come with the sequences that are resident beside the engine', () => {
    const one = analysisOf({ context: 2048 });
    // 85.9 GB at 90 %, less 16.1 GB of weights and some 2.5 GB: 0.27 GB a sequence of 2048 tokens.
    expect(one.prediction?.residentSequences).toBeGreaterThan(200);
    expect(one.prediction?.residentSequences).toBeLessThan(230);
    expect(pointText(one)).toMatch(/under vLLM: 5\d\.\d GB a device for the cache, room for 2\d\d sequences/);
    const two = analysisOf({ context: 2048, tensorParallel: 2 }).prediction!;
    expect(two.residentSequences! / one.prediction!.residentSequences!).toBeGreaterThan(2);
  });

  test('are not there where nobody asked', () => {
    const analysis = analysisOf({ engine: null });
    expect(analysis.prediction).toBeNull();
    expect(analysis.decode.rows.every(({ predicted }) => predicted === null)).toBe(true);
    expect(pointText(analysis)).not.toContain('predicted');
  });

  test.each([
    [{ bits: 'q4_k_m' }, 'vllm serves no q4_k_m: its operators are measured in bf16, fp8'],
    [{ sparsity: '2:4' }, 'no measured operators tell of weights in 2:4'],
    [
      { adapterRank: 8, offload: 0.5 },
      'no measured operators tell of adapters, weights that stay with the host',
    ],
    [{ mode: 'llm-viewer' as const }, "LLM-Viewer's numbers have no predictions beside them"],
  ])('of %o are refused in a sentence', (rest, reason) => {
    expect(analysed(rest).impossible[0]?.reason).toContain(reason);
  });
});

describe('what is not known', () => {
  test('is told: an engine, a device that is none, a CPU', () => {
    const reading = readAnalysisSpec({
      model: 'llama-3.1-8b',
      hardware: 'h100',
      context: 1024,
      engine: 'vlm',
    });
    expect(reading.ok ? '' : reading.findings[0]?.message).toContain(
      'there are no measured operators of an engine "vlm": known are vllm, sglang, trtllm',
    );
    expect(() => openPredictor('this', 'vllm')).toThrow('operators are measured of devices of the catalogue');
    expect(() => openPredictor('epyc-9654', 'vllm')).toThrow('measured on GPUs, and');
    expect(openPredictor('h100', 'vLLM').times.source).toContain('on NVIDIA H100');
  });
});
