import { describe, expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { endpointsExport } from '../../../report/mlperf-endpoints.js';
import { quotedOf } from '../../../report/quoted.js';
import { completeTrial } from '../../support/records.js';
import { servedTrial } from '../../support/served-records.js';

const build = (records: Parameters<typeof buildReport>[0]) =>
  buildReport(records, { sweepName: 'curve', objectives: [] });

interface Summary {
  readonly n_samples_issued: number;
  readonly n_samples_completed: number;
  readonly n_samples_failed: number;
  readonly duration_ns: number;
  readonly ttft: { readonly percentiles: Record<string, number> };
  readonly output_sequence_lengths: { readonly total: number };
}

describe('the export for MLPerf Endpoints', () => {
  const report = build([
    servedTrial({ concurrency: 1, requests: 200 }),
    servedTrial({ concurrency: 4, requests: 200, failsEach: 10 }),
    servedTrial({ concurrency: 4, requests: 200, quantization: 'q8_0' }),
    completeTrial({ position: 9 }),
  ]);
  const { files, points, notes } = endpointsExport(report);
  const system = 'bench-01-simulated-server';

  test('a curve for each server, a point for each concurrency, and what is none of them is told', () => {
    expect(points).toBe(3);
    expect(notes).toEqual([expect.stringMatching(/^1 row is left out/)]);
    const folders = [...files.keys()].filter((path) => path.endsWith('/point.yaml'));
    expect(folders.sort()).toEqual([
      `results/${system}-2/llama-1b/r4/point.yaml`,
      `results/${system}/llama-1b/r1/point.yaml`,
      `results/${system}/llama-1b/r4/point.yaml`,
    ]);
    for (const folder of folders) {
      for (const name of ['config.yaml', 'result_summary.json', 'system_desc.json'])
        expect(files.has(folder.replace('point.yaml', name))).toBe(true);
    }
    expect(files.has('docs/README.md') && files.has('src/simulated-server/README.md')).toBe(true);
  });

  test('summaries are in nanoseconds and say what the row says', () => {
    const row = report.rows.find(({ axes }) => axes.quantization === 'q4_k_m' && axes.concurrency === 4)!;
    const summary = files.get(`results/${system}/llama-1b/r4/result_summary.json`) as Summary;
    expect([summary.n_samples_issued, summary.n_samples_completed, summary.n_samples_failed]).toEqual([
      200, 180, 20,
    ]);
    const seconds = summary.duration_ns / 1e9;
    expect(summary.output_sequence_lengths.total / seconds).toBeCloseTo(
      quotedOf(row, 'systemTokensPerSecond')!.value,
      6,
    );
    expect(summary.ttft.percentiles['90']! / 1e9).toBeCloseTo(
      quotedOf(row, 'serviceTimeToFirstTokenP90Seconds')!.value,
      9,
    );
  });

  test('the largest concurrency stands for offline, and utilization is against the best of the curve', () => {
    const at = (folder: string, name: string) => files.get(`results/${system}/llama-1b/${folder}/${name}`);
    expect(at('r4', 'point.yaml')).toMatchObject({ offline: 'elected', max_supported_concurrency: 4 });
    expect(at('r1', 'point.yaml')).not.toHaveProperty('offline');
    const shares = ['r1', 'r4'].map(
      (folder) => (at(folder, 'system_desc.json') as { tps_utilization: number }).tps_utilization,
    );
    expect(Math.max(...shares)).toBe(1);
  });

  test('what nobody measured is not made up', () => {
    const point = files.get(`results/${system}/llama-1b/r1/point.yaml`) as object;
    for (const name of ['link_to_model', 'dataset_link', 'seed_set', 'target_cohort'])
      expect(point).not.toHaveProperty(name);
  });
});
