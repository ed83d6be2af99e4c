import { describe, expect, test } from 'vitest';
import type { Dispatcher } from '../../../coordinator/dispatcher.js';
import { MemoryLog } from '../../../coordinator/log/memory.js';
import { inNamespace } from '../../../coordinator/scheduler/namespaces.js';
import { longestWaits } from '../../../coordinator/scheduler/waits.js';
import { openDispatcher } from '../../support/dispatcher.js';
import { fakeSweep } from '../../support/sweeps.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { aView, Simulation } from './simulation.js';

const waitsOf = (sim: Simulation) => Object.fromEntries(longestWaits(sim.state, sim.now));

describe('what the next point of a sweep waits for', () => {
  test('a node, where none is here, and where none that is here may take it', () => {
    const sim = new Simulation();
    sim.tick(1);
    expect(waitsOf(sim)).toEqual({});
    sim.submit(aView({ count: 2, device: 'cuda' }));
    sim.tick(1);
    sim.tick(600);
    expect(waitsOf(sim)).toEqual({ node: 600 });
    sim.join();
    sim.ask();
    sim.tick(1);
    expect(waitsOf(sim)).toEqual({ node: 601 });
  });

  test('a node, where the points are too large for every device', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2, memoryBytes: () => 1e12 }));
    sim.join();
    expect(sim.ask()).toBeNull();
    sim.tick(1);
    expect(waitsOf(sim)).toEqual({ node: 0 });
  });

  test('a device, while all are busy: each lease begins the time anew', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3, blockSize: 3 }));
    sim.join();
    const first = sim.ask()!;
    sim.tick(1);
    sim.tick(25);
    expect(waitsOf(sim)).toEqual({ device: 25 });
    sim.report(aRecord(first));
    const second = sim.ask()!;
    expect(waitsOf(sim)).toEqual({});
    sim.tick(1);
    sim.tick(5);
    expect(waitsOf(sim)).toEqual({ device: 5 });
    sim.report(aRecord(second));
    sim.ask();
    sim.tick(1);
    // The last point runs, and no other waits.
    expect(waitsOf(sim)).toEqual({});
  });

  test('the coordinator, where a device has asked and is given nothing, and no longer when it is', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3 }));
    sim.send({ event: 'took-over', now: sim.now, nodes: ['gone'] });
    sim.join();
    expect(sim.ask()).toBeNull();
    sim.tick(1);
    sim.tick(20);
    expect(waitsOf(sim)).toEqual({ coordinator: 20 });
    sim.tick(20);
    expect(sim.ask()).not.toBeNull();
    sim.tick(1);
    expect(waitsOf(sim)).toEqual({ device: 0 });
  });

  test('its quota, or somebody who paused it', () => {
    const sim = new Simulation({ namespaces: { a: { runningTrials: 1 } } });
    sim.submit(inNamespace(aView({ count: 3 }), 'a'));
    sim.submit(aView({ sweepId: 'held', count: 3, prefix: 'y' }));
    sim.send({ event: 'pause-requested', at: '', sweepId: 'held', reason: 'not now' });
    sim.join();
    sim.join('node-b');
    sim.ask();
    sim.ask('node-b');
    sim.tick(1);
    sim.tick(7);
    expect(waitsOf(sim)).toEqual({ quota: 7, paused: 7 });
    sim.send({ event: 'resume-requested', at: '', sweepId: 'held', reason: 'now' });
    sim.tick(1);
    expect(waitsOf(sim)).toEqual({ quota: 8, device: 0 });
  });

  test('is found without looking at points: a sweep has a million', () => {
    const sim = new Simulation();
    const asked = () => {
      throw new Error('a point was looked at');
    };
    sim.submit({ ...aView({ count: 1e6 }), positionAt: asked, experimentAt: asked, identify: asked });
    sim.join();
    sim.tick(1);
    sim.tick(3);
    expect(waitsOf(sim)).toEqual({ device: 3 });
  });

  test('is forgotten by a coordinator that stands by', async () => {
    const clock = { now: () => 0, isoTime: () => '2025-01-01T00:00:00Z' };
    const dispatcher = await openDispatcher({ log: new MemoryLog(), clock });
    await dispatcher.submit(fakeSweep(2), [], 'test', false);
    await dispatcher.dispatch({ event: 'tick', now: 0, at: '' });
    expect([...longestWaits(dispatcher.state, 4)]).toEqual([['node', 4]]);
    await dispatcher.standDown('another leads');
    expect([...longestWaits(dispatcher.state, 4)]).toEqual([]);
  });
});

