import { describe, expect, test } from 'vitest';
import type { Command } from '../../../coordinator/scheduler/commands.js';
import { wakeWaiting } from '../../../coordinator/scheduler/waking.js';
import { aNode, aRecord } from '../../support/wire-records.js';
import { aView, Simulation } from './simulation.js';

const wokenBy = (commands: readonly Command[]): string[] =>
  commands.flatMap((command) => (command.command === 'wake' ? command.node : []));

/** Nodes that have asked in vain. */
function waiting(count: number, labels: (index: number) => Record<string, string> = () => ({})): Simulation {
  const sim = new Simulation();
  for (let index = 0; index < count; index += 1) {
    sim.join(`n${index}`, [], { labels: labels(index) });
    sim.ask(`n${index}`);
  }
  return sim;
}

const ask = (sim: Simulation, node: string) =>
  sim.send({ event: 'work-requested', now: sim.now, at: '', node, deviceId: 'cpu0' });

describe('slots that wait', () => {
  test('are woken by as many as there are points, who has waited longest first', () => {
    const sim = waiting(1000);
    sim.submit(aView({ count: 2, blockSize: 1 }));
    // One more than there are points: whether another has some to share is known when somebody has asked.
    expect(wokenBy(wakeWaiting(sim.state))).toEqual(['n0', 'n1', 'n2']);
    expect([sim.ask('n0'), sim.ask('n1')].every((lease) => lease !== null)).toBe(true);
    expect(sim.ask('n2')).toBeNull();
    expect(wokenBy(wakeWaiting(sim.state))).toEqual([]);
    expect(sim.state.waiting.size).toBeGreaterThan(990);
  });

  test('are woken few at a time, and whoever is served wakes the next, until all have work', () => {
    const sim = waiting(500);
    sim.submit(aView({ count: 5000, blockSize: 4 }));
    const woken = wokenBy(wakeWaiting(sim.state));
    expect(woken).toHaveLength(64);
    for (const node of woken) woken.push(...wokenBy(ask(sim, node)));
    expect(new Set(woken).size).toBe(500);
    expect([sim.state.leases.size, sim.state.waiting.size]).toEqual([500, 0]);
  });

  test('are left alone where the sweep wants other nodes, also by thousands before those that it wants', () => {
    const sim = waiting(2000, (index): Record<string, string> => (index === 1999 ? { zone: 'lab' } : {}));
    sim.submit(aView({ count: 3, blockSize: 1, nodeSelector: { zone: ['lab'] } }));
    const seen: string[] = [];
    for (let event = 0; event < 10; event += 1) seen.push(...wokenBy(wakeWaiting(sim.state)));
    expect(seen).toEqual(['n1999']);
  });

  test('are all told when the last sweep is done, and not again when something else is written', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1 }));
    for (let index = 0; index < 100; index += 1) sim.join(`n${index}`);
    const lease = sim.ask('n0')!;
    for (let index = 1; index < 100; index += 1) expect(sim.ask(`n${index}`)).toBeNull();
    wakeWaiting(sim.state);
    sim.append([{ fact: 'ResultRecorded', record: aRecord(lease, aNode('n0')) }]);
    const told = wokenBy(wakeWaiting(sim.state));
    expect(new Set(told).size).toBe(99);
    for (const node of told) expect(ask(sim, node)).toMatchObject([{ command: 'no-work', idle: true }]);
    sim.append([{ fact: 'NodeCordoned', node: 'n5', reason: 'noise', at: '' }]);
    expect(wokenBy(wakeWaiting(sim.state))).toEqual([]);
  });

  test('of a node are woken when another of its devices becomes free', () => {
    const sim = new Simulation();
    const device = (id: string) => ({ id, classes: ['cpu'], name: id, memoryBytes: 8e9, cpus: [0] });
    sim.join('twins', [], { devices: [device('cpu0'), device('cpu1')] });
    sim.join('other');
    sim.submit(aView({ count: 2, blockSize: 1 }));
    const lease = sim.ask('twins', 'cpu0')!;
    sim.ask('other');
    expect(sim.ask('twins', 'cpu1')).toBeNull();
    expect(wokenBy(wakeWaiting(sim.state))).toEqual([]);
    sim.append([{ fact: 'ResultRecorded', record: aRecord(lease, aNode('twins')) }]);
    expect(wokenBy(wakeWaiting(sim.state))).toEqual(['twins']);
  });

  test('by thousands ask by themselves less often', () => {
    const sim = waiting(3000);
    sim.submit(aView({ count: 1 }));
    sim.ask('n0');
    expect(ask(sim, 'n1')).toMatchObject([{ command: 'no-work', idle: false, retrySeconds: 2999 / 500 }]);
  });
});
