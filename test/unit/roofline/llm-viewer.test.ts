import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { analyzeAsLlmViewer, type StageAnalysis } from '../../../roofline/llm-viewer/analyze.js';
import { LLM_VIEWER_HARDWARE } from '../../../roofline/llm-viewer/hardware.js';
import { generateAsLlmViewer } from '../../../roofline/llm-viewer/mode.js';
import type { Row } from '../../../roofline/llm-viewer/row.js';
import { type LlmViewerSetting, STAGES, type Stage } from '../../../roofline/llm-viewer/setting.js';
import { type LlmViewerConfig, readLlmViewerModel } from '../../support/llm-viewer-model.js';

/** Another folder of the same format can be named; its README says how the data was made. */
const FOLDER =
  process.env.RIDGEPOINT_GOLDEN_ROOFLINE ?? join(import.meta.dirname, '../../fixtures/golden-roofline');
const TOLERANCE = 1e-9;

type Numbers = Readonly<Record<string, number | string>>;
interface GoldenSetting {
  readonly id: string;
  readonly model: string;
  readonly hardware: string;
  readonly batchsize: number;
  readonly w_bit: number;
  readonly a_bit: number;
  readonly kv_bit: number | null;
  readonly use_flashattention: boolean;
  readonly tp_size: number;
}
interface GoldenCase extends GoldenSetting {
  readonly seqlen: number;
  readonly total_results: Readonly<Record<Stage, Numbers>>;
  readonly layers?: Readonly<Record<Stage, Readonly<Record<string, Numbers>>>>;
}
interface GoldenGeneration extends GoldenSetting {
  readonly prompt_len: number;
  readonly gen_len: number;
  readonly result: { readonly inference_time: number; readonly prefill_time?: number };
}

const read = <T>(name: string) => JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as T;
const models =
  read<Record<string, { config_module: LlmViewerConfig; params: Record<string, unknown> }>>('models.json');
const hardware =
  read<Record<string, { bandwidth: number; FP16: number; INT8?: number; onchip_buffer: number }>>(
    'hardware.json',
  );
const golden = read<{ cases: GoldenCase[]; generate_cases: GoldenGeneration[] }>('cases.json');

function modelOf({ model }: GoldenSetting) {
  const { config_module, params } = models[model]!;
  return readLlmViewerModel(config_module, params);
}

function hardwareOf({ hardware: name }: GoldenSetting) {
  const { bandwidth, FP16, INT8, onchip_buffer } = hardware[name]!;
  return { bandwidthBytesPerSecond: bandwidth, fp16: FP16, int8: INT8 ?? null, onChipBytes: onchip_buffer };
}

function settingOf(golden: GoldenSetting, sequence: number): LlmViewerSetting {
  return {
    batch: golden.batchsize,
    sequence,
    weightBits: golden.w_bit,
    activationBits: golden.a_bit,
    cacheBits: golden.kv_bit ?? golden.a_bit,
    flashAttention: golden.use_flashattention,
    tensorParallel: golden.tp_size,
  };
}

/** What differs, as sentences, so that one failure shows all of them. */
function differences(actual: Numbers, expected: Numbers, where: string): string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const got = actual[name];
    const same =
      typeof value === 'number' && typeof got === 'number'
        ? Math.abs(got - value) <= TOLERANCE * Math.abs(value)
        : got === value;
    return same ? [] : [`${where} ${name}: ${got} instead of ${value}`];
  });
}

const rowNumbers = (row: Row): Numbers => ({
  OPs: row.operations,
  memory_access: row.bytes,
  arithmetic_intensity: row.intensity,
  performance: row.performance,
  bound: row.bound,
  load_weight: row.loadWeight,
  load_act: row.loadActivation,
  store_act: row.storeActivation,
  load_kv_cache: row.loadCache,
  store_kv_cache: row.storeCache,
  inference_time: row.seconds,
});

const totalNumbers = ({ totals }: StageAnalysis): Numbers => ({
  OPs: totals.operations,
  memory_access: totals.bytes,
  load_weight: totals.loadWeight,
  load_act: totals.loadActivation,
  store_act: totals.storeActivation,
  load_kv_cache: totals.loadCache,
  store_kv_cache: totals.storeCache,
  inference_time: totals.seconds,
  memory_consumption: totals.memory.bytes,
  memory_consumption_tmp_act: totals.memory.activations,
  memory_consumption_weight: totals.memory.weights,
  memory_consumption_kv_cache: totals.memory.kvCache,
});

