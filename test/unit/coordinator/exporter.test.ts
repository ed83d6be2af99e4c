import { describe, expect, test } from 'vitest';
import { Exporter, formatFor } from '../../../coordinator/exporter/exporter.js';
import { Exposition } from '../../../coordinator/exporter/exposition.js';
import { labelText } from '../../../coordinator/exporter/labels.js';
import { EMPTY } from '../../../coordinator/exporter/snapshot.js';
import { LATENCY_BUCKETS } from '../../../coordinator/exporter/trials.js';
import { ResultWindow } from '../../../coordinator/exporter/window.js';
import type { Detail, EntryAt } from '../../../coordinator/log/log.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { Registry } from '../../../coordinator/registry/registry.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import { METRICS } from '../../../core/metrics/catalogue.js';
import { COORDINATOR_METRICS } from '../../../core/metrics/exported.js';
import { openMetricsText } from '../../../core/metrics/text.js';
import { openDispatcher } from '../../support/dispatcher.js';
import { fakeSweep } from '../../support/sweeps.js';
import { techniqueRecords } from '../../support/technique-records.js';
import { aLease, aNode, anExperiment, aRecord } from '../../support/wire-records.js';

const record = (id: string, node = 'node-a') =>
  aRecord(aLease(`t-${id}-${node}`, { experiment: anExperiment(id) }), aNode(node));

describe('the window of exported results', () => {
  test('holds the newest results and no more than its limit', () => {
    const window = new ResultWindow(3, 1000);
    for (let index = 0; index < 10; index += 1) window.add(record(`x${index}`), index);
    expect(window.resultsAt(10).map(({ record: one }) => one.experimentId)).toEqual(['x7', 'x8', 'x9']);
  });

  test('lets a result go when its time is over', () => {
    const window = new ResultWindow(10, 60);
    window.add(record('x1'), 0);
    window.add(record('x2'), 50);
    expect(window.resultsAt(60).map(({ record: one }) => one.experimentId)).toEqual(['x1', 'x2']);
    expect(window.resultsAt(61).map(({ record: one }) => one.experimentId)).toEqual(['x2']);
  });

  test('one experiment on two nodes is two series; its starts on one node are one, which says what they say together', () => {
    const window = new ResultWindow(10, 60);
    const start = (trial: string, node: string, decodeTokensPerSecond: number) =>
      aRecord(aLease(trial, { experiment: anExperiment('x1') }), aNode(node), { decodeTokensPerSecond });
    window.add(start('t1', 'node-a', 100), 0);
    window.add(start('t2', 'node-b', 300), 0);
    window.add(start('t3', 'node-a', 121), 1);
    const shown = window.resultsAt(1);
    expect(shown.map(({ starts }) => starts.length)).toEqual([1, 2]);
    const entry = shown[1]?.record.measurements.decodeTokensPerSecond;
    expect(entry).toMatchObject({ value: expect.closeTo(110, 9), n: 2 });
    expect(shown[1]?.record.tokenSeconds).toEqual([]);
  });
});

test('the best of a sweep outlasts newer results, and what is stale goes, best or not', () => {
  const objectives = [
    { metric: 'decodeTokensPerSecond', better: 'max' },
    { metric: 'timeToFirstTokenSeconds', better: 'min' },
  ] as const;
  const window = new ResultWindow(2, 100, (id) => (id === record('x').sweep.id ? objectives : []));
  const fast = (id: string, decodeTokensPerSecond: number) =>
    aRecord(aLease(`t-${id}`, { experiment: anExperiment(id) }), aNode(), { decodeTokensPerSecond });
  window.add(fast('best', 500), 0);
  for (let index = 1; index < 9; index += 1) window.add(fast(`x${index}`, 100 + index), index);
  const ids = (now: number) => window.resultsAt(now).map(({ record: one }) => one.experimentId);
  expect(ids(10)).toEqual(['best', 'x7', 'x8']);
  expect(ids(105)).toEqual(['x7', 'x8']);
  // Measured again and slower: it is not the best any more just because it was.
  window.add(fast('x8', 1), 110);
  window.add(fast('x9', 50), 111);
  window.add(fast('x10', 40), 112);
  expect(ids(112)).toEqual(['x9', 'x10']);
});

describe('words of techniques as labels', () => {
  test('are bounded, and two long ones stay apart', () => {
    const long = `q4_k_m?tensorTypes=${'attn_v:q8_0,'.repeat(300)}ffn_down:q6_k`;
    const other = `${long},output:f16`;
    expect(labelText('q4_k_m')).toBe('q4_k_m');
    expect(labelText(long)).toHaveLength(120);
    expect(labelText(long)).not.toBe(labelText(other));
    expect(labelText(long)).toBe(labelText(long));
  });

  test('quality of a row is a gauge; latency has the type of the weights and no settings', async () => {
    const word = 'iq2_xs?importance=builtin:sample';
    const [one] = techniqueRecords();
    if (one === undefined) throw new Error('no record');
    const { experiment } = one;
    const record = {
      ...one,
      experiment: { ...experiment, technique: { ...experiment.technique, quantization: word } },
    };
    const exposition = new Exposition('0', () => ({
      ...EMPTY,
      results: [{ record, starts: 1, onFront: null, bestBy: [] }],
      names: new Map([
        [record.sweep.id, [{ name: 'the small one', at: { quantization: [word] }, single: true }]],
      ]),
    }));
    exposition.trials.record(record);
    const text = openMetricsText(await exposition.families());
    expect(text).toMatch(
      /^ridgepoint_perplexity\{[^}]*quantization="iq2_xs\?importance=builtin:sample"[^}]*\} 36\.2975$/m,
    );
    expect(text).toMatch(/^ridgepoint_kl_divergence_nats\{/m);
    expect(text).toMatch(/^ridgepoint_experiment_info\{[^}]*sparsity="none"/m);
    expect(text).toMatch(/^ridgepoint_experiment_info\{[^}]*name="the small one"/m);
    expect(text).toMatch(/^ridgepoint_inter_token_latency_seconds_count\{[^}]*quantization="iq2_xs"/m);
  });
});

