import { describe, expect, test } from 'vitest';
import { needsOf } from '../../../coordinator/scheduler/block-order.js';
import { refusal } from '../../../coordinator/scheduler/placement.js';
import { blockedReasons, failureReasons } from '../../../coordinator/scheduler/status.js';
import { failure } from '../../../core/errors.js';
import { SWEEP_LABEL } from '../../../core/experiment/node.js';
import { permute } from '../../../statistics/permutation.js';
import { aNode, anExperiment, aRecord, crashed } from '../../support/wire-records.js';
import { aView, runAll, Simulation, status } from './simulation.js';

/**
 * Files that are loaded and servers that are started, beside those of the same blocks in the order in which
 * their points are drawn.
 */
const CONTROLLED = { files: 34, servers: 56, drawn: { files: 78, servers: 87 } };
const PLAIN = { files: 28, servers: 51, drawn: { files: 77, servers: 85 } };

describe('dealing', () => {
  test('every point is measured once, in an order that is not the written one, and then the sweep is done', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 10 }));
    sim.join();
    const positions = runAll(sim).map((lease) => lease.position);
    expect([...positions].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(positions).not.toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 10, failed: 0, queued: 0 });
  });

  test('a block begins and ends with the same reference experiment, for every block of the device', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 12, blockSize: 6, driftControl: true }));
    sim.join();
    const leases = runAll(sim);
    expect(leases.map((lease) => lease.purpose).join(' ')).toBe(
      'control measure measure measure measure measure measure control ' +
        'control measure measure measure measure measure measure control',
    );
    const controls = leases.filter((lease) => lease.purpose === 'control');
    expect(new Set(controls.map((lease) => lease.experiment.id)).size).toBe(1);
    expect(leases.map((lease) => lease.block)).toEqual([...Array(8).fill(0), ...Array(8).fill(1)]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 12 });
  });

  test('a block of a few experiments runs without control', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3, blockSize: 6, driftControl: true }));
    sim.join();
    expect(runAll(sim).map((lease) => lease.purpose)).toEqual(['measure', 'measure', 'measure']);
  });

  test('points that share a server follow one another in a block, and their groups are as random as points', () => {
    const sim = new Simulation();
    const view = aView({ count: 12, blockSize: 12 });
    const served = (position: number) => ({
      kind: 'simulated-server',
      options: { simulatedChunkTokens: 1 + (position % 3) },
    });
    sim.submit({
      ...view,
      experimentAt: (at, node) => ({ ...view.experimentAt(at, node), runner: served(at) }),
    });
    sim.join('node-a', [], {
      runners: [
        { kind: 'simulated-server', release: 'test', devices: ['cpu'], variants: ['simulated-server'] },
      ],
    });
    const groups = runAll(sim).map(({ position }) => position % 3);
    expect(groups).toHaveLength(12);
    expect(groups.filter((group, i) => group !== groups[i - 1])).toHaveLength(3);
  });

  test.each([true, false])(
    '96 points over 6 files and 12 servers: each is loaded or started once a block (drift control: %s)',
    (driftControl) => {
      const sim = new Simulation();
      const view = aView({ count: 96, blockSize: 16, driftControl });
      const quantizations = ['base', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q3_k_m'];
      const experimentAt = (at: number, node: string | null) => {
        const plain = view.experimentAt(at, node);
        const technique = { ...plain.technique, quantization: quantizations[at % 6]! };
        const options = { contextTokens: 512 * (1 + (Math.floor(at / 6) % 2)) };
        return { ...plain, technique, runner: { kind: 'llama-server', options } };
      };
      const positionAt = (index: number) => permute(index, 96, 7);
      sim.submit({ ...view, experimentAt, positionAt });
      const server = { kind: 'llama-server', release: '1', devices: ['cpu'], variants: [] };
      sim.join('node-a', [], { runners: [server] });
      const leases = runAll(sim);
      const changes = (order: readonly number[], level: number) =>
        order
          .map((at) => needsOf(experimentAt(at, null))[level])
          .filter((need, i, all) => need !== all[i - 1]).length;
      const dealt = leases.map(({ position }) => position);
      const measured = leases.filter(({ purpose }) => purpose === 'measure');
      // The same blocks in the order in which their points are drawn.
      const blocks = Array.from({ length: 6 }, (_, n) =>
        [...Array(16)].map((_, i) => positionAt(16 * n + i)),
      );
      const control = driftControl ? [positionAt(0)] : [];
      const drawn = blocks.flatMap((block) => [...control, ...block, ...control]);
      for (const [n, block] of blocks.entries()) {
        const inBlock = measured.filter((lease) => lease.block === n).map(({ position }) => position);
        expect([...inBlock].sort()).toEqual([...block].sort());
      }
      const counted = { files: changes(dealt, 0), servers: changes(dealt, 1) };
      expect({ ...counted, drawn: { files: changes(drawn, 0), servers: changes(drawn, 1) } }).toEqual(
        driftControl ? CONTROLLED : PLAIN,
      );
      if (driftControl) {
        // The control's own group stands at the beginning and at the end by turns.
        const own = (n: number) => {
          const inBlock = measured.filter((lease) => lease.block === n);
          const same = inBlock.map(
            ({ position }) =>
              needsOf(experimentAt(position, null))[0] === needsOf(experimentAt(positionAt(0), null))[0],
          );
          return same.indexOf(true) === 0 ? 'first' : same.at(-1) === true ? 'last' : 'between';
        };
        expect([0, 1, 2, 3, 4, 5].map(own)).toEqual(['first', 'last', 'first', 'last', 'first', 'last']);
      }
    },
  );

  test('a device holds one lease at a time', () => {
    const sim = new Simulation();
    sim.submit(aView());
    sim.join();
    expect(sim.ask()).not.toBeNull();
    expect(sim.ask()).toBeNull();
  });

  test('two devices of a node work side by side on different points', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 8 }));
    const device = aNode().devices[0]!;
    sim.join('node-a', [], { devices: [device, { ...device, id: 'cpu1' }] });
    const first = sim.ask('node-a', 'cpu0');
    const second = sim.ask('node-a', 'cpu1');
    expect(first?.position).not.toBe(second?.position);
  });

  test('at the end of a sweep an idle node takes half of what waits in the block of another', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 8, blockSize: 8 }));
    sim.join('node-a');
    sim.join('node-b');
    const mine = sim.ask('node-a')!;
    const shared = runAll(sim, 'node-b').map((lease) => lease.position);
    expect(shared).toHaveLength(7);
    sim.report(aRecord(mine));
    expect(sim.ask('node-a')).toBeNull();
    expect(status(sim)).toMatchObject({ state: 'done', complete: 8 });
  });

  test('the first submitted sweep is served first', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 2, prefix: 'a' }));
    sim.submit(aView({ sweepId: 's2', count: 2, prefix: 'b' }));
    sim.join();
    expect(runAll(sim).map((lease) => lease.sweepId)).toEqual(['s1', 's1', 's2', 's2']);
  });

  test('a sweep of a billion points deals at once and remembers only what it dealt', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1_000_000_000, blockSize: 16 }));
    sim.join();
    for (let index = 0; index < 40; index += 1) sim.report(aRecord(sim.ask()!));
    const track = sim.state.sweeps.get('s1')!.queues.get('')!;
    expect(track.settled.size).toBe(40);
    expect(track.inFlight.size + track.returned.length + track.deferred.length).toBeLessThanOrEqual(16);
    expect(status(sim).queued).toBe(999_999_960);
  });
});

