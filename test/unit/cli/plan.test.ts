import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { NodeStores } from '../../../agent/door/node.js';
import { fittedEngine } from '../../../agent/factors/engine.js';
import { cpuEnvironment } from '../../../agent/roofs/environment.js';
import { resolveModel } from '../../../artifacts/files/resolve.js';
import { fileWarnings } from '../../../cli/plan/check-files.js';
import { requireEnergy } from '../../../cli/plan/energy.js';
import { type TimeEstimator, timeEstimator } from '../../../cli/plan/estimate.js';
import { noiseLine, plannedNoise } from '../../../cli/plan/noise.js';
import { fleetFor, placementWarnings } from '../../../cli/plan/places.js';
import { priorLines, searchLines } from '../../../cli/plan/search.js';
import { crowdedText, promiseText, secondsOfATrial, sweepTime } from '../../../cli/plan/sweep-time.js';
import { threadWarnings } from '../../../cli/plan/threads.js';
import type { ThisNode } from '../../../cli/this-node.js';
import type { DeviceProfile, NodeProfile } from '../../../core/experiment/node.js';
import { FACTORS_SCHEMA } from '../../../core/result/factors.js';
import { energyKeys, lackingEnergy } from '../../../core/sweep/energy.js';
import { experimentAt } from '../../../core/sweep/expand.js';
import { planSpace } from '../../../core/sweep/space.js';
import { NO_ENGINES } from '../../../engines/config.js';
import { noiseOf } from '../../../judgement/noise.js';
import type { NodeStatus } from '../../../proto/gen/ridgepoint/v1/control.js';
import { sharedFolder } from '../../support/folder.js';
import { completeTrial } from '../../support/records.js';
import { PERFECT } from '../../support/roofline.js';
import { sampleRoofs } from '../roofs/sample.js';
import { file, sweepOf } from '../sweep/documents.js';

const folder = sharedFolder();
const settings = { modelFolders: [folder], cacheFolder: join(folder, 'cache') };
const models = new Map(
  await Promise.all(
    ['small', 'tiny'].map(
      async (name) => [name, (await resolveModel(`builtin:${name}`, settings)).facts] as const,
    ),
  ),
);

function planOf(spec: Record<string, unknown> = {}) {
  const workloads = { kind: 'latency', promptTokens: 64, generateTokens: 16 };
  const written = sweepOf(file({ models: 'builtin:small', workloads, ...spec }));
  const sweep = {
    ...written,
    models: written.models.map((model) => ({ ...model, facts: models.get(model.name) ?? null })),
  };
  const space = planSpace(sweep);
  return { sweep, space, experiments: Array.from({ length: space.count }, (_, i) => experimentAt(space, i)) };
}

const cpu: DeviceProfile = {
  id: 'cpu0',
  classes: ['cpu', 'cpu:x86_64'],
  name: 'a processor',
  memoryBytes: 8e9,
  cpus: [0, 1],
};
const profile: NodeProfile = {
  name: 'node',
  hostname: 'node',
  os: 'linux',
  architecture: 'x64',
  cpuModel: 'a processor',
  cpuFeatures: [],
  cores: 2,
  memoryBytes: 8e9,
  devices: [cpu],
  runners: [{ kind: 'llama-cpp', release: 'r', devices: ['cpu'], variants: [] }],
  energySources: [],
  absent: {},
  roofs: {},
  labels: {},
  version: '0',
};
const places = (node: Partial<NodeProfile> = {}) => ({
  nodes: [{ ...profile, ...node }],
  unselected: null,
  name: 'this machine',
  saySettable: false,
  missingServers: new Map(),
});

