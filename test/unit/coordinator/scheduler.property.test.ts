import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Fact } from '../../../coordinator/log/log.js';
import { inNamespace, policyOf } from '../../../coordinator/scheduler/namespaces.js';
import { sweepStatus } from '../../../coordinator/scheduler/status.js';
import type { SweepView } from '../../../coordinator/scheduler/view.js';
import { failure } from '../../../core/errors.js';
import type { Lease } from '../../../core/experiment/lease.js';
import { forAll } from '../../support/for-all.js';
import { aNode, aRecord, crashed, type Ending } from '../../support/wire-records.js';
import { aView, Simulation } from './simulation.js';

const NODES = ['node-a', 'node-b', 'node-c'] as const;
const ENDINGS: readonly Ending[] = [
  {},
  {},
  { valid: false },
  { warnings: ['cpu-steal', 'shared-core'] },
  { failure: crashed },
  { failure: failure('model-missing', 'No such file.') },
  { failure: failure('model-unreadable', 'Cut off.') },
  { failure: failure('cancelled', 'Stopped.') },
];

const node = fc.constantFrom(...NODES);
const operation = fc.oneof(
  { weight: 8, arbitrary: fc.record({ op: fc.constant('ask' as const), node }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('report' as const),
      pick: fc.nat(),
      ending: fc.nat(ENDINGS.length - 1),
    }),
  },
  // A report that comes again: after a lost acknowledgement, or from the spool.
  { weight: 2, arbitrary: fc.record({ op: fc.constant('repeat' as const), pick: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('tick' as const), seconds: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('heartbeat' as const), node }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('rejoin' as const), node, alive: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('leave' as const), node }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('restart' as const) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('disk-full' as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('cancel' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom('pause' as const, 'resume' as const), sweep: fc.nat(4) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('submit' as const), sweep: fc.nat(4), priority: fc.nat(2) }),
  },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const COUNT = 9;
const views = [
  aView({ sweepId: 's0', count: COUNT, blockSize: 4, driftControl: true, retries: 1 }),
  // Shares its first points with the other one, so that reuse takes part too.
  aView({ sweepId: 's1', count: COUNT + 3, blockSize: 5, retries: 2, startsPolicy: { starts: 2 } }),
  // Starts are spent until the interval is narrow, which identical trials make it at once.
  aView({
    sweepId: 's2',
    count: COUNT,
    blockSize: 5,
    startsPolicy: { starts: 2, maxStarts: 4, retryInvalid: 0 },
  }),
  inNamespace(aView({ sweepId: 's3', prefix: 'y', count: COUNT, driftControl: true }), 'few'),
  inNamespace(aView({ sweepId: 's4', prefix: 'z', count: COUNT, blockSize: 8 }), 'poor'),
];

/** Trials take a second here. */
const NAMESPACES = { few: { runningTrials: 1 }, poor: { deviceHours: 5 / 3600 } };

/**
 * What the facts of a sweep make of it: one that is submitted again goes on where it was cancelled, and waits
 * where it was paused.
 */
function standingOf(facts: readonly Fact[]): 'running' | 'paused' | 'cancelled' {
  let standing: 'running' | 'paused' | 'cancelled' = 'running';
  for (const { fact } of facts) {
    if (fact === 'SweepCancelled') standing = 'cancelled';
    else if (fact === 'SweepPaused' && standing === 'running') standing = 'paused';
    else if (fact === 'SweepResumed' || (fact === 'SweepSubmitted' && standing === 'cancelled'))
      standing = 'running';
  }
  return standing;
}

/** Cheaper than an expectation: this runs tens of thousands of times. */
function ensure(holds: boolean, sentence: string): void {
  if (!holds) throw new Error(sentence);
}

/** Agents and their spools: what survives whatever happens to the coordinator. */
class World {
  readonly sim = new Simulation({ namespaces: NAMESPACES });
  readonly running = new Map<string, Lease[]>(NODES.map((name) => [name, []]));
  readonly sent: ReturnType<typeof aRecord>[] = [];

  constructor() {
    for (const view of views) this.sim.submit(view);
    for (const name of NODES) this.sim.join(name);
  }

