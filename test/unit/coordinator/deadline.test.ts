import { describe, expect, test } from 'vitest';
import { failure } from '../../../core/errors.js';
import type { Lease } from '../../../core/experiment/lease.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { aView, Simulation, status, type ViewChange } from './simulation.js';

/** Runs one node's lane on a machine whose trials take so many seconds each. @returns the leases in order. */
function run(sim: Simulation, seconds: (lease: Lease, index: number) => number, most = 1000): Lease[] {
  const leases: Lease[] = [];
  while (leases.length < most) {
    const lease = sim.ask();
    if (lease === null) break;
    const took = seconds(lease, leases.length);
    leases.push(lease);
    sim.now += took;
    const startedAt = new Date(1000 * (1e9 + sim.now - took)).toISOString();
    const endedAt = new Date(1000 * (1e9 + sim.now)).toISOString();
    sim.report({ ...aRecord(lease, aNode()), startedAt, endedAt });
  }
  return leases;
}

function promised(budgetSeconds: number | undefined, change: ViewChange = {}): Simulation {
  const sim = new Simulation();
  sim.submit(aView({ count: 4, blockSize: 4, startsPolicy: { starts: 3 }, ...change }), {
    ...(budgetSeconds !== undefined && { budgetSeconds }),
  });
  sim.join();
  return sim;
}

const startsOf = (leases: readonly Lease[]) => {
  const starts = new Map<number, number>();
  for (const { position, purpose } of leases)
    if (purpose === 'measure') starts.set(position, (starts.get(position) ?? 0) + 1);
  return [...starts.values()];
};

describe('the time that was promised for a sweep', () => {
  test('is enough: all starts are as they were asked for', () => {
    for (const budget of [undefined, 13]) {
      const leases = run(promised(budget), () => 1);
      expect(startsOf(leases)).toEqual([3, 3, 3, 3]);
      expect(leases.filter(({ mostRepeats }) => mostRepeats !== undefined)).toEqual([]);
    }
  });

  test('is short: starts after the first get shorter, and are all made when that is enough', () => {
    const sim = promised(13);
    // Neighbours: three times as long, where a short start takes a third.
    const leases = run(sim, ({ mostRepeats }) => (mostRepeats === undefined ? 2 : 0.6));
    expect(leases.slice(0, 4).map(({ mostRepeats }) => mostRepeats)).toEqual(Array(4).fill(undefined));
    expect(new Set(leases.slice(4).map(({ mostRepeats }) => mostRepeats))).toEqual(new Set([2]));
    expect(startsOf(leases)).toEqual([3, 3, 3, 3]);
    expect(sim.now).toBeLessThan(13);
  });

  test('is over: points have to do with two starts, or with one, but each has one', () => {
    const two = promised(16);
    expect(startsOf(run(two, () => 2))).toEqual([2, 2, 2, 2]);
    expect(two.now).toBeLessThanOrEqual(16);
    const some = promised(14);
    expect(startsOf(run(some, () => 2)).sort()).toEqual([1, 2, 2, 2]);
    const one = promised(3);
    expect(startsOf(run(one, () => 2))).toEqual([1, 1, 1, 1]);
    for (const sim of [two, some, one])
      expect(status(sim)).toMatchObject({ state: 'done', complete: 4, failed: 0, trialsLeft: 0 });
  });

  test.each([
    ['a further start of its point, which is no failure', 4, true],
    ['the first start of its point, which is finished', 3, false],
  ])('that ends while a trial runs: %s', (_, before, stops) => {
    const sim = promised(6);
    run(sim, () => 1, before);
    const lease = sim.ask()!;
    sim.now += 20;
    sim.send({ event: 'heartbeat', now: sim.now, node: 'node-a', trialIds: [lease.trialId] });
    const stopped = sim.tick(1).filter(({ command }) => command === 'stop-trial');
    expect(stopped).toMatchObject(
      stops ? [{ trialId: lease.trialId, reason: expect.stringMatching(/^out-of-time/) }] : [],
    );
    sim.report(aRecord(lease, aNode(), stops ? { failure: failure('cancelled', 'it was stopped') } : {}));
    expect(sim.ask()).toBeNull();
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4, failed: 0 });
  });

  test('is not spent on drift controls when it is over', () => {
    const sim = promised(3, { driftControl: true });
    const purposes = run(sim, () => 2).map(({ purpose }) => purpose);
    expect(purposes).toEqual(['control', ...Array(4).fill('measure')]);
  });

  test('begins with the first lease, and again when what is left is submitted again', () => {
    const sim = promised(13);
    sim.now += 1000;
    expect(startsOf(run(sim, () => 1, 6))).toHaveLength(4);
    sim.now += 1000;
    sim.restart();
    sim.submit(sim.views.get('s1')!, { budgetSeconds: 3 });
    sim.join();
    expect(run(sim, () => 1)).toHaveLength(3);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4 });
  });

  test('that was over leaves starts, which the same sweep makes when it is submitted again', () => {
    const sim = promised(8);
    run(sim, () => 2);
    sim.restart();
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4, trialsLeft: 0 });
    sim.submit(sim.views.get('s1')!, { budgetSeconds: 100 });
    sim.join();
    expect(status(sim)).toMatchObject({ state: 'running', complete: 0, trialsLeft: 8, start: 2 });
    const durable = sim.durable();
    sim.restart();
    expect(sim.durable()).toEqual(durable);
    sim.join();
    expect(run(sim, () => 2).map(({ start }) => start)).toEqual([2, 2, 2, 2, 3, 3, 3, 3]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4, trialsLeft: 0, start: null });
  });

  test('is nobody’s any more when the sweep is paused', () => {
    const sim = promised(8);
    run(sim, () => 2, 2);
    for (const event of ['pause-requested', 'resume-requested'] as const)
      sim.send({ event, at: '', sweepId: 's1', reason: 'lunch' });
    sim.now += 1000;
    expect(startsOf(run(sim, () => 2)).reduce((sum, count) => sum + count)).toBe(10);
  });
});
