import { join } from 'node:path';
import type { Pins } from '../../artifacts/files/pins.js';
import type { ModelSettings } from '../../artifacts/files/resolve.js';
import { ArtifactStore } from '../../artifacts/files/store.js';
import type { Lease } from '../../core/experiment/lease.js';
import type { DeviceProfile, NodeProfile } from '../../core/experiment/node.js';
import { inProcess, type NodeEngines } from '../../engines/config.js';
import { CORES_VERSION } from '../../engines/native/cores.js';
import type { PlaceRequest } from '../../engines/runners/runner.js';
import { ServerPool } from '../../engines/servers/pool.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import type { CurrentChild } from '../../process/isolation/current-child.js';
import type { SharedArtifacts } from '../artifacts.js';
import type { AgentConfig } from '../config.js';
import { UsualCores } from '../cores/usual.js';
import type { NodeFactors } from '../factors/node-factors.js';
import type { NodeCommands } from '../graph/allowed.js';
import { IdleBaselines } from '../meters/baseline.js';
import type { MeterSettings, NvmlState } from '../meters/index.js';
import type { AppliedSettings } from '../power/applied-settings.js';
import type { NodeProbe } from '../probe.js';
import type { Scorers } from '../quality/scoring/scorers.js';
import type { NodeRoofs } from '../roofs/node-roofs.js';
import type { TrialNotes } from './notes.js';
import type { TrialProgress } from './progress.js';

/** What an experiment needs of the node it runs on. */
export interface TrialContext {
  readonly profile: NodeProfile;
  readonly nvml: NvmlState;
  readonly meters: MeterSettings;
  readonly models: ModelSettings;
  readonly store: ArtifactStore;
  /** What other nodes made; left out = it is made here. */
  readonly shared?: SharedArtifacts | undefined;
  readonly limits: TrialLimits;
  /** Commands that may judge answers. */
  readonly scorers: Scorers;
  /** Commands that request graphs may run. */
  readonly commands: NodeCommands['commands'];
  /** Fitted efficiency factors; null = nothing is predicted. */
  readonly factors: Pick<NodeFactors, 'forDevice' | 'hostFor' | 'absenceReason'> | null;
  /** Idle power, read once for each sweep. */
  readonly idle: IdleBaselines;
  /** Grams of CO2 equivalent per kilowatt hour where the node stands; null = not stated. */
  readonly gridGramsPerKilowattHour: number | null;
  readonly roofs: Pick<NodeRoofs, 'forDevice' | 'absenceReason'>;
  /** What its cores give when nobody else is on them, and how far they lie from each other. */
  readonly cores: UsualCores;
  /** What its configuration names for its engines. */
  readonly engines: NodeEngines;
  /** Servers that run. */
  readonly servers: ServerPool;
  /** Of the power helper; null = nothing can be set. */
  readonly powerSocket: string | null;
}

export interface TrialLimits {
  /** For trials, whatever their sweep says, and for making an artifact. */
  readonly trialTimeoutSeconds: number;
  /** null = the node's memory. */
  readonly memoryLimitBytes: number | null;
  readonly cgroupFolder: string | null;
  /**
   * How long the energy sources are read before the first model of a sweep is loaded; 0 = there is no
   * baseline.
   */
  readonly idleSeconds: number;
}

/** @returns what trials need of a node, as its config and what was found on it say. */
export function contextOf(
  config: AgentConfig,
  { profile, nvml }: Pick<NodeProbe, 'profile' | 'nvml'>,
  { meters, roofs, factors }: Pick<TrialContext, 'meters' | 'roofs' | 'factors'>,
): TrialContext {
  const { modelFolders, cacheFolder, roofsFolder, artifactBytes, sources, limits } = config;
  return {
    profile,
    nvml,
    meters,
    models: { modelFolders, cacheFolder, sources: { policy: sources, artifactBytes } },
    store: new ArtifactStore({ cacheFolder, artifactBytes }),
    limits: { ...limits, idleSeconds: config.meters.idleSeconds },
    idle: new IdleBaselines(monotonicSeconds),
    gridGramsPerKilowattHour: config.meters.gridGramsPerKilowattHour,
    scorers: config.scorers,
    commands: config.commands,
    engines: config.engines,
    servers: new ServerPool(),
    powerSocket: config.power?.socket ?? null,
    cores: new UsualCores(
      join(roofsFolder, 'cores.json'),
      `${profile.hostname}, ${profile.cpuModel}, cores v${CORES_VERSION}`,
    ),
    roofs,
    factors,
  };
}

/** One trial while it runs: what each of its stages works with. */
export interface TrialRun {
  readonly lease: Lease;
  readonly node: TrialContext;
  readonly device: DeviceProfile;
  /** What is learned on the way; judged when the trial has ended. */
  readonly notes: TrialNotes;
  readonly child: CurrentChild;
  /** Keep the files that it uses from eviction, until the trial has ended. */
  readonly pins: Pins;
  /** What its device is set to. */
  readonly settings: AppliedSettings;
  readonly onProgress: (progress: TrialProgress) => void;
}

/** @returns where a child of a trial opens something. */
export function placeOf({ lease, node, device }: TrialRun): Omit<PlaceRequest, 'options'> {
  return {
    deviceClass: lease.experiment.device,
    deviceId: device.id,
    ...(lease.otherDeviceIds !== undefined && { otherDeviceIds: lease.otherDeviceIds }),
    // Those that its processes are pinned to, however many devices it has.
    cpus: device.cpus,
    engines: inProcess(node.engines),
  };
}

/**
 * @returns how long a child of a trial may take, which a sweep may shorten alone, and how much memory it may
 *   hold.
 */
export function childLimits({ lease, node }: Pick<TrialRun, 'lease' | 'node'>): {
  readonly timeLimitSeconds: number;
  readonly memoryLimitBytes: number;
} {
  const { limits, profile } = node;
  return {
    timeLimitSeconds: Math.min(
      lease.experiment.measure.trialTimeoutSeconds ?? Number.POSITIVE_INFINITY,
      limits.trialTimeoutSeconds,
    ),
    memoryLimitBytes: limits.memoryLimitBytes ?? profile.memoryBytes,
  };
}
