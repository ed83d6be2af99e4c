import { describe, expect, test } from 'vitest';
import { Starts } from '../../../coordinator/scheduler/starts.js';
import { TrialTable } from '../../../coordinator/scheduler/trial-table.js';
import type { Lease } from '../../../core/experiment/lease.js';
import { aNode, aRecord, crashed } from '../../support/wire-records.js';
import { aView, runAll, Simulation, status } from './simulation.js';

const queue = (sim: Simulation, sweepId = 's1') => sim.state.sweeps.get(sweepId)!.queues.get('')!;
const named = (leases: readonly Lease[]) => leases.map(({ position, start }) => `${position}.${start}`);
const byBlock = (leases: readonly Lease[]) => {
  const blocks: number[][] = [];
  for (const { block, position } of leases) {
    const last = blocks[block] ?? [];
    blocks[block] = last;
    last.push(position);
  }
  return blocks;
};

describe('several starts of each point', () => {
  test('every point gets its first start before any gets its second, in the same company and the reverse order', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 6, blockSize: 4, startsPolicy: { starts: 3 } }));
    sim.join();
    const leases = runAll(sim);
    const [first, second, ...further] = byBlock(leases);
    expect([...first!, ...second!].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(further).toEqual([[...first!].reverse(), [...second!].reverse(), first, second]);
    expect(leases.map(({ start }) => start)).toEqual([
      ...Array(6).fill(1),
      ...Array(6).fill(2),
      ...Array(6).fill(3),
    ]);
    expect(new Set(leases.map(({ attempt }) => attempt))).toEqual(new Set([1]));
    expect(status(sim)).toMatchObject({ state: 'done', complete: 6, trialsLeft: 0, start: null });
    // The first one speaks for the point, and nothing else is kept of it.
    for (const lease of leases.slice(0, 6)) {
      expect(queue(sim).settled.get(lease.position)?.trialId).toBe(lease.trialId);
    }
    expect([queue(sim).starts.total, queue(sim).tries.size]).toEqual([0, 0]);
  });

  test('no block holds two starts of a point, not even of the last one that is left', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, blockSize: 8, driftControl: true, startsPolicy: { starts: 3 } }));
    sim.join();
    expect(runAll(sim).map(({ block }) => block)).toEqual([0, 1, 2]);
  });

  test('the drift control is at both ends of the blocks of every pass', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, blockSize: 4, driftControl: true, startsPolicy: { starts: 2 } }));
    sim.join();
    const leases = runAll(sim);
    const pass = ['control', ...Array(4).fill('measure'), 'control'];
    expect(leases.map(({ purpose }) => purpose)).toEqual([...pass, ...pass]);
    expect(leases.map(({ start }) => start)[0]).toBeUndefined();
  });

  test('wherever it stops, points have as many starts as each other, or one less; it says where it is', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 5, blockSize: 2, startsPolicy: { starts: 3 } }));
    sim.join();
    const starts = new Map<number, number>();
    for (let trial = 0; trial < 14; trial += 1) {
      expect(status(sim)).toMatchObject({
        starts: 3,
        start: 1 + Math.floor(trial / 5),
        trialsLeft: 15 - trial,
      });
      const lease = sim.ask()!;
      sim.report(aRecord(lease));
      starts.set(lease.position, (starts.get(lease.position) ?? 0) + 1);
      const counts = [0, 1, 2, 3, 4].map((position) => starts.get(position) ?? 0);
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      if (trial % 3 > 0) continue;
      // The coordinator dies here: what it reads again goes on at the same place.
      const before = { outcomes: sim.durable(), waiting: [...queue(sim).starts.waiting()].sort() };
      sim.restart();
      expect(sim.durable()).toEqual(before.outcomes);
      expect([...queue(sim).starts.waiting()]).toEqual(expect.arrayContaining(before.waiting));
      sim.join();
    }
    expect(runAll(sim)).toHaveLength(1);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 5 });
  });

  test('a start that came out invalid is tried again in the next block', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, blockSize: 4, startsPolicy: { starts: 1, retryInvalid: 1 } }));
    sim.join();
    const first = sim.ask()!;
    sim.report({ ...aRecord(first), valid: false });
    const positions = runAll(sim).map(({ position }) => position);
    expect(positions).toHaveLength(4);
    expect(positions.indexOf(first.position)).toBe(3);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4, invalid: 0 });
  });

  test('a trial that runs across a restart is adopted, and its point is not started beside it', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2, startsPolicy: { starts: 2 } }));
    sim.join();
    for (let trial = 0; trial < 2; trial += 1) sim.report(aRecord(sim.ask()!));
    const second = sim.ask()!;
    sim.restart();
    sim.join('node-a', [second.trialId]);
    sim.join('node-b');
    expect(runAll(sim, 'node-b').map(({ position }) => position)).toEqual([1 - second.position]);
    sim.report(aRecord(second));
    expect(status(sim)).toMatchObject({ state: 'done', complete: 2 });
  });

  test('two nodes share the passes without waiting for each other', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, blockSize: 2, startsPolicy: { starts: 2 } }));
    sim.join('node-a');
    sim.join('node-b');
    const leases: Lease[] = [];
    for (let turn = 0; turn < 4; turn += 1) {
      for (const node of ['node-a', 'node-b']) {
        const lease = sim.ask(node)!;
        leases.push(lease);
        sim.report(aRecord(lease, aNode(node)));
      }
    }
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4 });
    expect(new Set(named(leases)).size).toBe(8);
  });
});