describe('what no device takes', () => {
  test('is nothing where everything fits, also what a power helper would be asked for', () => {
    const { experiments } = planOf({ device: { powerCapWatts: [null, 100] } });
    expect(placementWarnings(experiments, places())).toEqual({ warnings: [], unplaced: new Set() });
  });

  test('memory: how many, what the largest needs, and what there is', () => {
    const { experiments } = planOf({
      workloads: { kind: 'latency', promptTokens: 64, generateTokens: 16, parallel: [1, 256] },
    });
    const { warnings, unplaced } = placementWarnings(experiments, places({ memoryBytes: 200e6 }));
    expect(warnings).toMatchObject([{ code: 'does-not-fit', experiments: 1, blocks: true }]);
    expect(warnings[0]?.message).toMatch(
      /^no device of this machine has more than 200 MB; the largest is predicted to need \d+ MB$/,
    );
    expect([...unplaced]).toEqual([experiments[1]?.id]);
  });

  test('labels that no node has', () => {
    const unselected = 'no node of the fleet has zone=lab; there is zone=office';
    const { warnings, unplaced } = placementWarnings(planOf().experiments, {
      ...places(),
      nodes: [],
      unselected,
    });
    expect(warnings).toMatchObject([{ code: 'no-place', message: unselected, experiments: 1, blocks: true }]);
    expect(unplaced.size).toBe(1);
  });

  test('a device or a runner that is not there', () => {
    const cuda = placementWarnings(planOf({ placement: { device: ['cpu', 'cuda'] } }).experiments, places());
    expect(cuda.warnings).toMatchObject([
      {
        code: 'no-place',
        experiments: 1,
        message: 'on this machine an experiment needs a device of class cuda; cpu0 is cpu, cpu:x86_64',
      },
    ]);
    const bare = placementWarnings(planOf().experiments, places({ runners: [] }));
    expect(bare.warnings[0]?.message).toContain('needs the runner llama-cpp, which node does not have');
  });
});

describe('places of a fleet', () => {
  const node = (name: string, more: Partial<NodeStatus> = {}): NodeStatus => ({
    name,
    state: 'idle',
    lastSeenAt: '',
    nodeProfileJson: JSON.stringify({ ...profile, name }),
    running: [],
    cordoned: '',
    health: undefined,
    lostRunners: [],
    ...more,
  });
  const fleetOf = (nodes: readonly NodeStatus[]) =>
    fleetFor(planOf().sweep, nodes, { coordinator: 'host:1' });

  test('are all nodes that work can go to', () => {
    const { nodes, name } = fleetOf([
      node('a'),
      node('b', { state: 'busy' }),
      node('c', { state: 'looking' }),
    ]);
    expect(nodes.map((one) => one.name)).toEqual(['a', 'b', 'c']);
    expect(name).toBe('the fleet of host:1');
  });

  test('are none that is lost, drained, draining or cordoned, and the name counts them', () => {
    const away = ['lost', 'drained', 'draining'].map((state) => node(state, { state }));
    const { nodes, name } = fleetOf([...away, node('held', { cordoned: 'a disk' }), node('a')]);
    expect(nodes.map((one) => one.name)).toEqual(['a']);
    expect(name).toBe('the fleet of host:1 (1 of its 5 nodes take work now)');
    const { warnings } = placementWarnings(planOf().experiments, { ...places(), ...fleetOf(away) });
    expect(warnings).toMatchObject([
      {
        code: 'no-place',
        message: 'the fleet of host:1 (0 of its 3 nodes take work now) has no device',
      },
    ]);
  });
});

describe('files that a sweep names', () => {
  test('an adapter for another model blocks the points that have it; what is only missing does not', async () => {
    const { experiments } = planOf({
      models: ['builtin:small', 'builtin:tiny'],
      techniques: { adapter: ['none', 'builtin:small-pgdoc-r4', 'nowhere.gguf'] },
    });
    const { warnings, broken } = await fileWarnings(experiments, settings);
    const mismatch = warnings.find(({ blocks }) => blocks);
    expect(mismatch).toMatchObject({ code: 'impossible-combination', experiments: 1 });
    expect(mismatch?.message).toMatch(
      /builtin:small-pgdoc-r4 is for another model than tiny: .+ \[\d+, \d+\]/,
    );
    expect(broken.size).toBe(1);
    expect(warnings.filter(({ blocks }) => !blocks)).toMatchObject([
      { code: 'model-missing', experiments: 2, message: 'there is no file nowhere.gguf' },
    ]);
  });

  test('texts of calibration, of importance matrices and of training', async () => {
    writeFileSync(join(folder, 'here.txt'), 'a text');
    const { experiments } = planOf({
      techniques: {
        quantization: ['q4_k_m?importance=importance.txt', 'q4_k_m?importance=here.txt'],
        sparsity: ['none', 'wanda:50%?text=calibration.txt'],
      },
    });
    const training = planOf({
      runners: { kind: 'ggml' },
      workloads: { kind: 'finetune', text: 'train.txt' },
    });
    const { warnings } = await fileWarnings([...experiments, ...training.experiments], settings);
    expect(warnings.map(({ message, experiments: count }) => [message, count])).toEqual([
      ['there is no file importance.txt', 2],
      ['there is no file calibration.txt', 2],
      ['there is no file train.txt', 1],
    ]);
  });
});