describe('retry policy', () => {
  test('an invalid row is tried again, and the last one is reported as it is', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 2 }));
    sim.join();
    const leases = runAll(sim, 'node-a', () => ({ valid: false }));
    expect(leases.map((lease) => lease.attempt)).toEqual([1, 2, 3]);
    expect(status(sim)).toMatchObject({ state: 'done', invalid: 1, complete: 0, failed: 0 });
    const outcome = sim.state.sweeps.get('s1')!.queues.get('')!.settled.get(0);
    expect(outcome?.trialId).toBe(leases[2]!.trialId);
  });

  test('a crash is tried again `retries` times and then given up with its reason', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 1 }));
    sim.join();
    expect(runAll(sim, 'node-a', () => ({ failure: crashed }))).toHaveLength(2);
    expect(status(sim)).toMatchObject({ state: 'done', failed: 1 });
    expect(sim.log.at(-1)).toMatchObject({ fact: 'ExperimentGivenUp', reason: 'crashed: The process died.' });
    expect(failureReasons(sim.state.sweeps.get('s1')!)).toEqual(['crashed: The process died.']);
  });

  test('what can never work is given up at once', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 5 }));
    sim.join();
    const never = failure('model-unreadable', 'The file is cut off.');
    expect(runAll(sim, 'node-a', () => ({ failure: never }))).toHaveLength(1);
    expect(status(sim)).toMatchObject({ failed: 1 });
  });

  test('what another node may do goes to another node and costs no attempt', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 0 }));
    sim.join('node-a');
    const missing = failure('model-missing', 'No such file.');
    expect(runAll(sim, 'node-a', () => ({ failure: missing }))).toHaveLength(1);
    expect(status(sim)).toMatchObject({ state: 'running', queued: 1 });
    expect(blockedReasons(sim.state, sim.state.sweeps.get('s1')!)).toEqual([
      'x0: model-missing: No such file.',
    ]);
    sim.join('node-b');
    expect(runAll(sim, 'node-b')).toHaveLength(1);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 1 });
  });

  test('with a fixed fleet it is given up when every node has refused', () => {
    const sim = new Simulation({ fixedFleet: true });
    sim.submit(aView({ count: 1, retries: 3 }));
    sim.join();
    runAll(sim, 'node-a', () => ({ failure: failure('model-missing', 'No such file.') }));
    expect(status(sim)).toMatchObject({ state: 'done', failed: 1 });
    expect(sim.log.at(-1)).toMatchObject({ reason: 'model-missing: No such file.' });
  });

  test('a trial stopped on purpose costs no attempt', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 1, retries: 0 }));
    sim.join();
    sim.report(aRecord(sim.ask()!, aNode(), { failure: failure('cancelled', 'Stopped.') }));
    expect(runAll(sim)).toHaveLength(1);
    expect(status(sim)).toMatchObject({ complete: 1 });
  });

  test('submitting the same sweep again takes up what was given up, and nothing else', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3, retries: 0 }));
    sim.join();
    runAll(sim, 'node-a', (lease) => (lease.position === 1 ? { failure: crashed } : {}));
    expect(status(sim)).toMatchObject({ complete: 2, failed: 1 });
    sim.submit(aView({ count: 3, retries: 0 }));
    expect(runAll(sim).map((lease) => lease.position)).toEqual([1]);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 3, failed: 0 });
  });
});