  run(operation: Operation): void {
    const { sim } = this;
    switch (operation.op) {
      case 'ask': {
        const lease = sim.ask(operation.node) ?? sim.ask(operation.node) ?? sim.ask(operation.node);
        if (lease !== null) this.running.get(operation.node)!.push(lease);
        // Asked thrice: what was settled by the way is settled by then.
        else if (this.out().every((one) => one.node !== operation.node)) {
          const waiting = views.find((view) => this.mayUse(view));
          ensure(
            waiting === undefined,
            `${operation.node} is idle though ${waiting?.namespace} may use it for ${waiting?.sweepId}`,
          );
        }
        return;
      }
      case 'report': {
        const all = NODES.flatMap((name) => this.running.get(name)!.map((lease) => ({ name, lease })));
        const chosen = all[operation.pick % Math.max(1, all.length)];
        if (chosen === undefined) return;
        const record = aRecord(chosen.lease, aNode(chosen.name), ENDINGS[operation.ending]);
        this.sent.push(record);
        this.drop(chosen.name, chosen.lease);
        sim.report(record);
        return;
      }
      case 'repeat': {
        const record = this.sent[operation.pick % Math.max(1, this.sent.length)];
        if (record !== undefined) sim.report(record);
        return;
      }
      case 'tick':
        sim.tick(operation.seconds);
        return;
      case 'heartbeat': {
        const trialIds = this.running.get(operation.node)!.map((lease) => lease.trialId);
        sim.send({ event: 'heartbeat', now: sim.now, node: operation.node, trialIds });
        return;
      }
      case 'rejoin': {
        if (!operation.alive) this.running.set(operation.node, []);
        const trialIds = this.running.get(operation.node)!.map((lease) => lease.trialId);
        sim.join(
          operation.node,
          trialIds,
          {},
          operation.alive ? operation.node : `${operation.node}-${sim.now}`,
        );
        return;
      }
      case 'leave': {
        const trialIds = this.running.get(operation.node)!.map((lease) => lease.trialId);
        this.running.set(operation.node, []);
        sim.send({ event: 'node-leaving', now: sim.now, node: operation.node, returnedTrialIds: trialIds });
        return;
      }
      case 'restart': {
        const before = sim.durable();
        sim.restart();
        expect(sim.durable()).toEqual(before);
        for (const name of NODES)
          sim.join(
            name,
            this.running.get(name)!.map((lease) => lease.trialId),
          );
        return;
      }
      case 'disk-full':
        sim.diskFull = true;
        return;
      case 'cancel':
        sim.send({ event: 'cancel-requested', at: '', sweepId: 's0', reason: 'enough' });
        return;
      case 'pause':
      case 'resume': {
        const { sweepId } = views[operation.sweep]!;
        sim.send({ event: `${operation.op}-requested`, at: '', sweepId, reason: 'the machine is needed' });
        return;
      }
      case 'submit':
        sim.submit(views[operation.sweep]!, { priority: operation.priority });
        return;
    }
  }

  /**
   * Whether a sweep has a point that a node may certainly begin: nothing is known of it, nobody tries it, and
   * its namespace has something left. By the log and by who runs what, and not by what the scheduler says.
   */
  mayUse({ sweepId, namespace, count }: SweepView): boolean {
    const { log } = this.sim;
    const ofSweep = log.filter((fact) => 'sweepId' in fact && fact.sweepId === sweepId);
    if (standingOf(ofSweep) !== 'running') return false;
    const records = log.flatMap((fact) => (fact.fact === 'ResultRecorded' ? [fact.record] : []));
    const isHere = (id: string): boolean =>
      views.some((other) => other.sweepId === id && other.namespace === namespace);
    const { runningTrials, deviceHours } = policyOf({ namespaces: NAMESPACES }, namespace);
    const used = records.filter(({ sweep }) => isHere(sweep.id)).length;
    if (deviceHours !== null && used >= deviceHours * 3600) return false;
    const out = this.out();
    if (runningTrials !== null && out.filter((one) => isHere(one.sweepId)).length >= runningTrials)
      return false;
    const known = new Set(out.flatMap((one) => (one.sweepId === sweepId ? [one.position] : [])));
    for (const { sweep } of records) if (sweep.id === sweepId) known.add(sweep.position);
    for (const fact of ofSweep)
      if (fact.fact === 'ResultReused' || fact.fact === 'ExperimentGivenUp') known.add(fact.position);
    return known.size < count;
  }

  /** Trials that run, or whose records have not come into the log. */
  out(): { readonly node: string; readonly sweepId: string; readonly position: number }[] {
    const { recorded } = this.sim.state;
    const running = NODES.flatMap((name) =>
      this.running.get(name)!.map(({ sweepId, position }) => ({ node: name, sweepId, position })),
    );
    const sent = this.sent.filter(({ trialId }) => !recorded.has(trialId));
    return [
      ...running,
      ...sent.map(({ node, sweep }) => ({ node: node.name, sweepId: sweep.id, position: sweep.position })),
    ];
  }

  drop(name: string, lease: Lease): void {
    const list = this.running.get(name)!;
    list.splice(list.indexOf(lease), 1);
  }

