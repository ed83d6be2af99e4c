import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { buildReport } from '../../../report/build.js';
import { EXPORT_MAPPINGS } from '../../../report/mappings/index.js';
import { besideOf } from '../../../report/peers/beside.js';
import { type PeerRun, readPeerRun } from '../../../report/peers/read.js';
import { servedTrial } from '../../support/served-records.js';

const folder = join(import.meta.dirname, '../../fixtures/peers');
const fixture = (name: string) => readFileSync(join(folder, name), 'utf8');
function runOf(text: string): PeerRun {
  const run = readPeerRun(text);
  if (typeof run === 'string') throw new Error(run);
  return run;
}
const [row] = buildReport([servedTrial({ concurrency: 2, requests: 200 })], {
  sweepName: 'test',
  objectives: [],
}).rows;

describe('files of other load generators', () => {
  test('of AIPerf and vLLM are one run', () => {
    const aiperf = runOf(fixture('aiperf.json'));
    expect(aiperf.format).toBe('aiperf-json');
    expect(aiperf.figures.get('request_throughput')).toBe(9.5);
    expect(aiperf.figures.get('time_to_first_token.p99')).toBe(80.25);
    const vllm = runOf(fixture('vllm.json'));
    expect(vllm.format).toBe('vllm-json');
    expect(vllm.figures.get('median_tpot_ms')).toBe(11.5);
    expect(vllm.figures.get('completed')).toBe(200);
  });

  test.each([
    ['{', /^it is no JSON: /],
    ['[]', /^it has neither the shape/],
    ['{"request_throughput":1,"request_latency":2}', /^it has neither the shape/],
  ])('%s is refused in a sentence', (text, sentence) => expect(readPeerRun(text)).toMatch(sentence));

  test('stand beside ours by their definitions', () => {
    const close = (value: number) => expect.closeTo(value, 6);
    const vllm = runOf(fixture('vllm.json'));
    const figures = new Map(besideOf(row!, vllm).map((one) => [one.name, one]));
    // 55 ms to the first of 16 tokens, 11 ms to each further one.
    expect(figures.get('mean_ttft_ms')).toMatchObject({
      ours: close(55),
      theirs: 60.1,
      ratio: close(60.1 / 55),
    });
    expect(figures.get('mean_tpot_ms')?.ours).toEqual(close(11));
    expect(besideOf(row!, { ...vllm, figures: new Map() })).toEqual([]);
  });

  test.each(['aiperf-json', 'vllm-json'] as const)(
    'that say our figures in words of %s are read back as they are',
    (format) => {
      const served = EXPORT_MAPPINGS[format].fields.flatMap(({ name, mappedValue }) => {
        const { value } = mappedValue(row!);
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
      const run = runOf(JSON.stringify(nested));
      expect(run.format).toBe(format);
      expect([...run.figures]).toEqual(served);
      for (const { ratio } of besideOf(row!, run)) expect(ratio ?? 1).toBe(1);
    },
  );
});
