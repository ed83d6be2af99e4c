import { describe, expect, test } from 'vitest';
import { wantsOpenMetrics } from '../../../coordinator/exporter/exporter.js';
import { Exposition, LATENCY_BUCKETS } from '../../../coordinator/exporter/exposition.js';
import { labelText } from '../../../coordinator/exporter/label.js';
import { ResultWindow } from '../../../coordinator/exporter/window.js';
import { techniqueRecords } from '../../support/technique-records.js';
import { aLease, aNode, anExperiment, aRecord } from '../../support/wire-records.js';

const record = (id: string, node = 'node-a') =>
  aRecord(aLease(`t-${id}-${node}`, { experiment: anExperiment(id) }), aNode(node));

describe('the window of exported results', () => {
  test('holds the newest results and no more than its limit', () => {
    const window = new ResultWindow(3, 1000);
    for (let index = 0; index < 10; index += 1) window.add(record(`x${index}`), index);
    expect(window.at(10).map((one) => one.experimentId)).toEqual(['x7', 'x8', 'x9']);
  });

  test('lets a result go when its time is over', () => {
    const window = new ResultWindow(10, 60);
    window.add(record('x1'), 0);
    window.add(record('x2'), 50);
    expect(window.at(60).map((one) => one.experimentId)).toEqual(['x1', 'x2']);
    expect(window.at(61).map((one) => one.experimentId)).toEqual(['x2']);
  });

  test('one experiment on two nodes is two series, twice on one node is one', () => {
    const window = new ResultWindow(10, 60);
    window.add(record('x1', 'node-a'), 0);
    window.add(record('x1', 'node-b'), 0);
    window.add(record('x1', 'node-a'), 1);
    expect(window.at(1)).toHaveLength(2);
  });
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
    const exposition = new Exposition(true, '0', () => ({
      results: [{ record, onFront: null }],
      sweeps: [],
      nodes: [],
    }));
    exposition.record(record);
    const text = await exposition.registry.metrics();
    expect(text).toMatch(
      /^ridgepoint_perplexity\{[^}]*quantization="iq2_xs\?importance=builtin:sample"[^}]*\} 36\.2975$/m,
    );
    expect(text).toMatch(/^ridgepoint_kl_divergence_nats\{/m);
    expect(text).toMatch(/^ridgepoint_experiment_info\{[^}]*sparsity="none"/m);
    expect(text).toMatch(/^ridgepoint_inter_token_latency_seconds_count\{[^}]*quantization="iq2_xs"/m);
  });
});

test('latency buckets run from 100 µs to 50 s', () => {
  expect(LATENCY_BUCKETS[0]).toBe(0.0001);
  expect(LATENCY_BUCKETS.slice(0, 4)).toEqual([0.0001, 0.0002, 0.0005, 0.001]);
  expect(LATENCY_BUCKETS.at(-1)).toBe(50);
});

test.each([
  ['application/openmetrics-text', true],
  ['application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1', true],
  ['text/plain;version=0.0.4;q=0.5,application/openmetrics-text;version=1.0.0;q=0.25', false],
  ['application/openmetrics-text;q=0', false],
  ['text/plain', false],
  ['*/*', false],
  ['', false],
])('Accept "%s" → OpenMetrics: %s', (accept, expected) => {
  expect(wantsOpenMetrics(accept)).toBe(expected);
});