test('graphs of chats on a model without a chat template cannot run, and are told once', async () => {
  const { experiments } = planOf({
    models: ['builtin:small', 'builtin:tiny'],
    runners: { kind: 'llama-cpp', threads: [1, 2] },
    workloads: { kind: 'graph', promptsAs: ['chat', 'text'] },
  });
  const { warnings, broken } = await fileWarnings(experiments, settings);
  expect(warnings).toEqual(
    ['small', 'tiny'].map((name) => ({
      code: 'impossible-combination',
      message: `prompts of the graph are chats, and the model ${name} has no chat template: set promptsAs: text`,
      experiments: 2,
      blocks: true,
      notHere: false,
    })),
  );
  expect(broken.size).toBe(4);
});

test('more threads than CPUs are told once, of the device that has fewest', () => {
  const { experiments } = planOf({ runners: { kind: 'llama-cpp', threads: [1, 2, 4, 64] } });
  const large = { ...cpu, cpus: Array.from({ length: 32 }, (_, i) => i) };
  const of = (...devices: readonly DeviceProfile[]) =>
    threadWarnings(
      experiments,
      devices.map((device, i) => ({ name: `node-${i}`, devices: [device] })),
    ).map(({ message, experiments: count, blocks, notHere }) => [message, count, blocks || notHere]);
  const rest = 'threads that share a CPU wait for each other, and rows are marked `oversubscribed`';
  expect(of(cpu)).toEqual([[`threads go up to 64, and cpu0 of node-0 has 2 CPUs: ${rest}`, 2, false]]);
  expect(of({ ...large, id: 'cpu1' }, cpu)).toEqual([
    [`threads go up to 64, and 2 devices have fewer CPUs, cpu0 of node-1 only 2: ${rest}`, 2, false],
  ]);
  expect(of({ ...large, cpus: Array.from({ length: 64 }, (_, i) => i) })).toEqual([]);
});

test('a plan says what its search begins with on each kind of GPU', () => {
  const gpu = (name: string) => ({ ...cpu, id: name, classes: ['cuda'], name });
  const { sweep, space } = planOf({
    models: 'llama-3.1-8b',
    runners: { kind: 'vllm' },
    workloads: { kind: 'serving', requests: 4, concurrency: [1, 2] },
    placement: { device: 'cuda' },
    search: { budget: { trials: 2 } },
  });
  const nodes = [{ ...profile, devices: [cpu, gpu('NVIDIA H100 80GB HBM3'), gpu('NVIDIA Q9')] }];
  expect(priorLines(sweep, space, { nodes })).toEqual([
    expect.stringMatching(
      /^ {2}on NVIDIA H100 80GB HBM3 it begins with tables of vLLM .*, predicted and not/,
    ),
    '  on NVIDIA Q9 it begins with no predictions: NVIDIA Q9 is no device of the catalogue, and has no tables',
  ]);
  expect(priorLines({ ...sweep, search: null }, space, { nodes })).toEqual([]);
});

test('what needs energy is refused where no device has a source, and told where some have none', () => {
  const { sweep } = planOf({
    objectives: { energyPerOutputTokenJoules: 'min' },
    search: { budget: { joules: 100 } },
  });
  const node = (name: string, ...energySources: readonly string[]) => ({
    ...profile,
    name,
    energySources,
    absent: energySources.length === 0 ? { energy: 'there is no powercap' } : {},
  });
  const keys = 'spec.objectives.energyPerOutputTokenJoules, spec.search.budget.joules';
  const lacking = (nodes: readonly NodeProfile[], place = 'this machine') =>
    lackingEnergy(energyKeys(sweep), sweep.placement.devices, nodes, place);
  const none = lacking([node('a')]);
  expect(none).toEqual({
    always: true,
    message: `${keys}: no row will have a number for it, since this machine has no energy source for cpu: there is no powercap`,
  });
  expect(() => requireEnergy(sweep, [node('a')], 'this machine')).toThrow(
    'this machine has no energy source for cpu',
  );
  const both = [node('a'), node('b', 'rapl:package-0')];
  expect(requireEnergy(sweep, both, 'the fleet')).toBe(
    `${keys}: rows of cpu of a will have no number for it, for want of an energy source: there is no powercap`,
  );
  // What a GPU draws is nothing that a CPU has.
  expect(lacking([node('a', 'nvml:gpu')])?.always).toBe(true);
  expect(lacking([node('a', 'rapl:package-0')])).toBeNull();
  expect(lacking([], 'the fleet')).toBeNull();
  expect(energyKeys(planOf().sweep)).toEqual([]);
});

