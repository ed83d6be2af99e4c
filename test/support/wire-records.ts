import { type Failure, failure } from '../../core/errors.js';
import type { Experiment } from '../../core/experiment/experiment.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { NodeProfile } from '../../core/experiment/node.js';
import { METRICS } from '../../core/metrics/catalogue.js';
import { type Measurement, RESULT_SCHEMA, type ResultRecord } from '../../core/result/result.js';
import { gradeOf, type WarningCode, warn } from '../../core/result/warnings.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import type { ProcessHealth } from '../../proto/gen/ridgepoint/v1/health.js';
import { POLICY } from './experiments.js';

/** A complete experiment whose id tells the position, for tests that need no real sweep. */
export function anExperiment(id = 'x000000000000000000000001', change: Partial<Experiment> = {}): Experiment {
  return {
    id,
    model: { name: 'small', source: 'builtin:small', digest: null, facts: null },
    technique: UNCHANGED,
    runner: { kind: 'fake', options: { fakeJitter: 0 } },
    workload: {
      kind: 'latency',
      options: { promptTokens: 16, generateTokens: 4, parallel: 1, contextDepth: 0 },
    },
    measure: {
      ...POLICY,
      minRepeats: 1,
      maxRepeats: 3,
      warmupSpread: 0.1,
      maxWarmups: 1,
      meters: 'off',
      maxStealRatio: 1,
      maxForeignCores: 99,
      maxCoreLatencyRatio: 1000,
      maxSpread: 1,
    },
    quality: null,
    device: 'cpu',
    settings: null,
    node: null,
    ...change,
  };
}

export function aNode(name = 'node-a', change: Partial<NodeProfile> = {}): NodeProfile {
  return {
    name,
    hostname: name,
    os: 'linux',
    architecture: 'x64',
    cpuModel: 'Test CPU',
    cpuFeatures: [],
    cores: 4,
    memoryBytes: 8e9,
    devices: [{ id: 'cpu0', classes: ['cpu', 'cpu:x86_64'], name: 'CPU', memoryBytes: 8e9, cpus: [0, 1] }],
    runners: [{ kind: 'fake', release: 'fake 1', devices: ['cpu'], variants: ['shipped'] }],
    energySources: [],
    absent: { energy: 'no source in a test' },
    roofs: {},
    labels: {},
    version: '0.1.0',
    ...change,
  };
}

/** What an agent says of itself that has nothing to complain of. */
export function aHealth(change: Partial<ProcessHealth> = {}): ProcessHealth {
  return {
    version: '0.1.0',
    clockUnixMilliseconds: Date.now(),
    freeDiskBytes: 50e9,
    certificateEndsAt: '',
    waitingResults: 0,
    newerResults: 0,
    oldestWaitingSeconds: 0,
    ...change,
  };
}

export interface Ending {
  readonly failure?: Failure;
  /** false = with a fault among its warnings. */
  readonly valid?: boolean;
  /** Codes of its warnings. */
  readonly warnings?: readonly WarningCode[];
  readonly decodeTokensPerSecond?: number;
  /** That the trial took. */
  readonly seconds?: number;
  /** Fills in every metric of the catalogue, not only the one that tests look at. */
  readonly everyMetric?: boolean;
}

/** What an agent would report at the end of this lease. */
export function aRecord(lease: Lease, node = aNode(), ending: Ending = {}): ResultRecord {
  const failed = ending.failure ?? null;
  const codes = ending.warnings ?? (ending.valid === false ? ['provider-fallback' as const] : []);
  const warnings = failed === null ? codes.map((code) => warn(code, 'a test said so')) : [];
  const { gates } = lease.experiment.measure;
  const rate = ending.decodeTokensPerSecond ?? 100;
  return {
    schema: RESULT_SCHEMA,
    trialId: lease.trialId,
    quality: null,
    profile: null,
    roofline: null,
    training: null,
    kernel: null,
    roofs: null,
    experimentId: lease.experiment.id,
    sweep: {
      id: lease.sweepId,
      name: lease.sweepName,
      position: lease.position,
      block: lease.block,
      purpose: lease.purpose,
      attempt: lease.attempt,
      ...(lease.start !== undefined && { start: lease.start }),
    },
    experiment: structuredClone(lease.experiment) as ResultRecord['experiment'],
    node: {
      name: node.name,
      hostname: node.hostname,
      cpuModel: node.cpuModel,
      cores: node.cores,
      memoryBytes: node.memoryBytes,
    },
    device: { id: lease.deviceId, class: 'cpu', name: 'CPU' },
    environment: { engine: 'fake 1' },
    startedAt: '2025-01-01T00:00:00Z',
    endedAt: new Date(Date.parse('2025-01-01T00:00:00Z') + 1000 * (ending.seconds ?? 1)).toISOString(),
    status: failed === null ? 'complete' : 'failed',
    failure: failed,
    phases: [{ name: 'decode', repeat: 0, startSeconds: 0, endSeconds: 0.04, tokens: 4 }],
    repeats: { count: 1, warmups: 0, stop: 'max-repeats', halfWidth: null },
    measurements:
      failed === null
        ? {
            ...(ending.everyMetric ? everyMeasurement() : {}),
            decodeTokensPerSecond: aMeasurement(rate, 'tokens/s'),
            ...(ending.everyMetric ? {} : { energyJoules: { value: null, unit: 'J', reason: 'no source' } }),
          }
        : {},
    warnings,
    valid: failed === null && gradeOf(warnings, gates) !== 'invalid',
    artifact: null,
    tokenSeconds: failed === null ? [[0.01, 0.01, 0.01, 0.01]] : [],
    samples: [],
    absent: {},
  };
}

function aMeasurement(value: number, unit: string): Measurement {
  const spread = { stddev: null, cv: null, ci95: null };
  return { value, unit, n: 1, mean: value, median: value, ...spread, samples: [value], source: null };
}

export function aLease(trialId: string, change: Partial<Lease> = {}): Lease {
  return {
    trialId,
    sweepId: 's1',
    sweepName: 'sweep',
    position: 0,
    block: 0,
    purpose: 'measure',
    attempt: 1,
    deviceId: 'cpu0',
    experiment: anExperiment(),
    leaseSeconds: 30,
    ...change,
  };
}

export const crashed = failure('crashed', 'The process died.', { signal: 'SIGSEGV' });

/**
 * 1 of every metric, on a machine that nobody else used: where neighbours take all of it, no row is better
 * than another.
 */
function everyMeasurement(): ResultRecord['measurements'] {
  return {
    ...Object.fromEntries(METRICS.map(({ name, unit }) => [name, aMeasurement(1, unit)])),
    foreignCores: aMeasurement(0, 'cores'),
    stealRatio: aMeasurement(0, 'ratio'),
  };
}
