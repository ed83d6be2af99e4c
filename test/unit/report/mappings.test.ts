import { describe, expect, test } from 'vitest';
import { judge } from '../../../batching/judge.js';
import { mappedExporter } from '../../../cli/output/mapped.js';
import { latenciesOf } from '../../../core/serving/latencies.js';
import { requestsOf } from '../../../core/serving/record.js';
import { buildReport } from '../../../report/build.js';
import { EXPORT_MAPPINGS, type MappedFormat, mappingsHelp } from '../../../report/mappings/index.js';
import { servedTrial } from '../../support/served-records.js';
import {
  calmInput,
  experiment,
  joulesAt,
  recordOf,
  samplesWith,
  type TrialChanges,
} from '../judgement/trace.js';

interface Exported {
  words: Record<string, { unit: string; meaning: string }>;
  rows: {
    state: string;
    source: string | null;
    values: Record<string, number | null>;
    spread: Record<string, { n: number }>;
    missing: Record<string, string>;
  }[];
}

/** One calm trial: 880 J for each of five repeats of 6 s, 1024 tokens read and 256 written. */
function exported(format: MappedFormat, changes: Partial<TrialChanges> = {}) {
  const input = calmInput(changes);
  const device = { id: 'd', class: input.experiment.device.split(':')[0]!, name: 'test' };
  const record = { ...recordOf(input), ...judge(input), device };
  const report = buildReport([record], { sweepName: 'test', objectives: [] });
  const { text } = mappedExporter(format)(report);
  const document = JSON.parse(text) as Exported;
  return { ...document, row: document.rows[0]! };
}

const onCpu: Partial<TrialChanges> = {
  experiment: { ...experiment, device: 'cpu' },
  samples: samplesWith({
    'energyJoules:gpu': null,
    'powerWatts:gpu': null,
    'energyJoules:package-0': (t) => joulesAt(t),
  }),
  idleWatts: { 'package-0': 50 },
};

describe("other tools' words", () => {
  test("AIPerf's, in its units", () => {
    const { row } = exported('aiperf-json');
    const close = (value: number) => expect.closeTo(value, 6);
    expect(row.values).toMatchObject({
      total_gpu_energy: close(5 * 880),
      average_gpu_power: close(880 / 6),
      energy_per_output_token_mj: close((1000 * 880) / 256),
      energy_per_total_token_mj: close((1000 * 880) / 1280),
      energy_per_request_j: close(880),
      output_tokens_per_joule: close(256 / 880),
      performance_per_watt: close(1 / 880),
      output_tps_per_watt: close(256 / 880),
      goodput_per_watt: null,
      energy_per_user: close(5 * 880),
      energy_delay_product: close(880 * 6),
    });
    expect(row.missing).toMatchObject({ goodput_per_watt: expect.stringMatching(/no limits of latency/) });
    expect(row.spread.energy_per_request_j).toMatchObject({ n: 5 });
    expect(row.source).toBe('counter:gpu');
  });

  test('sequences side by side are requests and users', () => {
    const { options } = experiment.workload;
    const four = { ...experiment, workload: { kind: 'latency', options: { ...options, parallel: 4 } } };
    const { values } = exported('aiperf-json', { experiment: four }).row;
    expect(values.energy_per_request_j).toBeCloseTo(220, 6);
    expect(values.performance_per_watt).toBeCloseTo(1 / 220, 9);
    expect(values.energy_per_user).toBeCloseTo(1100, 6);
  });

  test('a GPU word says nothing of a trial on CPUs', () => {
    const aiperf = exported('aiperf-json', onCpu).row;
    expect(aiperf.values.total_gpu_energy).toBeNull();
    expect(aiperf.missing.total_gpu_energy).toMatch(/on CPUs/);
    expect(aiperf.values.energy_per_request_j).toBeCloseTo(880, 6);
  });

  test('without an energy every word of it is missing, with the reason and never 0', () => {
    const { row } = exported('aiperf-json', {
      samples: samplesWith({ 'energyJoules:gpu': null, 'powerWatts:gpu': null }),
      absent: { energy: 'no driver' },
    });
    expect(row.values).toMatchObject({ average_gpu_power: null, energy_per_request_j: null });
    expect(row.missing.average_gpu_power).toBe('no driver');
  });

  test('every word has a meaning, in the file and in the help', () => {
    const help = mappingsHelp();
    for (const format of Object.keys(EXPORT_MAPPINGS) as MappedFormat[]) {
      const { words } = exported(format);
      expect(help).toContain(`--format ${format}`);
      for (const [name, { meaning }] of Object.entries(words)) {
        expect(meaning).toMatch(/^[A-Z1].{15,}\.$/);
        expect(help).toContain(`${name}`);
        expect(help).toContain(meaning);
      }
    }
  });
});

describe('servers under load', () => {
  const trial = servedTrial({ concurrency: 2, requests: 200, failsEach: 10 });
  const report = buildReport([trial], { sweepName: 'test', objectives: [] });
  const valuesOf = (format: MappedFormat) =>
    (JSON.parse(mappedExporter(format)(report).text) as Exported).rows[0]!.values;
  const complete = requestsOf(trial.serving!.requests).filter(({ outcome }) => outcome === 'complete');
  const seconds = Math.max(...complete.map(({ done }) => done!)) - 0.001;
  const tpot = latenciesOf(complete[0]!).tpot!;

  test("vLLM's words, from the requests", () => {
    const close = (value: number) => expect.closeTo(value, 6);
    expect(valuesOf('vllm-json')).toMatchObject({
      completed: 180,
      failed: 20,
      total_input_tokens: 18_000,
      total_output_tokens: 2880,
      duration: close(seconds),
      request_throughput: close(180 / seconds),
      output_throughput: close(2880 / seconds),
      mean_ttft_ms: close(55),
      std_ttft_ms: close(0),
      median_tpot_ms: close(1000 * tpot),
      p99_itl_ms: close(11),
      mean_e2el_ms: close(55 + 15 * 11),
    });
  });

  test('AIPerf says the same under its own names', () => {
    const [theirs, vllm] = [valuesOf('aiperf-json'), valuesOf('vllm-json')];
    expect(theirs['time_to_first_token.avg']).toBe(vllm.mean_ttft_ms);
    expect(theirs['inter_token_latency.p99']).toBe(vllm.p99_tpot_ms);
    expect(theirs['request_latency.p50']).toBe(vllm.median_e2el_ms);
    expect(theirs.request_throughput).toBe(vllm.request_throughput);
  });

  test('rows that asked no server say so', () => {
    const { row } = exported('vllm-json');
    expect(row.missing.completed).toBe('the row asked no server');
  });
});
