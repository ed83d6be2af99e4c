import { describe, expect, test } from 'vitest';
import { predictedPoint } from '../../../batching/predicted-point.js';
import { forecastOn } from '../../../coordinator/forecast.js';
import { searchProgress } from '../../../coordinator/scheduler/status.js';
import { readSweep } from '../../../coordinator/sweeps.js';
import type { Lease } from '../../../core/experiment/lease.js';
import type { NodeProfile } from '../../../core/experiment/node.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { parseSweep } from '../../../core/sweep/parse.js';
import { planSpace } from '../../../core/sweep/space.js';
import { namedArchitecture } from '../../../roofline/configs/index.js';
import { hardwareNamed } from '../../../roofline/hardware/catalogue.js';
import { spearman } from '../../../statistics/correlation.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { file } from '../sweep/documents.js';
import { Simulation } from './simulation.js';

const USERS = [1, 2, 4, 8, 16, 32, 64, 128];

const SPEC = {
  models: 'meta-llama/Llama-3.1-8B',
  runners: { kind: 'vllm', quantizationMethod: [null, 'fp8'], batchedTokens: [1024, 8192] },
  workloads: { kind: 'serving', concurrency: USERS, requests: 64, inputTokens: 256, outputTokens: 32 },
  placement: { device: 'cuda' },
  objectives: { systemTokensPerSecond: 'max' },
  search: { budget: { trials: 12 }, strategy: 'tpe' },
  measure: { starts: 1 },
};

const sweepOf = (spec: Record<string, unknown> = {}) => readSweep(file({ ...SPEC, ...spec }), []);

const H100 = 'NVIDIA H100 80GB HBM3';

/** A node that reports a device takes work of a sweep. */
function searched(device: string, spec: Record<string, unknown> = {}) {
  const change: Partial<NodeProfile> = {
    devices: [{ id: 'gpu0', classes: ['cuda'], name: device, memoryBytes: 85e9, cpus: [] }],
    runners: ['vllm', 'llama-cpp'].map((kind) => ({ kind, release: '1', devices: ['cuda'], variants: [] })),
  };
  const sim = new Simulation();
  const join = () => sim.join('node-a', [], change);
  const ask = () => sim.ask('node-a', 'gpu0');
  join();
  sim.submit(sweepOf(spec));
  /** What was measured says nothing: rows have the same number. */
  const measure = (lease: Lease) => {
    const record = aRecord(lease, aNode('node-a', change));
    const measured = { ...record.measurements.decodeTokensPerSecond!, value: 1000 };
    const measurements = { ...record.measurements, systemTokensPerSecond: measured };
    sim.report({ ...record, device: { ...record.device, name: device }, measurements } as typeof record);
  };
  return { sim, join, ask, measure, progress: () => searchProgress([...sim.state.sweeps.values()][0]!)! };
}

/** What the same search knows of a point beforehand: predicted tokens/s of all users. */
function predictedRates(device = H100, spec: Record<string, unknown> = {}) {
  const document = file({ ...SPEC, ...spec });
  const parsed = parseSweep(document);
  if (!parsed.ok) throw new Error('the sweep is not readable');
  const space = planSpace(parsed.sweep);
  const at = (position: number) => experimentAt(space, position);
  const forecast = forecastOn(parsed.sweep, { count: space.count, experimentAt: at }, device);
  const rates = Array.from({ length: space.count }, (_, position) => {
    const prediction = forecast?.predict?.(position) ?? null;
    return prediction === null ? null : Math.exp(-prediction.costs[0]!);
  });
  return { forecast, rates, experiments: rates.map((_, position) => experimentAt(space, position)) };
}

describe('a search on a node that reports an H100', () => {
  test('orders candidates by what the tables of their engine predict', () => {
    const { rates, experiments } = predictedRates();
    const known = experiments.map((point) => {
      const reading = namedArchitecture('llama-3.1-8b');
      if (!reading.ok) throw new Error(reading.reason);
      const { architecture } = reading;
      const on = { architecture, device: hardwareNamed('h100')!, release: null, host: null, own: null };
      const found = predictedPoint({ point, ...on, trace: null });
      return 'source' in found ? found.entries.systemTokensPerSecond!.value! : Number.NaN;
    });
    // The search simulates fewer requests than the point has.
    expect(spearman(rates as number[], known)).toBeGreaterThan(0.95);
    const { ask } = searched(H100);
    const best = [...rates].sort((a, b) => b! - a!);
    expect(best.indexOf(rates[ask()!.position]!)).toBeLessThan(3);
  });

  test('says what it orders by, and goes on after a restart as if it had never stopped', () => {
    const whole = searched(H100);
    const { rates } = predictedRates();
    const positions: number[] = [];
    for (let lease = whole.ask(); lease !== null; lease = whole.ask()) {
      positions.push(lease.position);
      whole.measure(lease);
    }
    expect(whole.progress().prior).toMatch(
      /^tables of vLLM 0\.24\.0 on NVIDIA H100 SXM 80GB, host times fitted on \d+ measured servers, predicted and not/,
    );
    // Every other one of the opening is taken by predictions, the others by a design.
    const mean = (of: readonly number[]) => of.reduce((sum, at) => sum + rates[at]!, 0) / of.length;
    const opening = positions.slice(0, 10);
    expect(mean(opening.filter((_, i) => i % 2 === 0))).toBeGreaterThan(
      1.5 * mean(opening.filter((_, i) => i % 2 === 1)),
    );
    const again = searched(H100);
    // Blocks are over after three points: whoever stops there has nothing open.
    for (const position of positions.slice(0, 6)) {
      const lease = again.ask()!;
      expect(lease.position).toBe(position);
      again.measure(lease);
    }
    again.sim.restart();
    again.join();
    const rest: number[] = [];
    for (let lease = again.ask(); lease !== null; lease = again.ask()) {
      rest.push(lease.position);
      again.measure(lease);
    }
    expect(rest).toEqual(positions.slice(6));
  });
});

test('a GPU that nobody measured takes the nearest tables, one that nobody knows none, and both are said', () => {
  const borrowed = searched('NVIDIA A40');
  borrowed.ask();
  expect(borrowed.progress().prior).toMatch(
    /^tables nearest to vLLM on NVIDIA A40, host times .*, predicted and not .*taken from tables on NVIDIA L40S/,
  );
  const unknown = searched('NVIDIA Q9');
  unknown.ask();
  expect(unknown.progress().prior).toBe(
    'no predictions: NVIDIA Q9 is no device of the catalogue, and has no tables',
  );
  const unnamed = searched(H100, { models: 'models/our-own' });
  unnamed.ask();
  expect(unnamed.progress().prior).toBe(
    'no predictions: the shapes of our-own are not published under such a name',
  );
});

test('a search that asks no server with tables, or wants no predictions, has none', () => {
  const latency = { runners: { kind: 'llama-cpp' }, workloads: { kind: 'latency', promptTokens: [16, 64] } };
  const plain = searched(H100, { ...latency, objectives: { decodeTokensPerSecond: 'max' } });
  plain.ask();
  expect(plain.progress().prior).toBeNull();
  const unwanted = searched(H100, { search: { budget: { trials: 12 }, predict: false } });
  unwanted.ask();
  expect(unwanted.progress().prior).toBeNull();
});