test('what the starts of a sweep can show follows from the noise of this machine, where it was looked at', async () => {
  const roofsFolder = join(folder, 'noisy');
  const here: ThisNode = {
    profile,
    sysRoot: join(folder, 'sys'),
    engines: NO_ENGINES,
    ...new NodeStores(roofsFolder),
  };
  const { sweep } = planOf();
  expect(await plannedNoise(sweep, here)).toBeNull();
  const blocks = [0.97, 1, 1.03, 0.98].map((f, block) =>
    [f, 2 - f].map((slower, i) => completeTrial({ slower, block, repeats: 5, attempt: i + 1 })),
  );
  const noise = noiseOf(blocks);
  await here.noise.put('cpu0', 'a small model', noise);
  const planned = (await plannedNoise(sweep, here))!;
  const [three] = noise.metrics[0]!.detectable;
  expect(planned).toMatchObject({ deviceId: 'cpu0', what: 'a small model', starts: 3 });
  expect(planned.differences.decodeTokensPerSecond).toBeCloseTo(three!.difference.value!, 12);
  expect(noiseLine(planned)).toMatch(
    /^ {2}noise: 3 starts of two rows show a difference of \d+\.\d % of decodeTokensPerSecond, \d/,
  );
  // One start shows no difference, and of another device nothing is known.
  const { startsPolicy, placement } = sweep;
  expect(await plannedNoise({ ...sweep, startsPolicy: { ...startsPolicy, starts: 1 } }, here)).toBeNull();
  expect(await plannedNoise({ ...sweep, placement: { ...placement, devices: ['cuda'] } }, here)).toBeNull();
});