describe('a node selector', () => {
  const lab = { zone: ['lab'], gpu: ['h100', 'a100'] };

  test('gives points to nodes that have every label with a value asked for, and says what none has', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3, nodeSelector: lab }));
    const reasons = () => blockedReasons(sim.state, sim.state.sweeps.get('s1')!);
    expect(reasons()).toEqual(['no node is connected: `ridge agent` makes one of a machine']);
    sim.join('office', [], { labels: { zone: 'office', gpu: 'h100' } });
    expect(sim.ask('office')).toBeNull();
    expect(reasons()).toEqual(['no node has zone=lab; there is zone=office']);
    sim.join('plain', [], { labels: { zone: 'lab', toString: 'x' } });
    expect(sim.ask('plain')).toBeNull();
    expect(reasons()).toEqual(['no node has all of gpu=h100|a100, zone=lab']);
    sim.join('right', [], { labels: { zone: 'lab', gpu: 'a100', more: 'x' } });
    expect(reasons()).toEqual([]);
    expect(runAll(sim, 'right')).toHaveLength(3);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 3 });
  });

  test('leaves a node without work that lacks a label, and one that was given to the sweep takes it whatever its labels', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2, nodeSelector: lab }));
    sim.join('office', [], { labels: { zone: 'office' } });
    expect(
      sim.send({ event: 'work-requested', now: 0, at: '', node: 'office', deviceId: 'cpu0' }).at(-1),
    ).toMatchObject({ command: 'no-work', idle: true });
    sim.join('other', [], { labels: { [SWEEP_LABEL]: 's2', zone: 'lab', gpu: 'h100' } });
    expect(sim.ask('other')).toBeNull();
    sim.join('own', [], { labels: { [SWEEP_LABEL]: 's1' } });
    expect(runAll(sim, 'own')).toHaveLength(2);
  });

  test('is changed by submitting the sweep again: what was dealt and not begun goes to nodes that may run it now', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, blockSize: 4, nodeSelector: { zone: ['lab'] } }));
    sim.join('lab', [], { labels: { zone: 'lab' } });
    sim.join('office', [], { labels: { zone: 'office' } });
    const begun = sim.ask('lab')!;
    sim.submit(aView({ count: 4, blockSize: 4, nodeSelector: { zone: ['office'] } }));
    expect(runAll(sim, 'office')).toHaveLength(3);
    sim.report(aRecord(begun, aNode('lab')));
    expect(sim.ask('lab')).toBeNull();
    expect(status(sim)).toMatchObject({ state: 'done', complete: 4 });
  });

  test('makes only nodes that it selects values of the node axis', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 2, perNode: true, nodeSelector: { zone: ['lab'] } }));
    sim.join('lab', [], { labels: { zone: 'lab' } });
    sim.join('office', [], { labels: { zone: 'office' } });
    expect(runAll(sim, 'lab')).toHaveLength(2);
    expect(status(sim)).toMatchObject({ state: 'done', points: 2 });
  });
});

