import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { EXPORT_MAPPINGS } from '../../../report/mappings/index.js';
import { besideOf } from '../../../report/peers/beside.js';
import { type PeerRun, readPeerRuns } from '../../../report/peers/read.js';
import { servedTrial } from '../../support/served-records.js';

const folder = join(import.meta.dirname, '../../fixtures/peers');
const fixture = (name: string) => readFileSync(join(folder, name), 'utf8');
function runsOf(text: string): readonly PeerRun[] {
  const runs = readPeerRuns(text);
  if (typeof runs === 'string') throw new Error(runs);
  return runs;
}
const [row] = buildReport([servedTrial({ concurrency: 2, requests: 200 })], {
  sweepName: 'test',
  objectives: [],
}).rows;

describe('files of other load generators', () => {
  test('of GuideLLM have a run for each benchmark', () => {
    const runs = runsOf(fixture('guidellm.json'));
    expect(runs.map(({ format, name }) => [format, name])).toEqual([
      ['guidellm-json', 'benchmark 1'],
      ['guidellm-json', 'benchmark 2'],
    ]);
    const [first, second] = runs;
    expect(first!.figures.get('metrics.time_to_first_token_ms.successful.percentiles.p90')).toBe(61.5);
    expect(first!.figures.get('metrics.request_latency.successful.mean')).toBe(0.25);
    // A strategy without a schedule has none.
    expect(first!.figures.has('metrics.request_scheduled_latency.successful.mean')).toBe(false);
    expect(second!.figures.get('metrics.request_scheduled_latency.successful.mean')).toBe(0.31);
  });

  test('of AIPerf and vLLM are one run', () => {
    const [aiperf] = runsOf(fixture('aiperf.json'));
    expect(aiperf!.format).toBe('aiperf-json');
    expect(aiperf!.figures.get('request_throughput')).toBe(9.5);
    expect(aiperf!.figures.get('time_to_first_token.p99')).toBe(80.25);
    const [vllm] = runsOf(fixture('vllm.json'));
    expect(vllm!.format).toBe('vllm-json');
    expect(vllm!.figures.get('median_tpot_ms')).toBe(11.5);
    expect(vllm!.figures.get('completed')).toBe(200);
  });

  test.each([
    ['{', /^it is no JSON: /],
    ['[]', /^it has neither the shape/],
    ['{"metadata":{"version":2,"guidellm_version":"0.8.1"},"benchmarks":[]}', /^it has neither the shape/],
    [
      '{"metadata":{"version":1,"guidellm_version":"0.3.0"},"benchmarks":[{}]}',
      /^it is a report of GuideLLM by schema 1, and schema 2 \(0\.8\) is read$/,
    ],
  ])('%s is refused in a sentence', (text, sentence) => expect(readPeerRuns(text)).toMatch(sentence));

  test('stand beside ours by their definitions', () => {
    const close = (value: number) => expect.closeTo(value, 6);
    const [guidellm] = runsOf(fixture('guidellm.json'));
    const figures = new Map(besideOf(row!, guidellm!).map((one) => [one.name, one]));
    // 55 ms to the first of 16 tokens, 11 ms to each further one.
    expect(figures.get('metrics.time_to_first_token_ms.successful.mean')).toMatchObject({
      ours: close(55),
      theirs: 60,
      ratio: close(60 / 55),
    });
    expect(figures.get('metrics.inter_token_latency_ms.successful.mean')?.ours).toEqual(close(11));
    expect(figures.get('metrics.time_per_output_token_ms.successful.mean')?.ours).toEqual(
      close((55 + 15 * 11) / 16),
    );
    expect(figures.get('metrics.request_latency.successful.mean')?.ours).toEqual(close(0.22));
    expect(besideOf(row!, { ...guidellm!, figures: new Map() })).toEqual([]);
  });

  test.each(['guidellm-json', 'aiperf-json', 'vllm-json'] as const)(
    'that say our figures in words of %s are read back as they are',
    (format) => {
      const served = EXPORT_MAPPINGS[format].fields.flatMap(({ name, of }) => {
        const { value } = of(row!);
        return typeof value === 'number' ? [[name, value] as const] : [];
      });
      const nested: Record<string, unknown> = {};
      for (const [name, value] of served) {
        const steps = name.split('.');
        // AIPerf has every figure below its unit.
        const way = format === 'aiperf-json' && steps.length === 1 ? [...steps, 'avg'] : steps;
        let at = nested;
        for (const step of way.slice(0, -1)) {
          at[step] ??= { unit: '' };
          at = at[step] as Record<string, unknown>;
        }
        at[way.at(-1)!] = value;
      }
      const file =
        format === 'guidellm-json'
          ? { metadata: { version: 2, guidellm_version: '0.8.1' }, benchmarks: [nested] }
          : nested;
      const [run] = runsOf(JSON.stringify(file));
      expect(run!.format).toBe(format);
      expect([...run!.figures]).toEqual(served);
      for (const { ratio } of besideOf(row!, run!)) expect(ratio ?? 1).toBe(1);
    },
  );
});
