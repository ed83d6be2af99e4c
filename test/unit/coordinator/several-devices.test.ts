import { describe, expect, test } from 'vitest';
import { refusal } from '../../../coordinator/scheduler/placement.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { type Lease, leasedDevices } from '../../../core/experiment/lease.js';
import { aNode, anExperiment, aRecord } from '../../support/wire-records.js';
import { aView, Simulation, status, type ViewChange } from './simulation.js';

const GPUS = ['GPU-0', 'GPU-1', 'GPU-2'] as const;
const gpu = (id: string) => ({ ...aNode().devices[0]!, id, classes: ['cuda', 'cuda:h100'], cpus: [] });
const RUNNERS = [{ kind: 'llama-cpp', release: 'test', devices: ['cuda'], variants: [] }];
const runner = (gpus: number) => ({ kind: 'llama-cpp', options: { gpus } });

/** A node of so many GPUs, and a sweep whose points take what `gpusOf` says. */
function aSimulation(
  count: number,
  gpusOf: (position: number) => number,
  change: ViewChange = {},
): Simulation {
  const sim = new Simulation();
  const view = aView({ device: 'cuda', ...change });
  sim.submit({
    ...view,
    experimentAt: (at, node) => ({ ...view.experimentAt(at, node), runner: runner(gpusOf(at)) }),
  });
  sim.join('node-a', [], { devices: GPUS.slice(0, count).map(gpu), runners: RUNNERS });
  return sim;
}

const end = (sim: Simulation, lease: Lease) => sim.report(aRecord(lease, aNode('node-a')));

describe('a trial that takes several devices', () => {
  test('holds them all until it ends', () => {
    const sim = aSimulation(3, () => 2);
    const lease = sim.ask('node-a', 'GPU-1')!;
    expect(leasedDevices(lease)).toEqual(['GPU-1', 'GPU-0']);
    expect(sim.ask('node-a', 'GPU-0')).toBeNull();
    // One alone is too few for another.
    expect(sim.ask('node-a', 'GPU-2')).toBeNull();
    end(sim, lease);
    expect(leasedDevices(sim.ask('node-a', 'GPU-2')!)).toEqual(['GPU-2', 'GPU-0']);
  });

  test('waits until enough are free, and meanwhile the others of its class begin nothing', () => {
    const sim = aSimulation(2, (position) => (position === 1 ? 1 : 2), { blockSize: 1, count: 4 });
    const single = sim.ask('node-a', 'GPU-0')!;
    expect(leasedDevices(single)).toEqual(['GPU-0']);
    expect(sim.ask('node-a', 'GPU-1')).toBeNull();
    end(sim, single);
    expect(sim.ask('node-a', 'GPU-0')).toBeNull();
    expect(leasedDevices(sim.ask('node-a', 'GPU-1')!)).toEqual(['GPU-1', 'GPU-0']);
  });

  test('in a sweep with others every point is measured once, and no device has two trials', () => {
    const sim = aSimulation(3, (position) => 1 + (position % 3), { count: 24, driftControl: true });
    const running: Lease[] = [];
    const measured: number[] = [];
    for (let turn = 0; turn < 1000 && status(sim).state !== 'done'; turn += 1) {
      const lease = sim.ask('node-a', GPUS[(turn * 7) % 3]!);
      if (lease !== null) running.push(lease);
      const held = running.flatMap(leasedDevices);
      expect(new Set(held).size).toBe(held.length);
      if (turn % 2 === 1) {
        const ended = running.shift();
        if (ended === undefined) continue;
        if (ended.purpose === 'measure') measured.push(ended.position);
        end(sim, ended);
      }
    }
    expect(status(sim)).toMatchObject({ state: 'done', complete: 24 });
    expect([...measured].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 24 }, (_, position) => position),
    );
  });

  test('goes on when the coordinator is started again, with its devices held', () => {
    const sim = aSimulation(2, () => 2);
    const lease = sim.ask('node-a', 'GPU-0')!;
    sim.restart();
    sim.join('node-a', [lease.trialId], { devices: GPUS.slice(0, 2).map(gpu), runners: RUNNERS });
    expect(sim.ask('node-a', 'GPU-1')).toBeNull();
    end(sim, lease);
    expect(sim.ask('node-a', 'GPU-1')).not.toBeNull();
  });

  test('gives them back when its node is lost', () => {
    const sim = aSimulation(2, () => 2);
    sim.ask('node-a', 'GPU-0');
    sim.join('node-a', [], { devices: GPUS.slice(0, 2).map(gpu), runners: RUNNERS }, 'another instance');
    expect(leasedDevices(sim.ask('node-a', 'GPU-1')!)).toHaveLength(2);
  });
});

test('a node of too few devices, or too little memory for the fullest of them, does not take it', () => {
  const node = aNode('node-a', { devices: [gpu('GPU-0'), gpu('GPU-1')], runners: RUNNERS });
  const [device] = node.devices;
  const asks = (gpus: number) => ({ ...anExperiment('x1', { device: 'cuda' }), runner: runner(gpus) });
  expect(refusal(asks(2), node, device!, null)).toBeNull();
  expect(refusal(asks(3), node, device!, null)).toBe('needs 3 devices of class cuda; node-a has 2');
  const { memoryBytes } = device!;
  expect(refusal(asks(1), node, device!, 1.5 * memoryBytes)).toContain('is predicted to need');
  // Of several it is of one device that the bytes are predicted.
  expect(refusal(asks(2), node, device!, memoryBytes)).toBeNull();
  expect(refusal(asks(2), node, device!, 1.5 * memoryBytes)).toMatch(
    /^is predicted to need .* on the fullest of 2 devices; GPU-0 of node-a has /,
  );
});

test('a node that names no such RPC server, or has no library for it, says so', () => {
  const named = (variants: string[], absent = {}) =>
    aNode('node-a', { runners: [{ ...RUNNERS[0]!, devices: ['cpu'], variants }], absent });
  const asks = {
    ...anExperiment('x1'),
    runner: { kind: 'llama-cpp', options: { rpcServers: 'desk/attic' } },
  };
  const on = (node: ReturnType<typeof named>) => refusal(asks, node, node.devices[0]!, null);
  expect(on(named(['shipped', 'rpc:desk', 'rpc:attic']))).toBeNull();
  expect(on(named(['shipped', 'rpc:desk']))).toBe('needs the RPC server attic; node-a has shipped, rpc:desk');
  expect(on(named(['shipped'], { 'RPC server desk': 'there is no file /x.so' }))).toBe(
    'needs the RPC server desk; node-a has shipped: there is no file /x.so',
  );
});

test('a server that is too old for an option is asked no such point, and the release is that of the server it would be', () => {
  const releases = { vllm: 'vllm 0.32.0+cpu', next: 'vllm 0.33.0' };
  const vllm = {
    kind: 'vllm',
    release: releases.vllm,
    devices: ['cpu'],
    variants: ['vllm', 'next'],
    releases,
  };
  const node = aNode('node-a', { runners: [vllm] });
  const on = (options: Options) => {
    const asks = { ...anExperiment('x1'), runner: { kind: 'vllm', options } };
    return refusal(asks, node, node.devices[0]!, null);
  };
  expect(on({ kvCacheType: 'octave_k3v4' })).toBe(
    'needs kvCacheType octave_k3v4, which vllm has from 0.33.0 on; node-a has vllm 0.32.0+cpu',
  );
  expect(on({ kvCacheType: 'octave_k3v4', server: 'next' })).toBeNull();
  expect(on({ kvCacheType: 'fp8' })).toBeNull();
});