describe('starts that come to nothing', () => {
  test('invalid ones are started again as often as the sweep allows, over all starts together', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 0, startsPolicy: { starts: 3, retryInvalid: 2 } }));
    sim.join();
    let trial = 0;
    const leases = runAll(sim, 'node-a', () => ({ valid: ![0, 2, 3].includes(trial++) }));
    // Invalid, valid, invalid, invalid: the second start has no try left, so the row is what one start says.
    expect(leases.map(({ start, attempt }) => [start, attempt])).toEqual([
      [1, 1],
      [1, 2],
      [2, 2],
      [2, 3],
    ]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1, invalid: 0 });
    expect(queue(sim).settled.get(0)?.trialId).toBe(leases[1]!.trialId);
    const before = sim.durable();
    sim.restart();
    expect(sim.durable()).toEqual(before);
  });

  test('without a valid one the point is invalid, and the last of them is reported', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 5, startsPolicy: { starts: 3, retryInvalid: 1 } }));
    sim.join();
    const leases = runAll(sim, 'node-a', () => ({ valid: false }));
    expect(leases).toHaveLength(2);
    expect(status(sim)).toMatchObject({ state: 'done', invalid: 1 });
    expect(queue(sim).settled.get(0)?.trialId).toBe(leases[1]!.trialId);
  });

  test('crashes cost tries of their own; a point with a valid start is not given up for them', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 1, startsPolicy: { starts: 2, retryInvalid: 0 } }));
    sim.join();
    let trial = 0;
    const leases = runAll(sim, 'node-a', () => (trial++ === 0 ? {} : { failure: crashed }));
    expect(leases).toHaveLength(3);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1, failed: 0 });
    expect(sim.log.some(({ fact }) => fact === 'ExperimentGivenUp')).toBe(false);
  });

  test('nor when it loses its nodes again and again', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 0, startsPolicy: { starts: 2 } }));
    sim.join();
    sim.report(aRecord(sim.ask()!));
    for (let lost = 0; sim.ask() !== null; lost += 1) {
      sim.tick(31);
      expect(lost).toBeLessThan(9);
    }
    expect(sim.log.at(-1)).toMatchObject({ fact: 'ExperimentGivenUp' });
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1, failed: 0 });
    const before = sim.durable();
    sim.restart();
    expect(sim.durable()).toEqual(before);
  });

  test('submitting again tries invalid points again, and leaves those that have a number', () => {
    const sim = new Simulation();
    const view = aView({ count: 3, startsPolicy: { starts: 2, retryInvalid: 0 } });
    sim.submit(view);
    sim.join();
    runAll(sim, 'node-a', ({ position }) => ({ valid: position !== 1 }));
    expect(status(sim)).toMatchObject({ state: 'done', complete: 2, invalid: 1 });
    sim.submit(view);
    expect(named(runAll(sim))).toEqual(['1.1', '1.2']);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 3, invalid: 0 });
  });

  test.each(['late first', 'late last'])(
    'a late result and its re-measurement are one start: %s',
    (order) => {
      const sim = new Simulation();
      sim.submit(aView({ count: 1, startsPolicy: { starts: 2 } }));
      sim.join('node-a');
      sim.join('node-b');
      const late = sim.ask('node-a')!;
      sim.tick(31);
      const again = sim.ask('node-b')!;
      expect([late.start, again.start]).toEqual([1, 1]);
      const records = [aRecord(late), aRecord(again, aNode('node-b'))];
      for (const record of order === 'late first' ? records : records.reverse()) sim.report(record);
      const [first, second] = order === 'late first' ? [late, again] : [again, late];
      expect([...sim.state.repeated]).toEqual([second.trialId]);
      expect(sim.log.filter(({ fact }) => fact === 'ResultRecorded')).toHaveLength(2);
      const next = sim.ask('node-a')!;
      expect(next.start).toBe(2);
      sim.report(aRecord(next));
      expect(status(sim)).toMatchObject({ state: 'done', complete: 1 });
      expect(sim.ask('node-a')).toBeNull();
      // A later sweep takes over what counted.
      sim.submit(aView({ sweepId: 's2', count: 1, startsPolicy: { starts: 2 } }));
      expect(sim.ask('node-a')).toBeNull();
      const reused = sim.log.flatMap((fact) => (fact.fact === 'ResultReused' ? [fact.trialId] : []));
      expect(reused).toEqual([first.trialId, next.trialId]);
      const before = sim.durable();
      sim.restart();
      expect(sim.durable()).toEqual(before);
      expect([...sim.state.repeated]).toEqual([second.trialId]);
    },
  );

  test('a late result of a point that is settled is no further start', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1 }));
    sim.join('node-a');
    sim.join('node-b');
    const late = sim.ask('node-a')!;
    sim.tick(31);
    sim.report(aRecord(sim.ask('node-b')!, aNode('node-b')));
    sim.report(aRecord(late));
    expect([...sim.state.repeated]).toEqual([late.trialId]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1 });
  });
});

