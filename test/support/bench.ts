import { join } from 'node:path';
import { UsualCores } from '../../agent/cores/usual.js';
import { IdleBaselines } from '../../agent/meters/baseline.js';
import type { MeterSettings } from '../../agent/meters/index.js';
import type { TrialContext, TrialLimits } from '../../agent/trial/context.js';
import { ArtifactStore } from '../../artifacts/files/store.js';
import { DISTURBANCE_LIMITS, type Experiment, type MeasurePolicy } from '../../core/experiment/experiment.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { NO_ENGINES } from '../../engines/config.js';
import { ServerPool } from '../../engines/servers/pool.js';
import { cpuDevices, readCpu } from '../../process/device/cpu.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { POLICY } from './experiments.js';
import { temporaryFolder } from './folder.js';
import { aLease } from './wire-records.js';

/** A policy that measures little and forgives everything: tests ask whether things happen, not how fast. */
export const QUICK: MeasurePolicy = {
  ...POLICY,
  ...DISTURBANCE_LIMITS,
  halfWidth: 0.5,
  minRepeats: 2,
  maxRepeats: 2,
  warmupSpread: 1,
  maxWarmups: 1,
};

export function experiment(changes: Partial<Experiment> = {}): Experiment {
  return {
    id: 'x000000000000000000000001',
    model: { name: 'tiny', source: 'builtin:tiny', digest: null, facts: null },
    technique: UNCHANGED,
    runner: { kind: 'fake', options: {} },
    workload: {
      kind: 'latency',
      options: { promptTokens: 16, generateTokens: 8, parallel: 1, contextDepth: 0 },
    },
    measure: QUICK,
    quality: null,
    device: 'cpu',
    settings: null,
    node: null,
    ...changes,
  };
}

export function lease(changes: Partial<Experiment> = {}, trialId = 't1'): Lease {
  return aLease(trialId, { sweepName: 'test', experiment: experiment(changes) });
}

/** A node with this machine's CPUs, no energy source and its own cache. */
export function trialContext(
  changes: {
    meters?: Partial<MeterSettings>;
    limits?: Partial<TrialLimits>;
    folders?: readonly string[];
    scorers?: TrialContext['scorers'];
  } = {},
): TrialContext {
  const cacheFolder = temporaryFolder();
  const cpu = readCpu();
  const profile: NodeProfile = {
    name: 'node1',
    hostname: 'host1',
    os: 'test',
    architecture: 'x64',
    cpuModel: cpu.model,
    cpuFeatures: [],
    cores: cpu.allowed.length,
    memoryBytes: 4 * 2 ** 30,
    devices: cpuDevices(cpu, [], 4 * 2 ** 30, null),
    runners: [{ kind: 'llama-cpp', release: 'llama.cpp test', devices: ['cpu'], variants: ['shipped'] }],
    energySources: [],
    absent: {},
    roofs: {},
    labels: {},
    version: '0.0.0',
  };
  return {
    profile,
    nvml: { reason: 'no NVIDIA driver' },
    meters: { energy: 'auto', replayFile: null, procRoot: '/proc', sysRoot: '/sys', ...changes.meters },
    models: { modelFolders: changes.folders ?? [], cacheFolder },
    store: new ArtifactStore({ cacheFolder, artifactBytes: 2 ** 30 }),
    idle: new IdleBaselines(monotonicSeconds),
    roofs: { forDevice: () => null, absenceReason: () => 'a test measures none' },
    cores: new UsualCores(join(cacheFolder, 'cores.json'), 'a test'),
    limits: {
      trialTimeoutSeconds: 60,
      memoryLimitBytes: null,
      cgroupFolder: null,
      idleSeconds: 0.5,
      ...changes.limits,
    },
    scorers: changes.scorers ?? {},
    commands: {},
    factors: null,
    engines: NO_ENGINES,
    servers: new ServerPool(),
    gridGramsPerKilowattHour: null,
    powerSocket: null,
  };
}