describe('the time of a sweep', () => {
  const roofsFolder = join(folder, 'roofs');
  const here: ThisNode = {
    profile,
    sysRoot: join(folder, 'sys'),
    engines: NO_ENGINES,
    ...new NodeStores(roofsFolder),
  };
  const none: ThisNode = { ...here, ...new NodeStores(join(folder, 'none')) };
  let byRoofs: TimeEstimator;
  let byFactors: TimeEstimator;
  beforeAll(async () => {
    const { id } = await here.store.put(sampleRoofs({ environment: cpuEnvironment(cpu) }));
    byRoofs = await timeEstimator(here, []);
    await here.factors.put({
      schema: FACTORS_SCHEMA,
      device: { id: 'cpu0', class: 'cpu', name: 'a processor' },
      engine: fittedEngine() ?? 'none',
      roofs: id,
      measuredAt: '2026-11-25T12:00:00.000Z',
      environment: { engineBuild: '0' },
      quick: false,
      threads: [PERFECT],
      evidence: [],
      warnings: [],
      caveats: [],
    });
    byFactors = await timeEstimator(here, []);
  });

  test('without roofs of this machine it is not known, and the reason says what measures them', async () => {
    const { sweep, space } = planOf();
    const time = sweepTime(sweep, space, await timeEstimator(none, []));
    expect(time).toMatchObject({ seconds: null, how: null });
    expect(time.absent).toBe('no roofs of cpu0: none were measured on this node: ridge roofs measures them');
  });

  test('follows the rounds of the policy, and bounds its repeats by maxSeconds', () => {
    const trialOf = (measure: Record<string, unknown>) => {
      const trial = byRoofs.estimate(planOf({ measure }).experiments[0]!);
      if (typeof trial === 'string') throw new Error(trial);
      return trial;
    };
    const free = { minRepeats: 3, maxRepeats: 10, maxWarmups: 5, maxSeconds: null };
    const { roundSeconds, least, most, by } = trialOf(free);
    expect(by).toBe('roofs');
    // 16.9 MB of weights are read at 40 GB/s in each of 16 steps.
    expect(roundSeconds).toBeGreaterThan((16 * 12e6) / 40e9);
    expect(roundSeconds).toBeLessThan(0.1);
    expect(least).toBeCloseTo(1 + 6 * roundSeconds, 9);
    expect(most).toBeCloseTo(1 + 15 * roundSeconds, 9);
    const bounded = trialOf({ minRepeats: 1, maxRepeats: 10_000, maxSeconds: 1, maxWarmups: 0 });
    // The round that runs when the budget is over is finished.
    expect(bounded.most).toBeCloseTo(1 + 1 + roundSeconds, 9);
    expect(bounded.least).toBeCloseTo(1 + roundSeconds, 9);
    // Warming up takes half of it, and one round in any case.
    const warm = { minRepeats: 1, maxRepeats: 1, maxWarmups: 1000 };
    expect(trialOf({ ...warm, maxSeconds: 1 }).most).toBeCloseTo(1 + 0.5 + roundSeconds, 9);
    expect(trialOf({ ...warm, maxSeconds: 1e-6 }).most).toBeCloseTo(1 + 2 * roundSeconds, 9);
  });

  test('of a server it is all requests as its scheduler batches them, with TTFT and TPOT', () => {
    const asked = { kind: 'serving', concurrency: 8, requests: 16, inputTokens: 64, outputTokens: 33 };
    const estimate = (workload = {}, runner = {}) =>
      byRoofs.estimate(
        planOf({
          runners: { kind: 'llama-server', threads: 2, maxSequences: 4, ...runner },
          workloads: { ...asked, ...workload },
        }).experiments[0]!,
      );
    const trial = estimate();
    if (typeof trial === 'string') throw new Error(trial);
    const { firstTokenSeconds, perTokenSeconds } = trial.served!;
    // A step reads what one of a single sequence does, and half of the users wait for a slot.
    expect(perTokenSeconds).toBeGreaterThan(12e6 / 40e9);
    expect(firstTokenSeconds).toBeGreaterThan(16 * perTokenSeconds!);
    // Sixteen answers of 32 steps in four slots, and four prompts of its own in each; of the others a
    // sequence sees three.
    expect(trial.roundSeconds).toBeGreaterThan(128 * perTokenSeconds!);
    expect(trial.roundSeconds).toBeLessThan(1.75 * 128 * perTokenSeconds!);
    const poisson = estimate({ arrival: 'poisson', concurrency: 1, requestsPerSecond: 2 });
    if (typeof poisson === 'string') throw new Error(poisson);
    // It idles between arrivals.
    expect(poisson.roundSeconds).toBeGreaterThan(4);
    expect(poisson.served!.firstTokenSeconds).toBeLessThan(firstTokenSeconds);
    expect(estimate({}, { speculative: 'ngram' })).toMatch(/speculative decoding is not simulated$/);
  });

  test('fewer bits, more sequences and more tokens count', () => {
    const seconds = (spec: Record<string, unknown>) => {
      const trial = byRoofs.estimate(planOf(spec).experiments[0]!);
      if (typeof trial === 'string') throw new Error(trial);
      return trial.roundSeconds;
    };
    const base = seconds({});
    expect(seconds({ techniques: { quantization: 'q4_k_m' } })).toBeLessThan(0.6 * base);
    expect(seconds({ workloads: { kind: 'latency', promptTokens: 64, generateTokens: 32 } })).toBeGreaterThan(
      1.4 * base,
    );
    expect(seconds({ runners: { kind: 'llama-cpp', threads: 1 } })).toBeGreaterThan(1.5 * base);
  });

  test('adds up every experiment, every start, and two drift controls a block', () => {
    const { sweep, space } = planOf({
      runners: { kind: 'llama-cpp', threads: [1, 2], flashAttention: [true, false], mmap: [true, false] },
    });
    const time = sweepTime(sweep, space, byRoofs);
    const trials = Array.from({ length: 8 }, (_, i) => byRoofs.estimate(experimentAt(space, i)));
    const sum = trials.reduce(
      (total, trial) => total + (typeof trial === 'string' ? Number.NaN : trial.least),
      0,
    );
    expect(time.seconds?.least).toBeCloseTo((sum * 3 * 10) / 8, 9);
    expect(time).toMatchObject({ absent: null, atLeast: true });
    expect(time.how).toMatch(/^the roofs of cpu0, measured 2026-11-25 12:00 alone/);
    const once = { ...sweep, startsPolicy: { ...sweep.startsPolicy, starts: 1 } };
    expect(sweepTime(once, space, byRoofs).seconds?.least).toBeCloseTo((sum * 10) / 8, 9);
  });

  test('is promised, with files and quality, where it is a prediction', () => {
    const promiseOf = (spec: Record<string, unknown>, by = byFactors) => {
      const { sweep, space } = planOf(spec);
      return sweepTime(sweep, space, by);
    };
    const plain = promiseOf({}).promise!;
    expect(plain).toMatchObject({ starts: 3, filesSeconds: 0, qualitySeconds: 0 });
    // Its start, what it looks at, and the report of three starts.
    const around = 1.5 + 1 + 0.512;
    expect(plain.aboutSeconds).toBeCloseTo(around + plain.startsSeconds, 9);
    expect(plain.atMostSeconds).toBeCloseTo(1.25 * plain.aboutSeconds, 9);
    const quantization = ['q8_0', 'q4_k_m'];
    const more = promiseOf({
      techniques: { quantization },
      quality: { text: 'builtin:sample', maxWindows: 8 },
    }).promise!;
    expect(more.filesSeconds).toBeGreaterThan(2 * 0.7);
    expect(more.qualitySeconds).toBeGreaterThan(2);
    const beside = (crowding: number) => {
      const { sweep, space } = planOf({});
      return sweepTime(sweep, space, byFactors, { firstSeconds: 10, crowding }).promise!;
    };
    // A neighbour takes starts after the first away before it makes the run longer.
    expect(beside(2).aboutSeconds).toBeCloseTo(10 + 2 * around + plain.startsSeconds, 9);
    expect(beside(6).aboutSeconds).toBeCloseTo(10 + 6 * around + 2 * plain.startsSeconds, 9);
    expect(crowdedText(beside(6))).toBe(' beside what else runs here (× 6.0)');
    expect(crowdedText(beside(1.2))).toBe('');
    expect(promiseText(100)).toBe('about 1 min 40 s, at most 2 min 05 s');
    const silent = (spec: Record<string, unknown>, by?: TimeEstimator) => {
      const { promise, promiseAbsent } = promiseOf(spec, by);
      return promise === null ? promiseAbsent : '';
    };
    expect(silent({}, byRoofs)).toMatch(/^no factors say/);
    expect(silent({ techniques: { sparsity: 'wanda:50%' } })).toMatch(
      /^how long prune\(wanda:50%\).* is not estimated$/,
    );
    expect(silent({ quality: { tasks: 'tasks.jsonl' } })).toBe('how long tasks take is not estimated');
    expect(silent({ quality: { text: 'book.txt' } })).toMatch(/`quality.maxWindows` bounds it$/);
  });

  test('is a prediction where factors were fitted to these roofs', () => {
    const { sweep, space, experiments } = planOf();
    expect(byFactors.estimate(experiments[0]!)).toMatchObject({ by: 'factors' });
    expect(sweepTime(sweep, space, byFactors)).toMatchObject({
      atLeast: false,
      how: expect.stringMatching(/with factors$/),
    });
  });

  test('has a reason where the work is not counted', () => {
    const why = (spec: Record<string, unknown>) => byRoofs.estimate(planOf(spec).experiments[0]!);
    expect(why({ techniques: { adapter: 'synthetic:lora' } })).toBe(
      'the work of adapters beside the weights is not counted',
    );
    expect(why({ placement: { device: 'cuda' } })).toBe('this machine has no device of class cuda');
    expect(why({ runners: { kind: 'fake' } })).toEqual(expect.any(String));
    expect(why({ models: 'nowhere.gguf' })).toMatch(/nowhere\.gguf/);
  });
});

describe('a search', () => {
  test('is planned with what ends it, and warned of where one trial takes more than its budget', () => {
    const lines = (budget: object) => {
      const { sweep, space } = planOf({ search: { seed: 7, budget }, measure: { maxSeconds: 10 } });
      const time = {
        seconds: { least: 20, most: 40 },
        absent: null,
        how: null,
        atLeast: false,
        firstSeconds: 0,
      };
      const one = secondsOfATrial(sweep, space.count, { ...time, promise: null, promiseAbsent: null });
      return searchLines(sweep.search!, one);
    };
    expect(lines({ trials: 5, deviceHours: 2 })).toEqual([
      '  search: tpe (seed 7); it ends after 5 trials, which take about 50 s, or after 2 h 00 min of devices, or when no point is left that may stand on the front',
    ]);
    expect(lines({ money: 0.001, pricePerDeviceHour: 2 })[1]).toMatch(
      /^ {2}warning: its budget is less than one trial takes, about \d+ s: it ends after its first$/,
    );
  });
});