test('what is exported is what the catalogue says, no more and no less', async () => {
  const exposition = new Exposition('0', () => EMPTY);
  const families = await exposition.families();
  const kinds = { gauge: 'gauge', info: 'gauge', counter: 'counter', histogram: 'histogram' } as const;
  const expected = [
    ...METRICS.map(({ prometheus }) => [`ridgepoint_${prometheus}`, 'gauge']),
    ...COORDINATOR_METRICS.map(({ name, kind }) => [name, kinds[kind]]),
  ];
  expect(families.map(({ name, kind }) => [name, kind]).sort()).toEqual(expected.sort());
});

test('a node that is gone takes its series along, and only those', async () => {
  const exposition = new Exposition('0', () => EMPTY);
  const warning = { code: 'thermal-throttle', severity: 'disturbed', message: 'hot' } as const;
  const both = ['gone', 'there'].map((node) => ({ ...record('x1', node), warnings: [warning] }));
  for (const one of both) exposition.trials.record(one);
  const text = async () => openMetricsText(await exposition.families());
  const before = await text();
  expect(before).toMatch(/^ridgepoint_warnings_total\{[^}]*node="gone"/m);
  expect(before).toMatch(/^ridgepoint_inter_token_latency_seconds_count\{[^}]*node="gone"/m);
  exposition.trials.forget('gone');
  const after = await text();
  expect(after.split('\n')).toEqual(before.split('\n').filter((line) => !line.includes('node="gone"')));
  exposition.trials.record(both[0]!);
  expect(await text()).toMatch(/^ridgepoint_trial_duration_seconds_count\{[^}]*node="gone"[^}]*\} 1$/m);
});

test('latency buckets run from 100 µs to 50 s', () => {
  expect(LATENCY_BUCKETS[0]).toBe(0.0001);
  expect(LATENCY_BUCKETS.slice(0, 4)).toEqual([0.0001, 0.0002, 0.0005, 0.001]);
  expect(LATENCY_BUCKETS.at(-1)).toBe(50);
});

test.each([
  ['application/openmetrics-text', 'openmetrics'],
  ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', 'openmetrics'],
  ['text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.25', 'plain'],
  ['application/openmetrics-text;q=0', 'plain'],
  [
    'application/vnd.google.protobuf,application/openmetrics-text;version=1.0.0;q=0.8,*/*;q=0.1',
    'openmetrics',
  ],
  ['application/vnd.google.protobuf', 'plain'],
  ['text/plain', 'plain'],
  ['*/*', 'plain'],
  ['', 'plain'],
])('Accept "%s" → %s', (accept, expected) => {
  expect(formatFor(accept)).toBe(expected);
});

test('after a restart the newest results are shown at once, the best of each sweep soon; of the others no record is read', async () => {
  const log = new CountingLog();
  const document = `${fakeSweep(20)}  objectives: { decodeTokensPerSecond: max }\n`;
  const view = readSweep(document, []);
  const { sweepId } = view;
  const at = '2025-01-01T00:00:00Z';
  await log.append([{ fact: 'SweepSubmitted', sweepId, document, models: [], submitter: 'test', at }], 0);
  const rates = Array.from({ length: 20 }, (_, i) => (i === 3 ? 900 : 100 + i));
  const trials = rates.map((decodeTokensPerSecond, position) => {
    const experiment = view.experimentAt(position, null);
    const lease = aLease(`t${position}`, { sweepId, position, experiment });
    return aRecord(lease, aNode(), { decodeTokensPerSecond, valid: position !== 19 });
  });
  await log.append(
    trials.map((trial) => ({ fact: 'ResultRecorded', record: trial }) as const),
    1,
  );
  const clock = { now: () => 1000, isoTime: () => '2025-01-01T00:01:00Z' };
  const options = { results: 4, keepSeconds: 3600, keepNodeSeconds: 60, version: 'test' };
  const exporter = new Exporter(options, clock, new Registry());
  const dispatcher = await openDispatcher({
    log,
    clock,
    replayed: (head, position) => exporter.replayed(head, position),
  });
  const shown = async (): Promise<number[]> => {
    const family = (await exporter.families()).find(
      ({ name }) => name === 'ridgepoint_decode_tokens_per_second',
    );
    return family?.series.map(({ value }) => Number(value)).sort((a, b) => a - b) ?? [];
  };
  exporter.follow(dispatcher);
  await exporter.restore(log);
  expect(await shown()).toEqual([115, 116, 117, 118]);
  expect(log.gets).toBe(4);
  // What is there, and what came until it leads.
  expect(log.reads).toEqual(['head', 'head']);
  await exporter.restoreBest(log, new AbortController().signal);
  expect(await shown()).toEqual([115, 116, 117, 118, 900]);
  expect(log.reads).toEqual(['head', 'head', 'row']);
});

/** Counts how it is read. */
class CountingLog extends MemoryLog {
  gets = 0;
  readonly reads: Detail[] = [];
  override read<D extends Detail>(after: number, detail: D): AsyncGenerator<EntryAt<D>> {
    this.reads.push(detail);
    return super.read(after, detail);
  }
  override get<D extends Detail>(position: number, detail: D): Promise<EntryAt<D>> {
    this.gets += 1;
    return super.get(position, detail);
  }
}