describe('LLM-Viewer mode gives the published results', () => {
  test('there are cases, some with operators, some that generate', () => {
    expect(golden.cases.length).toBeGreaterThan(0);
    expect(golden.cases.some(({ layers }) => layers !== undefined)).toBe(true);
    expect(golden.generate_cases.length).toBeGreaterThan(0);
  });

  test.each(golden.cases)('$id: $model on $hardware, $batchsize × $seqlen', (expected) => {
    const setting = settingOf(expected, expected.seqlen);
    const analysis = analyzeAsLlmViewer(modelOf(expected), hardwareOf(expected), setting);
    const wrong = STAGES.flatMap((stage) => {
      const { layer, head } = analysis[stage];
      const rows = [...layer, head];
      const byOperator = expected.layers?.[stage];
      const operators = Object.entries(byOperator ?? {}).flatMap(([name, numbers]) => {
        const row = rows.find((r) => r.name === name);
        return row === undefined
          ? [`${stage} has no ${name}`]
          : differences(rowNumbers(row), numbers, `${stage} ${name}`);
      });
      const extra = byOperator === undefined ? [] : rows.filter(({ name }) => !(name in byOperator));
      return [
        ...differences(totalNumbers(analysis[stage]), expected.total_results[stage], stage),
        ...operators,
        ...extra.map(({ name }) => `${stage} has ${name}, which is not in the published result`),
      ];
    });
    expect(wrong).toEqual([]);
  });

  test.each(golden.generate_cases)('$id: $model generates $gen_len after $prompt_len', (expected) => {
    const setting = settingOf(expected, expected.prompt_len);
    const made = generateAsLlmViewer(modelOf(expected), hardwareOf(expected), setting, expected.gen_len);
    const numbers = { inference_time: made.seconds, prefill_time: made.prefillSeconds };
    expect(differences(numbers, expected.result, 'generate')).toEqual([]);
  });

  test('the table of hardware is the published one', () => {
    const wrong = Object.keys(hardware).flatMap((name) => {
      const { bandwidthBytesPerSecond, fp16, int8, onChipBytes } = LLM_VIEWER_HARDWARE.get(name)!;
      const expected = hardwareOf({ hardware: name } as GoldenSetting);
      return differences(
        { bandwidthBytesPerSecond, fp16, int8: int8 ?? 'none', onChipBytes },
        { ...expected, int8: expected.int8 ?? 'none' },
        name,
      );
    });
    expect(wrong).toEqual([]);
  });
});

describe('LLM-Viewer mode refuses', () => {
  const llama = readLlmViewerModel('Llama', models['meta-llama/Llama-2-70b-hf']!.params);
  const setting: LlmViewerSetting = {
    batch: 1,
    sequence: 16,
    weightBits: 16,
    activationBits: 16,
    cacheBits: 16,
    flashAttention: false,
    tensorParallel: 1,
  };
  const device = LLM_VIEWER_HARDWARE.get('nvidia_A6000')!;

  test('a tensor parallelism that does not divide the key/value heads', () => {
    expect(() => analyzeAsLlmViewer(llama, device, { ...setting, tensorParallel: 3 })).toThrow(
      /^8 key\/value heads cannot be split over 3 devices$/,
    );
  });

  test('heads that cannot share key/value heads', () => {
    expect(() => analyzeAsLlmViewer({ ...llama, kvHeads: 7 }, device, setting)).toThrow(
      /^64 heads cannot share 7 key\/value heads evenly$/,
    );
  });

  test('eight bits where it has no peak for them', () => {
    const cpu = LLM_VIEWER_HARDWARE.get('intel_13900k')!;
    const small = { ...setting, weightBits: 8, activationBits: 8, cacheBits: 8 };
    expect(() => analyzeAsLlmViewer(llama, cpu, small)).toThrow(/no INT8 peak/);
    expect(analyzeAsLlmViewer(llama, cpu, setting).decode.totals.seconds).toBeGreaterThan(0);
  });
});