describe('placement', () => {
  test('a point that no connected node can hold stays queued with a reason, until a node can', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 4, memoryBytes: (position) => (position === 2 ? 20e9 : 1e9) }));
    sim.join('small');
    expect(runAll(sim, 'small').map((lease) => lease.position)).not.toContain(2);
    expect(status(sim)).toMatchObject({ state: 'running', complete: 3, queued: 1 });
    expect(blockedReasons(sim.state, sim.state.sweeps.get('s1')!)).toEqual([
      'x2: is predicted to need 20.0 GB; cpu0 of small has 8.00 GB',
    ]);
    const device = { ...aNode().devices[0]!, memoryBytes: 64e9 };
    sim.join('large', [], { memoryBytes: 64e9, devices: [device] });
    expect(runAll(sim, 'large').map((lease) => lease.position)).toEqual([2]);
  });

  test('with a fixed fleet it is given up as does-not-fit', () => {
    const sim = new Simulation({ fixedFleet: true });
    sim.submit(aView({ count: 4, memoryBytes: (position) => (position === 2 ? 20e9 : 1e9) }));
    sim.join();
    runAll(sim);
    expect(status(sim)).toMatchObject({ state: 'done', complete: 3, failed: 1 });
    expect(sim.log.find((fact) => fact.fact === 'ExperimentGivenUp')).toMatchObject({
      position: 2,
      reason: expect.stringMatching(/^does-not-fit: .* is predicted to need 20\.0 GB/),
    });
  });

  test('points that lack the same have one reason, said of the first', () => {
    const given = new Simulation({ fixedFleet: true });
    given.submit(aView({ device: 'cuda', count: 5 }));
    given.join();
    runAll(given);
    const [reason, ...others] = failureReasons(given.state.sweeps.get('s1')!);
    expect(reason).toMatch(/^does-not-fit: x\d needs a device of class cuda; .+ \(5 points\)$/);
    expect(others).toEqual([]);
    const waiting = new Simulation();
    waiting.submit(aView({ device: 'cuda', count: 5 }));
    waiting.join();
    expect(waiting.ask('node-a')).toBeNull();
    expect(blockedReasons(waiting.state, waiting.state.sweeps.get('s1')!)).toHaveLength(1);
  });

  test('a node without the device class or the runner gets nothing', () => {
    const sim = new Simulation();
    sim.submit(aView({ device: 'cuda' }));
    sim.join('node-a');
    sim.join('node-b', [], { runners: [] });
    expect(sim.ask('node-a')).toBeNull();
    expect(sim.ask('node-b')).toBeNull();
    expect(blockedReasons(sim.state, sim.state.sweeps.get('s1')!)[0]).toMatch(/needs a device of class cuda/);
  });

  test('thousands of unfit points do not hide the one that fits', () => {
    const sim = new Simulation();
    const view = aView({ count: 6000, memoryBytes: (position) => (position === 0 ? 1 : 1e12) });
    sim.submit({ ...view, positionAt: (index) => (index + 1) % 6000 });
    sim.join();
    let lease = null;
    for (let asked = 0; lease === null && asked < 5; asked += 1) lease = sim.ask();
    expect(lease?.position).toBe(0);
  });

  test('with perNode every node measures every point, as an experiment of its own', () => {
    const sim = new Simulation();
    sim.submit(aView({ count: 3, perNode: true }));
    sim.join('node-a');
    sim.join('node-b');
    expect(
      runAll(sim, 'node-a')
        .map((lease) => lease.experiment.id)
        .sort(),
    ).toEqual(['x0@node-a', 'x1@node-a', 'x2@node-a']);
    expect(status(sim)).toMatchObject({ state: 'running', points: 6, complete: 3 });
    expect(runAll(sim, 'node-b')).toHaveLength(3);
    expect(status(sim)).toMatchObject({ state: 'done', points: 6, complete: 6 });
  });
});

