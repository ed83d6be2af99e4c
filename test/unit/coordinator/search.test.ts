import { describe, expect, test } from 'vitest';
import { blockedReasons, searchProgress } from '../../../coordinator/scheduler/status.js';
import { failure } from '../../../core/errors.js';
import type { Lease } from '../../../core/experiment/lease.js';
import type { SearchSpec } from '../../../core/sweep/spec.js';
import { Searcher } from '../../../search/searcher.js';
import { distanceAmong } from '../../../search/space.js';
import { PythonRandom } from '../../../statistics/python-random.js';
import { aNode, aRecord, type Ending } from '../../support/wire-records.js';
import { aView, runAll, Simulation, status } from './simulation.js';

const COUNT = 60;
const SPEC: SearchSpec = {
  strategy: 'tpe',
  seed: 1,
  budget: { trials: 30, deviceHours: null, joules: null },
  leastGainPerDeviceHour: null,
  constraints: [],
  predict: true,
  fidelity: 'full',
};

/** A line of points: the further right, the faster. */
function searched(spec: Partial<SearchSpec> = {}, starts = 2) {
  const values = Array.from({ length: COUNT }, (_, i) => [i]);
  const space = {
    count: COUNT,
    axes: [{ name: 'threads', size: COUNT, distance: distanceAmong(values) }],
    digitsAt: (position: number) => Int32Array.from([position]),
    positionOf: (digits: Int32Array) => digits[0]!,
  };
  const view = aView({ count: COUNT, startsPolicy: { starts, maxStarts: starts } });
  const objectives = [{ metric: 'decodeTokensPerSecond', better: 'max' as const }];
  return {
    ...view,
    objectives,
    asksQuality: false,
    energyKeys: [],
    newSearch: () =>
      new Searcher(space, {
        spec: { ...SPEC, ...spec },
        objectives,
        physics: () => [],
        labelOf: (position) => `threads=${position}`,
      }),
  };
}

const progressOf = (sim: Simulation) => searchProgress(sim.state.sweeps.get('s1')!);

const measured = (sim: Simulation) =>
  runAll(sim, 'node-a', (lease) => ({ decodeTokensPerSecond: 100 + 10 * lease.position }));