describe('starts of earlier sweeps', () => {
  test('the same points with more starts: only the further ones are measured', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 3, startsPolicy: { starts: 2 } }));
    sim.join();
    runAll(sim);
    sim.submit(aView({ sweepId: 's2', count: 3, startsPolicy: { starts: 3 } }));
    expect(sim.ask()).toBeNull();
    expect(runAll(sim).map(({ sweepId, start }) => `${sweepId} ${start}`)).toEqual(Array(3).fill('s2 3'));
    expect(sim.log.filter(({ fact }) => fact === 'ResultReused')).toHaveLength(6);
    // Measured here in part, so not taken over.
    expect(status(sim, 's2')).toMatchObject({ state: 'done', complete: 3, reused: 0 });
    sim.submit(aView({ sweepId: 's3', count: 3, startsPolicy: { starts: 3 } }));
    expect(runAll(sim)).toHaveLength(0);
    expect(status(sim, 's3')).toMatchObject({ state: 'done', complete: 3, reused: 3 });
    expect(sim.log.filter((fact) => fact.fact === 'ResultReused' && fact.sweepId === 's3')).toHaveLength(9);
    const before = sim.durable();
    sim.restart();
    expect(sim.durable()).toEqual(before);
  });

  test('facts that could not be written leave the point where it was, once', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 1, startsPolicy: { starts: 2 } }));
    sim.join();
    runAll(sim);
    sim.submit(aView({ sweepId: 's2', count: 1, startsPolicy: { starts: 2 } }));
    sim.diskFull = true;
    expect(sim.ask()).toBeNull();
    expect(queue(sim, 's2').returned).toEqual([0]);
    expect(runAll(sim)).toHaveLength(0);
    expect(status(sim, 's2')).toMatchObject({ state: 'done', reused: 1 });
  });

  test('each start is taken over only where the node would answer alike', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 1 }));
    sim.join();
    runAll(sim);
    const runner = { kind: 'fake', release: 'fake 2', devices: ['cpu'], variants: ['shipped'] };
    sim.join('node-a', [], { runners: [runner] }, 'after an upgrade');
    sim.submit(aView({ sweepId: 's2', count: 1 }));
    const of2 = (lease: Lease) => {
      const record = aRecord(lease);
      return { ...record, environment: { engine: 'fake 2' } };
    };
    sim.report(of2(sim.ask()!));
    sim.submit(aView({ sweepId: 's3', count: 1, startsPolicy: { starts: 2 } }));
    expect(sim.ask()).toBeNull();
    const third = sim.ask()!;
    expect(third).toMatchObject({ sweepId: 's3', start: 2 });
    expect(sim.log.filter((fact) => fact.fact === 'ResultReused' && fact.sweepId === 's3')).toHaveLength(1);
  });
});