describe('reuse', () => {
  test('an experiment that was measured before is taken over, not run', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 3 }));
    sim.join();
    const first = runAll(sim);
    sim.submit(aView({ sweepId: 's2', count: 5 }));
    expect(
      runAll(sim)
        .map((lease) => lease.position)
        .sort(),
    ).toEqual([3, 4]);
    expect(status(sim, 's2')).toMatchObject({ state: 'done', complete: 5, reused: 3 });
    const taken = sim.state.sweeps.get('s2')!.queues.get('')!.settled.get(first[0]!.position);
    expect(taken).toMatchObject({ trialId: first[0]!.trialId, reused: true });
  });

  test('an invalid or failed one is not', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 2, retries: 0 }));
    sim.join();
    runAll(sim, 'node-a', (lease) => (lease.position === 0 ? { valid: false } : { failure: crashed }));
    sim.submit(aView({ sweepId: 's2', count: 2 }));
    expect(runAll(sim)).toHaveLength(2);
  });

  test('nor is one of another engine release than the node would use', () => {
    const sim = new Simulation();
    sim.submit(aView({ sweepId: 's1', count: 2 }));
    sim.join();
    runAll(sim);
    const runner = { kind: 'fake', release: 'fake 2', devices: ['cpu'], variants: ['shipped'] };
    sim.join('node-a', [], { runners: [runner] }, 'after an upgrade');
    sim.submit(aView({ sweepId: 's2', count: 2 }));
    expect(runAll(sim)).toHaveLength(2);
    expect(status(sim, 's2')).toMatchObject({ state: 'done', complete: 2, reused: 0 });
  });
});

test('what planning could not rule out in advance is given up with its reason when it is drawn', () => {
  const sim = new Simulation();
  const view = aView({ count: 3 });
  sim.submit({ ...view, impossibility: ({ id }) => (id === 'x1' ? 'the context is too long' : null) });
  sim.join();
  expect(runAll(sim)).toHaveLength(2);
  expect(status(sim)).toMatchObject({ state: 'done', complete: 2, failed: 1 });
  expect(failureReasons(sim.state.sweeps.get('s1')!)).toEqual(['the context is too long']);
});

test('a pinned engine release goes only to nodes that offer it', () => {
  const experiment = anExperiment('x1');
  const pinned = { ...experiment, runner: { ...experiment.runner, options: { engine: 'fake 2' } } };
  const node = aNode();
  expect(refusal(experiment, node, node.devices[0]!, null)).toBeNull();
  expect(refusal(pinned, node, node.devices[0]!, null)).toBe('needs the engine fake 2; node-a has fake 1');
});

test.each([
  [undefined, 'cpu0 of node-a cannot be set: it has no power helper'],
  ['no RAPL', 'cpu0 of node-a cannot be set: no RAPL'],
  [{ least: 30, most: 90 }, 'cpu0 of node-a can be set to 30 to 90 W'],
  [{ least: 30, most: 100 }, null],
])('a power cap goes only to devices that it can be set on (%j)', (powerCapWatts, reason) => {
  const capped = { ...anExperiment('x1'), settings: { powerCapWatts: 100, lockedClockHertz: null } };
  const settable =
    powerCapWatts === undefined ? undefined : { cpu0: { powerCapWatts, lockedClockHertz: 'no cpufreq' } };
  const node = { ...aNode(), settable };
  expect(refusal(capped, node, node.devices[0]!, null)).toBe(
    reason === null ? null : `needs powerCapWatts 100; ${reason}`,
  );
});