describe('a sweep with a search', () => {
  test('measures some points, the best of them to the last start, and spares the others', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched());
    const leases = measured(sim);
    const points = new Set(leases.map(({ position }) => position));
    expect(points.size).toBeLessThan(COUNT);
    const best = Math.max(...points);
    expect(best).toBeGreaterThan(COUNT - 4);
    expect(leases.filter(({ position }) => position === best)).toHaveLength(2);
    const standing = status(sim);
    expect(standing).toMatchObject({
      state: 'done',
      complete: points.size,
      spared: COUNT - points.size,
      queued: 0,
    });
    expect(progressOf(sim)?.ended).toBe('its budget of 30 trials is spent');
    const once = [...points].filter(
      (point) => leases.filter(({ position }) => position === point).length === 1,
    );
    expect(once.length).toBeGreaterThan(points.size / 2);
  });

  test('ends when those that get no other start are settled long before those that do', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({}, 3));
    const leases = runAll(sim, 'node-a', ({ position }) => ({
      decodeTokensPerSecond: position % 3 === 0 ? 100 : 500,
    }));
    const startsOf = new Map<number, number>();
    for (const { position } of leases) startsOf.set(position, (startsOf.get(position) ?? 0) + 1);
    expect(new Set(startsOf.values())).toEqual(new Set([1, 3]));
    expect(status(sim)).toMatchObject({ state: 'done', complete: startsOf.size, queued: 0 });
  });

  test('goes on after a restart as if it had never stopped', () => {
    const whole = new Simulation();
    whole.join();
    whole.submit(searched());
    const undisturbed = measured(whole).map(({ position }) => position);
    const sim = new Simulation();
    sim.join();
    sim.submit(searched());
    const before: number[] = [];
    // Blocks are over after four points: whoever stops there has nothing open.
    for (let i = 0; i < 12; i++) {
      const lease = sim.ask()!;
      before.push(lease.position);
      sim.report(aRecord(lease, aNode('node-a'), { decodeTokensPerSecond: 100 + 10 * lease.position }));
    }
    sim.restart();
    sim.join();
    const after = measured(sim).map(({ position }) => position);
    expect([...before, ...after]).toEqual(undisturbed);
    expect(status(sim)).toEqual(status(whole));
    expect(progressOf(sim)).toEqual(progressOf(whole));
  });

  test('that probes first looks briefly, and measures in full what may stand on the front', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({ fidelity: 'probe', budget: { trials: null, deviceHours: null, joules: null } }));
    const said = ({ position, purpose }: Lease) => ({
      seconds: purpose === 'probe' ? 1 : 5,
      decodeTokensPerSecond: (purpose === 'probe' ? 90 : 100) + 10 * position + (position % 3),
    });
    const before: Lease[] = [];
    for (let i = 0; i < 30; i++) {
      const lease = sim.ask()!;
      before.push(lease);
      sim.report(aRecord(lease, aNode('node-a'), said(lease)));
    }
    // What is out when a coordinator is killed is reported to the next one.
    const held = sim.ask()!;
    const known = progressOf(sim);
    sim.restart();
    expect({ ...progressOf(sim), pending: 0 }).toEqual({ ...known, pending: 0 });
    sim.join('node-a', [held.trialId]);
    sim.report(aRecord(held, aNode('node-a'), said(held)));
    const leases = [...before, held, ...runAll(sim, 'node-a', said)];
    const of = (purpose: string) =>
      leases.filter((lease) => lease.purpose === purpose).map(({ position }) => position);
    const [probed, measured] = [of('probe'), of('measure')];
    expect(new Set(probed).size).toBe(probed.length);
    expect(probed.length).toBe(COUNT);
    expect(new Set(measured).size).toBeLessThan(COUNT / 2);
    expect(measured.filter((position) => position === COUNT - 1)).toHaveLength(2);
    for (const { purpose, mostRepeats, start } of leases) {
      expect(mostRepeats).toBe(purpose === 'probe' ? 2 : undefined);
      expect(start === undefined).toBe(purpose === 'probe');
    }
    expect(status(sim)).toMatchObject({ state: 'done', complete: new Set(measured).size, queued: 0 });
    expect(progressOf(sim)).toMatchObject({
      measured: new Set(measured).size,
      probed: COUNT - new Set(measured).size,
      ended: 'every point was probed, and measured where it may stand on the front',
    });
  });

  test('probes near to each other race in blocks of their own, beside what was measured, and the log says what came of it', () => {
    const sim = new Simulation();
    sim.join();
    const free = { trials: null, deviceHours: null, joules: null };
    sim.submit(searched({ fidelity: 'probe', predict: false, budget: free }, 1));
    const random = new PythonRandom(1);
    const leases = runAll(sim, 'node-a', ({ position, purpose }) => ({
      seconds: purpose === 'probe' ? 1 : 100,
      decodeTokensPerSecond: (100 + position) * (purpose === 'probe' ? 1 + 0.02 * random.next() : 1),
    }));
    const probes = leases.filter(({ purpose }) => purpose === 'probe');
    const measured = leases.filter(({ purpose }) => purpose === 'measure').map(({ position }) => position);
    expect(new Set(measured).size).toBe(measured.length);
    expect(measured).toContain(COUNT - 1);
    expect(measured.length).toBeLessThan(COUNT / 3);
    // Again, beside those that may take its place, after it was measured itself.
    const times = (position: number) => probes.filter((lease) => lease.position === position).length;
    expect(Math.max(...measured.map(times))).toBeGreaterThan(4);
    const decided = sim.log.flatMap((fact) => (fact.fact === 'PromotionDecided' ? [fact] : []));
    expect(decided.filter(({ promoted }) => promoted).map(({ position }) => position)).toEqual(measured);
    expect(decided.filter(({ promoted }) => !promoted).length).toBeGreaterThan(0);
    const first = leases.find(({ purpose }) => purpose === 'measure')!;
    expect(first.promoted).toBe(decided.find(({ position }) => position === first.position)!.reason);
    expect(status(sim)).toMatchObject({ state: 'done', queued: 0 });
    const known = progressOf(sim);
    expect(known).toMatchObject({ decided: decided.length });
    expect(known!.decisions[0]!.reason).not.toBe('');
    sim.restart();
    expect(progressOf(sim)).toEqual(known);
    expect(status(sim).state).toBe('done');
  });

  test('whose probes take as long as measurements measures at once what was not probed yet, and says why', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({ fidelity: 'probe', budget: { trials: null, deviceHours: null, joules: null } }));
    const leases = runAll(sim, 'node-a', ({ position }) => ({
      seconds: 5,
      decodeTokensPerSecond: 100 + 10 * position,
    }));
    const probed = new Set(leases.flatMap((one) => (one.purpose === 'probe' ? [one.position] : [])));
    expect(probed.size).toBeLessThan(COUNT / 3);
    const reason = "a probe takes 100 % of a measurement's time, and one in 3 points is measured besides";
    expect(leases.find((one) => one.start === 1 && !probed.has(one.position))!.promoted).toBe(reason);
    const known = progressOf(sim)!;
    expect(known.decisions[0]).toEqual({ label: 'every point not probed yet', promoted: true, reason });
    sim.restart();
    expect(progressOf(sim)).toEqual(known);
  });

  test('begins nothing more when its budget is spent, and says so where that is less than one trial takes', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({ budget: { trials: null, deviceHours: 1e-5, joules: null } }, 1));
    const leases = runAll(sim, 'node-a', () => ({ seconds: 5, decodeTokensPerSecond: 100 }));
    expect(leases).toHaveLength(1);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1, spared: COUNT - 1 });
    expect(progressOf(sim)?.ended).toBe(
      'its budget of 0.00001 device-hours is spent: it is 0.036 s, and a trial takes 5 s',
    );
  });

  test('what a probe finds impossible is given up, and what it comes to a second time is not measured twice', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({ fidelity: 'probe' }));
    const failed: Ending = { failure: failure('model-unsupported', 'not to be opened') };
    const lost = sim.ask()!;
    sim.tick(40);
    const leases = runAll(sim, 'node-a', ({ position }) =>
      position > 50 ? failed : { decodeTokensPerSecond: 100 + position },
    );
    sim.report(aRecord(lost, aNode('node-a'), { decodeTokensPerSecond: 100 }));
    expect(status(sim).failed).toBe(
      new Set(leases.flatMap((l) => (l.position > 50 ? [l.position] : []))).size,
    );
    expect(status(sim).state).toBe('done');
    expect(progressOf(sim)?.ended).toBe('its budget of 30 trials is spent');
  });

  test('when every trial fails it ends soon, with the reason', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({ budget: { trials: null, deviceHours: null, joules: null } }));
    const failed: Ending = { failure: failure('model-unsupported', 'not to be opened') };
    const leases = runAll(sim, 'node-a', () => failed);
    expect(leases.length).toBeLessThan(40);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 0 });
    expect(progressOf(sim)?.ended).toMatch(/^none of its first \d+ trials gave a row: .*not to be opened/);
  });

  test('what a node had that leaves for good is measured by another, and the search goes on', () => {
    const sim = new Simulation({ lostSeconds: 60 });
    sim.join();
    sim.submit(searched());
    const held = sim.ask()!;
    sim.tick(100);
    expect(status(sim).state).toBe('running');
    sim.join('node-b');
    const leases = runAll(sim, 'node-b', (lease) => ({ decodeTokensPerSecond: 100 + 10 * lease.position }));
    expect(leases.map(({ position }) => position)).toContain(held.position);
    expect(status(sim).state).toBe('done');
    expect(progressOf(sim)).toMatchObject({ pending: 0, ended: 'its budget of 30 trials is spent' });
  });

  test('what had a node and waits for one ends after a while, with the reason told before, and goes on when it is resumed', () => {
    const sim = new Simulation({ lostSeconds: 60, waitSeconds: 600 });
    sim.submit(searched());
    // It never had one: nobody has left.
    sim.tick(5000);
    expect(status(sim).state).toBe('running');
    expect(blockedReasons(sim.state, sim.state.sweeps.get('s1')!)[0]).toMatch(/^no node is connected/);
    sim.join();
    sim.report(aRecord(sim.ask()!));
    const held = sim.ask()!;
    // A device that works for others is none that waits in vain.
    sim.tick(20);
    expect(blockedReasons(sim.state, sim.state.sweeps.get('s1')!)).toEqual([]);
    for (let i = 0; i < 5; i++) sim.tick(61);
    const [told] = blockedReasons(sim.state, sim.state.sweeps.get('s1')!);
    expect(told).toMatch(
      /^no node that can measure the rest of it is here, node-a measured it last: it ends at 19/,
    );
    for (let i = 0; i < 10; i++) sim.tick(61);
    expect(status(sim)).toMatchObject({ state: 'cancelled' });
    expect(sim.log.at(-1)).toMatchObject({
      fact: 'SweepCancelled',
      reason: expect.stringMatching(
        /^no node that can measure the rest of it was here for 600 s; node-a .*`ridge resume s1`/,
      ),
    });
    sim.restart();
    expect(sim.state.sweeps.get('s1')!.ended).toMatch(/was here for 600 s/);
    sim.join('node-b');
    expect(sim.ask('node-b')).toBeNull();
    sim.send({ event: 'resume-requested', sweepId: 's1', reason: 'node-b is there', at: '' });
    const leases = runAll(sim, 'node-b', (lease) => ({ decodeTokensPerSecond: 100 + lease.position }));
    expect(leases.map(({ position }) => position)).toContain(held.position);
    expect(status(sim).state).toBe('done');
  });

  test('points that fit no device here are asked for a few at a time, and wait for one that they fit', () => {
    const sim = new Simulation();
    sim.join();
    const view = searched();
    sim.submit({ ...view, memoryBytes: () => 1e18 });
    expect(sim.ask()).toBeNull();
    expect(progressOf(sim)?.pending).toBeLessThanOrEqual(COUNT);
    expect(status(sim).state).toBe('running');
    expect(blockedReasons(sim.state, sim.state.sweeps.get('s1')!)[0]).toMatch(/memory|GB|B/);
  });

  test('what fails everywhere is skipped with its reason, and the search goes on', () => {
    const sim = new Simulation();
    sim.join();
    sim.submit(searched({ budget: { trials: 20, deviceHours: null, joules: null } }));
    const failed: Ending = { failure: failure('model-unsupported', 'not to be opened') };
    runAll(sim, 'node-a', ({ position }) =>
      position > 40 ? failed : { decodeTokensPerSecond: 100 + position },
    );
    const standing = status(sim);
    expect(standing.state).toBe('done');
    expect(standing.failed).toBeGreaterThan(0);
    expect(standing.complete).toBeGreaterThan(5);
  });
});