test('of starts of an engine that was built again those of the newest build are taken over', () => {
  const sim = new Simulation();
  sim.submit(aView({ sweepId: 's1', count: 1, startsPolicy: { starts: 3 } }));
  sim.join();
  for (const engineBuild of ['aa01', 'aa01', 'bb02']) {
    const record = aRecord(sim.ask()!);
    sim.report({ ...record, environment: { ...record.environment, engineBuild } });
  }
  sim.submit(aView({ sweepId: 's2', count: 1, startsPolicy: { starts: 4 } }));
  expect(sim.ask()).toBeNull();
  expect(sim.ask()).toMatchObject({ sweepId: 's2', start: 2 });
});

describe('starts until the interval is narrow', () => {
  const measured = (sim: Simulation, rates: (trial: number) => number): number => {
    let trial = 0;
    return runAll(sim, 'node-a', () => ({ decodeTokensPerSecond: rates(trial++) })).length;
  };
  const startsPolicy = { starts: 3, maxStarts: 9 };

  test('a point whose starts agree gets two more than were asked for, and no other', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, startsPolicy }));
    sim.join();
    expect(measured(sim, (trial) => 100 + 0.1 * (trial % 2))).toBe(5);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1 });
  });

  test('one whose starts differ gets as many as there may be', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, startsPolicy }));
    sim.join();
    expect(measured(sim, (trial) => 100 + 30 * (trial % 2))).toBe(9);
  });

  test('what earlier sweeps said counts, also after a restart', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 1, startsPolicy: { starts: 4 } }));
    sim.join();
    measured(sim, (trial) => 100 + 0.1 * (trial % 2));
    sim.submit(aView({ sweepId: 's2', count: 1, startsPolicy }));
    expect(sim.ask()).toBeNull();
    expect(status(sim, 's2')).toMatchObject({ trialsLeft: 1, start: 5, starts: 3, maxStarts: 9 });
    const before = sim.durable();
    sim.restart();
    expect(sim.durable()).toEqual(before);
    sim.join();
    expect(measured(sim, () => 100)).toBe(1);
    expect(status(sim, 's2')).toMatchObject({ state: 'done', complete: 1 });
  });
});

test('many points wait in the order they came, and nothing is left of those that are settled', () => {
  const trials = new TrialTable();
  const starts = new Starts(trials, { starts: 3, maxStarts: 3, retryInvalid: 0 });
  trials.add('t0');
  for (let position = 0; position < 2000; position += 1) {
    starts.add(position, { trialId: 't0', reused: false, values: {}, gradingCodes: [] });
    starts.wait(position);
  }
  expect(starts.fewest()).toBe(1);
  for (let position = 0; position < 2000; position += 1) expect(starts.take(1)).toBe(position);
  expect([starts.fewest(), starts.total, starts.useful]).toEqual([null, 2000, 2000]);
  for (let position = 0; position < 2000; position += 1) starts.delete(position);
  expect([starts.total, starts.useful, starts.countOf(7)]).toEqual([0, 0, 0]);
});
