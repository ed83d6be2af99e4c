import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../coordinator/log/log.js';
import { damageOf } from '../../../coordinator/scheduler/damage.js';
import { inNamespace, inTurn, quotaRefusal } from '../../../coordinator/scheduler/namespaces.js';
import type { SchedulerOptions } from '../../../coordinator/scheduler/state.js';
import { aRecord } from '../../support/wire-records.js';
import { aView, Simulation, type ViewChange } from './simulation.js';

/** A coordinator on whose nodes each trial takes so many seconds of the clock, by namespace. */
class Fleet extends Simulation {
  readonly order: string[] = [];

  submitIn(namespace: string, sweepId: string, change: ViewChange = {}, priority = 0): void {
    const view = aView({ sweepId, prefix: sweepId, count: 100, blockSize: 1, ...change });
    this.submit(inNamespace(view, namespace), { priority });
  }

  /** One trial after the other on a device. @returns whose they were. */
  work(trials: number, seconds: (sweepName: string) => number = () => 10): string[] {
    const before = this.order.length;
    for (let n = 0; n < trials; n += 1) {
      const lease = this.ask();
      if (lease === null) break;
      const view = this.views.get(lease.sweepId)!;
      const startedAt = '2026-11-30T00:00:00.000Z';
      const endedAt = new Date(Date.parse(startedAt) + seconds(view.name) * 1000).toISOString();
      const profile = this.state.nodes.get('node-a')!.profile;
      this.report({ ...aRecord(lease, profile), startedAt, endedAt });
      this.order.push(view.namespace);
    }
    return this.order.slice(before);
  }
}

function fleet(namespaces: SchedulerOptions['namespaces'] = {}): Fleet {
  const made = new Fleet({ namespaces });
  made.join();
  return made;
}

const count = (turns: readonly string[], namespace: string) =>
  turns.filter((turn) => turn === namespace).length;