  /** Every unsettled point is in one place: under a lease, in a block, in a queue, or not dealt yet. */
  check(): void {
    const { state } = this.sim;
    for (const sweep of state.sweeps.values()) {
      const blocks = [...state.nodes.values()].flatMap(({ slots }) => [...slots.values()]);
      ensure(
        sweep.paused === null || !blocks.some(({ block }) => block?.sweepId === sweep.view.sweepId),
        'a paused sweep still has a block',
      );
      const track = sweep.queues.get('')!;
      const leases = [...state.leases.values()].filter(
        (lease) => lease.sweepId === sweep.view.sweepId && lease.purpose === 'measure',
      );
      const leased = leases.map((lease) => lease.position);
      const pending = [...state.nodes.values()].flatMap((one) =>
        [...one.slots.values()].flatMap((lane) =>
          lane.block?.sweepId === sweep.view.sweepId ? lane.block.pending : [],
        ),
      );
      const held = [...leased, ...pending].filter((position) => !track.settled.has(position));
      ensure(new Set(held).size === held.length, 'a point is held twice');
      const ahead = new Set<number>();
      for (let index = track.cursor; index < sweep.view.count; index += 1)
        ahead.add(sweep.view.positionAt(index));
      const waiting = [...track.starts.waiting()];
      const queued = new Set([...ahead, ...track.returned, ...track.deferred, ...waiting, ...held]);
      for (let position = 0; position < sweep.view.count; position += 1) {
        ensure(queued.has(position) || track.settled.has(position), `point ${position} is lost`);
      }
      for (const position of track.inFlight) {
        ensure(held.includes(position), `point ${position} is out but nobody holds it`);
      }
      let useful = 0;
      for (const [position, starts] of track.starts) {
        ensure(!track.settled.has(position), 'a settled point still counts its starts');
        ensure(
          starts < sweep.view.startsPolicy.maxStarts,
          `point ${position} has more starts than it may have`,
        );
        useful += Math.min(starts, sweep.view.startsPolicy.starts - 1);
      }
      ensure(useful === track.starts.useful, 'starts are miscounted');
      const tally = { complete: 0, invalid: 0, failed: 0, reused: 0, disturbed: 0 };
      for (const outcome of track.settled.values()) {
        tally[outcome.state] += 1;
        if (outcome.reused) tally.reused += 1;
        if (outcome.state === 'complete' && outcome.gradingCodes.length > 0) tally.disturbed += 1;
        if (outcome.trialId !== null)
          ensure(state.recorded.has(outcome.trialId), 'an outcome without a record');
      }
      ensure(
        JSON.stringify(Object.entries(track.counts).sort()) === JSON.stringify(Object.entries(tally).sort()),
        'miscounted',
      );
    }
    const holders = [...state.leases.values()].map((lease) => `${lease.node}/${lease.deviceId}`);
    ensure(new Set(holders).size === holders.length, 'a device is held twice');
  }

  /** The storm is over: one healthy node finishes what is left. */
  finish(): void {
    const { sim } = this;
    sim.diskFull = false;
    for (const view of views) {
      if (sim.state.sweeps.get(view.sweepId)!.cancelled) sim.submit(view);
      sim.send({ event: 'resume-requested', at: '', sweepId: view.sweepId, reason: 'go on' });
    }
    sim.tick(1000);
    sim.join('healer');
    for (let asked = 0; asked < 1000; asked += 1) {
      const lease = sim.ask('healer');
      if (lease !== null) sim.report(aRecord(lease, aNode('healer')));
      else if (views.every((view) => this.isOver(view))) return;
    }
    throw new Error('the sweeps never finish');
  }

  /** Whether nothing of a sweep is left to do, or its namespace may not do it. */
  isOver({ sweepId, namespace }: SweepView): boolean {
    const { state } = this.sim;
    const { deviceHours } = policyOf({ namespaces: NAMESPACES }, namespace);
    const spent = deviceHours !== null && (state.usage.get(namespace) ?? 0) >= deviceHours * 3600;
    return spent || sweepStatus(state.sweeps.get(sweepId)!).state === 'done';
  }
}

test('no interleaving of leases, expiries, results, crashes and restarts loses or double counts a point', () => {
  forAll(200, [fc.array(operation, { minLength: 20, maxLength: 120, size: 'max' })], (operations) => {
    const world = new World();
    for (const one of operations) {
      world.run(one);
      world.check();
    }
    world.finish();
    world.check();
    for (const view of views) {
      const status = sweepStatus(world.sim.state.sweeps.get(view.sweepId)!);
      expect(world.isOver(view)).toBe(true);
      if (status.state !== 'done') continue;
      expect(status.points).toBe(view.count);
      expect(status.complete + status.invalid + status.failed).toBe(status.points);
    }
    for (const { sweepId, startsPolicy } of views) {
      const taken = world.sim.log.flatMap((fact) =>
        fact.fact === 'ResultReused' && fact.sweepId === sweepId ? [`${fact.position} ${fact.trialId}`] : [],
      );
      expect(new Set(taken).size, 'a start is taken over once').toBe(taken.length);
      const granted = world.sim.log.flatMap((fact) =>
        fact.fact === 'ResultRecorded' && fact.record.sweep.id === sweepId
          ? [fact.record.sweep.start ?? 0]
          : [],
      );
      expect(Math.max(0, ...granted)).toBeLessThanOrEqual(startsPolicy.maxStarts);
    }
    const trials = world.sim.log.flatMap((fact) =>
      fact.fact === 'ResultRecorded' ? [fact.record.trialId] : [],
    );
    expect(new Set(trials).size, 'a trial is in the log once').toBe(trials.length);
  });
});
