import { describe, expect, test } from 'vitest';
import { failure } from '../../../core/errors.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { aView, runAll, Simulation, status } from './simulation.js';

describe('things that go wrong', () => {
  test('an expired lease returns its point, and the late result still counts once', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1 }));
    sim.join('node-a');
    sim.join('node-b');
    const lost = sim.ask('node-a')!;
    const commands = sim.tick(31);
    expect(commands).toContainEqual(
      expect.objectContaining({ command: 'stop-trial', trialId: lost.trialId }),
    );
    const again = sim.ask('node-b')!;
    expect(again.position).toBe(lost.position);
    expect(again.attempt).toBe(2);
    sim.report(aRecord(again, aNode('node-b')));
    sim.report(aRecord(lost));
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1 });
    const track = sim.state.sweeps.get('s1')!.queues.get('')!;
    expect(track.settled.get(0)?.trialId).toBe(again.trialId);
    expect(sim.log.filter((fact) => fact.fact === 'ResultRecorded')).toHaveLength(2);
  });

  test('a heartbeat keeps a lease alive', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1 }));
    sim.join();
    const lease = sim.ask()!;
    for (let beat = 0; beat < 5; beat += 1) {
      sim.send({ event: 'heartbeat', now: sim.now, node: 'node-a', trialIds: [lease.trialId] });
      sim.tick(20);
    }
    expect(sim.state.leases.has(lease.trialId)).toBe(true);
  });

  test('a point that keeps losing its nodes is given up', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 1 }));
    sim.join();
    let lost = 0;
    while (sim.ask() !== null) {
      sim.tick(31);
      lost += 1;
      expect(lost).toBeLessThan(10);
    }
    expect(status(sim)).toMatchObject({ state: 'done', failed: 1 });
    expect(sim.log.at(-1)).toMatchObject({ reason: expect.stringMatching(/^lease-lost: 4 times/) });
  });

  test('an agent that died and came back returns what it ran, at once', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1 }));
    sim.join('node-a', [], {}, 'first');
    const lost = sim.ask()!;
    sim.join('node-a', [], {}, 'second');
    expect(sim.ask()?.position).toBe(lost.position);
  });

  test('a node that went silent gives its block to the others', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, blockSize: 4 }));
    sim.join('node-a');
    sim.ask('node-a');
    sim.send({ event: 'node-disconnected', now: sim.now, node: 'node-a' });
    sim.tick(61);
    expect(sim.state.nodes.get('node-a')?.lost).toBe(true);
    sim.join('node-b');
    expect(runAll(sim, 'node-b')).toHaveLength(4);
  });

  test('a node that is gone for good is forgotten, unless it holds a lease; the log does not miss it', () => {
    const sim = new Simulation({ forgetSeconds: 1000, leaseSeconds: 5000 });
    sim.submit(aView({ count: 3, blockSize: 1 }));
    for (const name of ['idle', 'working', 'there']) sim.join(name);
    const held = sim.ask('working')!;
    sim.report(aRecord(sim.ask('idle')!, aNode('idle')));
    for (const node of ['idle', 'working']) sim.send({ event: 'node-disconnected', now: sim.now, node });
    const names = () => [...sim.state.nodes.keys()];
    sim.tick(999);
    expect(names()).toEqual(['idle', 'working', 'there']);
    // `there` is as silent, but its stream is open.
    sim.tick(2);
    expect(names()).toEqual(['working', 'there']);
    const before = sim.durable();
    expect(sim.state.leases.get(held.trialId)?.node).toBe('working');
    sim.tick(5000);
    expect(sim.state.leases.size).toBe(0);
    sim.tick(1);
    expect(names()).toEqual(['there']);
    // A result that comes late counts all the same, and who comes back is new.
    sim.report(aRecord(held, aNode('working')));
    expect(status(sim).complete).toBe(2);
    sim.join('idle', ['t-unknown']);
    expect(sim.ask('idle')).not.toBeNull();
    // Where too much is known of nodes, one that is lost goes at once.
    sim.join('stranger');
    sim.send({ event: 'node-disconnected', now: sim.now, node: 'stranger' });
    const crowded = () => sim.send({ event: 'tick', now: sim.now, at: '', crowded: true });
    crowded();
    expect(names()).toContain('stranger');
    sim.tick(61);
    crowded();
    expect(names()).not.toContain('stranger');
    const after = sim.durable();
    expect(after).not.toEqual(before);
    sim.restart();
    expect(sim.durable()).toEqual(after);
  });

  test('a node that leaves on purpose returns its trials without blame', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2 }));
    sim.join('node-a');
    const lease = sim.ask('node-a')!;
    sim.send({ event: 'node-leaving', now: 0, node: 'node-a', returnedTrialIds: [lease.trialId] });
    sim.join('node-b');
    const again = runAll(sim, 'node-b');
    expect(again).toHaveLength(2);
    expect(again.every((one) => one.attempt === 1)).toBe(true);
  });

  test('after a restart a running trial is taken up again from its id alone', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2 }));
    sim.join('node-a');
    const lease = sim.ask('node-a')!;
    sim.restart();
    const answers = sim.join('node-a', [lease.trialId, 't.gone.0.m0.1.x', 'nonsense']);
    expect(answers).toContainEqual({
      command: 'unknown-trials',
      trialIds: ['t.gone.0.m0.1.x', 'nonsense'],
    });
    sim.join('node-b');
    expect(runAll(sim, 'node-b').map((one) => one.position)).not.toContain(lease.position);
    sim.report(aRecord(lease));
    expect(status(sim)).toMatchObject({ state: 'done', complete: 2 });
  });

  test('a cancelled sweep stops its trials, deals no more, and goes on when submitted again', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3 }));
    sim.join();
    const lease = sim.ask()!;
    const commands = sim.send({ event: 'cancel-requested', at: '', sweepId: 's1', reason: 'enough' });
    expect(commands).toContainEqual({
      command: 'stop-trial',
      node: 'node-a',
      trialId: lease.trialId,
      reason: 'enough',
    });
    sim.report(aRecord(lease, aNode(), { failure: failure('cancelled', 'Stopped.') }));
    expect(sim.ask()).toBeNull();
    expect(status(sim).state).toBe('cancelled');
    sim.submit(aView({ count: 3 }));
    expect(runAll(sim)).toHaveLength(3);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 3 });
  });

  test('a paused sweep finishes what runs, deals no more, also after a restart, and goes on where it was', () => {
    const sim = new Simulation();
    const view = aView({ count: 6, blockSize: 3 });
    sim.submit(view);
    sim.submit(aView({ sweepId: 's2', count: 2, prefix: 'y' }));
    sim.join();
    const lease = sim.ask()!;
    expect(lease.sweepId).toBe('s1');
    const pause = {
      event: 'pause-requested',
      at: '',
      sweepId: 's1',
      reason: 'the machine is needed',
    } as const;
    const commands = sim.send(pause);
    expect(commands.map(({ command }) => command)).toEqual(['append']);
    expect(sim.send(pause)).toEqual([]);
    expect(status(sim)).toMatchObject({ state: 'paused', queued: 6 });
    const { trialIds } = { trialIds: [lease.trialId] };
    // Neither a heartbeat nor a coordinator that was started again stops what runs.
    expect(sim.send({ event: 'heartbeat', now: sim.now, node: 'node-a', trialIds })).toEqual([]);
    sim.restart();
    expect(sim.join('node-a', trialIds)).toContainEqual({ command: 'unknown-trials', trialIds: [] });
    sim.report(aRecord(lease));
    expect(status(sim)).toMatchObject({ state: 'paused', complete: 1, queued: 5 });
    // Others go on meanwhile.
    expect(runAll(sim).map(({ sweepId }) => sweepId)).toEqual(['s2', 's2']);
    sim.send({ event: 'resume-requested', at: '', sweepId: 's1', reason: 'it is free' });
    const rest = runAll(sim).map(({ position }) => position);
    expect([...rest, lease.position].sort()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(status(sim).state).toBe('done');
  });

  test('a cancelled sweep cannot be paused, and one that was paused is not when it is submitted again', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2 }));
    sim.join();
    sim.send({ event: 'pause-requested', at: '', sweepId: 's1', reason: 'wait' });
    sim.send({ event: 'cancel-requested', at: '', sweepId: 's1', reason: 'enough' });
    expect(sim.send({ event: 'pause-requested', at: '', sweepId: 's1', reason: 'wait' })).toEqual([]);
    expect(status(sim).state).toBe('cancelled');
    sim.submit(aView({ count: 2 }));
    expect(runAll(sim)).toHaveLength(2);
  });

  test('a draining coordinator leases nothing and tells everybody', () => {
    const sim = new Simulation();
    sim.submit(aView());
    sim.join();
    expect(sim.send({ event: 'drain', reason: 'stop' })).toEqual([
      { command: 'pause-node', node: 'node-a', reason: 'stop' },
    ]);
    expect(sim.ask()).toBeNull();
  });

  test('a node that is asked to leave gets nothing more, its block goes to others, and another agent there begins anew', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, blockSize: 4 }));
    sim.join('node-a', [], {}, 'first');
    const lease = sim.ask('node-a')!;
    expect(sim.send({ event: 'drain-requested', node: 'node-a', reason: 'repair' })).toContainEqual({
      command: 'drain-node',
      node: 'node-a',
      reason: 'repair',
    });
    sim.join('node-b');
    expect(runAll(sim, 'node-b')).toHaveLength(3);
    sim.report(aRecord(lease));
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4 });
    sim.submit(aView({ sweepId: 's2', prefix: 'y' }));
    sim.join('node-a', [], {}, 'first');
    expect(sim.ask('node-a')).toBeNull();
    sim.join('node-a', [], {}, 'second');
    expect(sim.ask('node-a')).not.toBeNull();
  });

  test('what could not be written is not acknowledged and not lost', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1 }));
    sim.join();
    const lease = sim.ask()!;
    sim.diskFull = true;
    expect(sim.report(aRecord(lease))).toEqual([]);
    expect(status(sim)).toMatchObject({ complete: 0 });
    expect(sim.report(aRecord(lease))).toContainEqual({ command: 'acknowledge', trialId: lease.trialId });
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1 });
  });
});