describe('namespaces', () => {
  test('share a device by their weights, however many sweeps each has and whoever came first', () => {
    const sim = fleet({ a: { weight: 2 } });
    sim.submitIn('b', 's1');
    for (const id of ['s2', 's3', 's4']) sim.submitIn('b', id);
    sim.submitIn('a', 's5');
    const turns = sim.work(90);
    expect([count(turns, 'a'), count(turns, 'b')]).toEqual([60, 30]);
  });

  test('share time and not trials: what takes longer than was thought is made up for', () => {
    const sim = fleet();
    sim.submitIn('long', 's1');
    sim.submitIn('short', 's2');
    const turns = sim.work(88, (name) => (name.endsWith('s1') ? 100 : 10));
    expect(count(turns, 'short') / count(turns, 'long')).toBeGreaterThan(7);
    expect(count(turns, 'short') / count(turns, 'long')).toBeLessThan(13);
  });

  test('who comes late waits for a block, and gets nothing for the time before', () => {
    const sim = fleet();
    sim.submitIn('early', 's1');
    sim.work(50);
    sim.submitIn('late', 's2');
    const turns = sim.work(20);
    expect(turns.slice(0, 2)).toContain('late');
    expect(count(turns, 'late')).toBe(10);
  });

  test('have quotas of trials at a time, and of device-hours; others go on', () => {
    const sim = fleet({ a: { runningTrials: 1 }, b: { deviceHours: 0.05 } });
    sim.join('node-b');
    sim.submitIn('a', 's1');
    const [first, second] = [sim.ask('node-a'), sim.ask('node-b')];
    expect([first !== null, second]).toEqual([true, null]);
    expect(quotaRefusal(sim.state, 'a')).toBe('the namespace a runs 1 trials, as many as it may at a time');
    sim.submitIn('b', 's2');
    // Ten trials of 20 s are more than 0.05 hours.
    const profile = sim.state.nodes.get('node-b')!.profile;
    let measured = 0;
    for (let lease = sim.ask('node-b'); lease !== null; lease = sim.ask('node-b')) {
      const [startedAt, endedAt] = ['2026-11-30T00:00:00.000Z', '2026-11-30T00:00:20.000Z'];
      sim.report({ ...aRecord(lease, profile), startedAt, endedAt });
      measured += 1;
    }
    expect(measured).toBe(9);
    expect(quotaRefusal(sim.state, 'b')).toBe('the namespace b has used 0.1 of its 0.05 device-hours');
    // It is in the log, so that a restart changes nothing.
    const { usage } = sim.state;
    sim.restart();
    expect(sim.state.usage).toEqual(usage);
  });

  test.each([
    { quota: 'device-hours', policy: { deviceHours: 0.001 }, driftControl: false },
    {
      quota: 'device-hours, with the closing control left',
      policy: { deviceHours: 0.001 },
      driftControl: true,
    },
    { quota: 'trials at a time', policy: { runningTrials: 1 }, driftControl: false },
  ])('used up in the middle of a block, $quota leave the device to others', ({ policy, driftControl }) => {
    const sim = fleet({ poor: policy });
    sim.join('node-b');
    sim.submitIn('poor', 's1', { count: 30, blockSize: 8, driftControl });
    const profileOf = (node: string) => sim.state.nodes.get(node)!.profile;
    const first = sim.ask('node-b')!;
    const [startedAt, endedAt] = ['2026-11-30T00:00:00.000Z', '2026-11-30T00:00:20.000Z'];
    sim.report({ ...aRecord(first, profileOf('node-b')), startedAt, endedAt });
    // Where trials at a time are limited, the other node begins one meanwhile.
    sim.ask('node-a');
    expect(quotaRefusal(sim.state, sim.views.get(first.sweepId)!.namespace)).not.toBeNull();
    sim.submitIn('rich', 's2', { count: 12 });
    const names: string[] = [];
    for (let lease = sim.ask('node-b'); lease !== null; lease = sim.ask('node-b')) {
      names.push(sim.views.get(lease.sweepId)!.namespace);
      sim.report(aRecord(lease, profileOf('node-b')));
    }
    expect(names).toEqual(Array.from({ length: 12 }, () => 'rich'));
  });

  test('of one namespace the higher priority goes first, then who came first', () => {
    const sim = fleet();
    sim.submitIn('a', 's1');
    sim.submitIn('a', 's2', {}, 5);
    sim.submitIn('a', 's3', {}, 5);
    const names = () => [...inTurn(sim.state)].map(({ view }) => view.name);
    expect(names()).toEqual(['sweep s2', 'sweep s3', 'sweep s1']);
    sim.submitIn('a', 's1', {}, 9);
    expect(names()).toEqual(['sweep s1', 'sweep s2', 'sweep s3']);
  });

  test('take nothing over from each other, though they ask for the same', () => {
    const sim = fleet();
    const same = { prefix: 'x', count: 3 };
    sim.submitIn('a', 's1', same);
    expect(sim.work(10)).toEqual(['a', 'a', 'a']);
    sim.submitIn('b', 's1', same);
    expect(sim.work(10)).toEqual(['b', 'b', 'b']);
    sim.submitIn('a', 's2', same);
    expect(sim.work(10)).toEqual([]);
    expect(sim.log.filter(({ fact }) => fact === 'ResultReused')).toHaveLength(3);
  });

  test('are left out of a log for the usual one, and of its ids; facts that cannot be are damage', () => {
    const view = aView();
    expect(inNamespace(view, 'default')).toBe(view);
    expect(inNamespace(view, 'a').sweepId).not.toBe(inNamespace(view, 'b').sweepId);
    const { state } = fleet();
    const submitted = {
      fact: 'SweepSubmitted',
      sweepId: 's1',
      document: '',
      models: [],
      submitter: '',
      at: '',
    };
    expect(damageOf(state, submitted as Fact)).toBeNull();
    for (const bad of [{ namespace: '../x' }, { namespace: 7 }, { priority: 0.5 }]) {
      expect(damageOf(state, { ...submitted, ...bad } as unknown as Fact)).toMatch(/no namespace/);
    }
    expect(damageOf(state, { fact: 'NodeCordoned', node: '', reason: 'x', at: '' })).toMatch(
      /a cordon without/,
    );
  });
});

test('a cordoned node finishes what it runs, gets nothing more, and is cordoned after a restart; others take over its block', () => {
  const sim = fleet();
  sim.join('node-b');
  sim.submit(aView({ count: 4, blockSize: 4 }));
  const lease = sim.ask()!;
  const cordon = { at: '', node: 'node-a', reason: 'a fan is loud' };
  sim.send({ event: 'cordon-requested', ...cordon });
  sim.report(aRecord(lease, sim.state.nodes.get('node-a')!.profile));
  expect(sim.ask()).toBeNull();
  expect(sim.ask('node-b')).not.toBeNull();
  // The same again is no news.
  const entries = sim.log.length;
  sim.send({ event: 'cordon-requested', ...cordon });
  expect(sim.log).toHaveLength(entries);
  sim.restart();
  sim.join();
  expect(sim.ask()).toBeNull();
  sim.send({ event: 'uncordon-requested', ...cordon });
  expect(sim.ask()).not.toBeNull();
});