describe('how long a device waits for its lease', () => {
  /** Work is asked for by a device whose clock is moved by hand. */
  async function asking(log = new MemoryLog()) {
    const [waited, woken]: [number[], string[]] = [[], []];
    let now = 0;
    const dispatcher = await openDispatcher({
      log,
      clock: { now: () => now, isoTime: () => '2025-01-01T00:00:00Z' },
      leased: (seconds) => waited.push(seconds),
      push: (command) => {
        if (command.command === 'wake') woken.push(command.node);
      },
    });
    const join = (node = 'node-a') => {
      const profile = aNode(node);
      return dispatcher.dispatch({ event: 'node-joined', now, at: '', profile, instance: 'i', trialIds: [] });
    };
    const ask = async (node = 'node-a') => {
      const asked = { now, at: '', node, deviceId: 'cpu0' };
      const [reply] = await dispatcher.dispatch({ event: 'work-requested', ...asked });
      return reply?.command === 'grant' ? reply.lease : null;
    };
    const pass = (seconds: number) => {
      now += seconds;
    };
    return { dispatcher, waited, woken, join, ask, pass };
  }
  const submit = (dispatcher: Dispatcher, points = 3) =>
    dispatcher.submit(fakeSweep(points), [], 'test', false);

  test('is not counted while there is nothing to do, and counts from when the device is told that there is', async () => {
    const { dispatcher, waited, woken, join, ask, pass } = await asking();
    await join();
    expect(await ask()).toBeNull();
    pass(3600);
    await submit(dispatcher);
    expect(woken).toEqual(['node-a']);
    pass(0.25);
    expect(await ask()).not.toBeNull();
    expect(waited).toEqual([0.25]);
  });

  test('goes on while a takeover holds leases back', async () => {
    const { dispatcher, waited, join, ask, pass } = await asking();
    await submit(dispatcher);
    dispatcher.state.awaited = { nodes: new Set(['gone']), until: 30 };
    await join();
    expect(await ask()).toBeNull();
    pass(12);
    expect(await ask()).toBeNull();
    pass(18);
    await dispatcher.dispatch({ event: 'tick', now: 30, at: '' });
    expect(await ask()).not.toBeNull();
    expect(waited).toEqual([30]);
  });

  test('begins anew with each lease, and ends with a device that goes', async () => {
    const { dispatcher, waited, join, ask, pass } = await asking();
    await submit(dispatcher);
    await join();
    const lease = await ask();
    pass(60);
    await dispatcher.dispatch({ event: 'reported', at: '', record: aRecord(lease!) });
    expect(await ask()).not.toBeNull();
    expect(waited).toEqual([0, 0]);
    dispatcher.state.awaited = { nodes: new Set(['gone']), until: 1000 };
    await join('node-b');
    await ask('node-b');
    await dispatcher.dispatch({ event: 'node-disconnected', now: 60, node: 'node-b' });
    pass(500);
    dispatcher.state.awaited = null;
    await join('node-b');
    expect(await ask('node-b')).not.toBeNull();
    expect(waited).toEqual([0, 0, 0]);
  });

  test('counts a log that takes its time', async () => {
    /** Each append takes two seconds. */
    const held = { pass: (_seconds: number): void => undefined };
    class SlowLog extends MemoryLog {
      override async append(...appended: Parameters<MemoryLog['append']>) {
        held.pass(2);
        return super.append(...appended);
      }
    }
    const { dispatcher, waited, join, ask, pass } = await asking(new SlowLog());
    await submit(dispatcher);
    await join();
    held.pass = pass;
    // Its key is not in the log yet.
    dispatcher.state.leaseKey = null;
    expect(await ask()).not.toBeNull();
    expect(waited).toEqual([2]);
  });
});
