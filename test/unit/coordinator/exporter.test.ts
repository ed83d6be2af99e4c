import { describe, expect, test } from 'vitest';
import { wantsOpenMetrics } from '../../../coordinator/exporter/exporter.js';
import { LATENCY_BUCKETS } from '../../../coordinator/exporter/exposition.js';
import { ResultWindow } from '../../../coordinator/exporter/window.js';
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
