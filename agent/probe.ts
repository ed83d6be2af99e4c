import { arch, hostname, platform } from 'node:os';
import si from 'systeminformation';
import type { FailureCode } from '../core/errors.js';
import type { DeviceProfile, NodeProfile, RunnerProfile } from '../core/experiment/node.js';
import { OBSERVED_RUNNER } from '../core/runners/index.js';
import { NO_ENGINES, type NodeEngines } from '../engines/config.js';
import { PROBE } from '../engines/runners/jobs.js';
import { RUNNER_KINDS } from '../engines/runners/kinds.js';
import type { RunnerProbe } from '../engines/runners/runner.js';
import { readLimits } from '../process/device/cgroup.js';
import { cpuDevices, readCpu } from '../process/device/cpu.js';
import { metalDevices, nvidiaDevices, shareOf } from '../process/device/gpu.js';
import { openNvml } from '../process/device/nvml.js';
import { vulkanDevices } from '../process/device/sysfs-gpus.js';
import { taskOf } from '../process/isolation/job.js';
import { launch, UNBOUND } from '../process/isolation/launch.js';
import { VERSION } from '../process/package.js';
import type { AgentConfig } from './config.js';
import {
  combineMeterSets,
  energySourcesOf,
  findDeviceMeters,
  findNodeMeters,
  type MeterSettings,
  type NodePeriods,
  type NvmlState,
  periodsOf,
  withPeriods,
} from './meters/index.js';
import { openSensors, type SensorOptions, type Sensors } from './meters/sensors.js';
import { absentBy, MissingRunners } from './missing-runners.js';

export interface ProbeSettings {
  readonly nodeName: string;
  readonly labels: Readonly<Record<string, string>>;
  /** CPUs of each CPU device; empty = one device of all allowed CPUs. */
  readonly cpuGroups: readonly (readonly number[])[];
  /** GPUs that may be used, as CUDA_VISIBLE_DEVICES spells them; null or left out = all. */
  readonly gpus?: readonly string[] | null;
  readonly meters: MeterSettings;
  readonly runnerKinds?: readonly string[];
  readonly engines?: NodeEngines;
  readonly nvmlLibrary?: string | null;
  /** Other libraries and commands of sensors, for tests. */
  readonly sensors?: Partial<SensorOptions>;
}

export interface NodeProbe {
  readonly profile: NodeProfile;
  /** Stays open for the meters of every trial. */
  readonly nvml: NvmlState;
  /** Likewise: libraries and commands of the other sensors. */
  readonly sensors: Sensors;
  /** Everything each runner said, for `ridge doctor`. */
  readonly runnerProbes: readonly RunnerProbe[];
  /** Those whose probes gave no answer: one that is found later is in the profile then. */
  readonly missing: MissingRunners;
  /** How often each source of energy and device state renews what it tells: measured just now. */
  readonly periods: NodePeriods;
}

/** A probe opens drivers and libraries; one that takes longer hangs. */
const PROBE_LIMIT_SECONDS = 60;
/** On a machine where everything starts at once, a probe may end by no fault of its runner. */
const PROBE_TRIES = 3;
/** Failures of a probe that say nothing of its runner. */
const WITHOUT_ANSWER: ReadonlySet<FailureCode> = new Set([
  'crashed',
  'timed-out',
  'out-of-memory',
  'internal',
]);

/**
 * @returns the runners to look for where devices alone are wanted: those of software are known to an engine
 *   and to nobody else.
 */
export function listingDevices({ softwareDevices }: NodeEngines): readonly string[] {
  return softwareDevices ? [OBSERVED_RUNNER] : [];
}

/** @returns what an agent of this configuration finds on its node. */
export async function probeFor(config: AgentConfig): Promise<NodeProbe> {
  const { nodeName, labels, cpuGroups, gpus, runners, engines } = config;
  return await probeNode({
    nodeName,
    labels,
    cpuGroups,
    gpus,
    engines,
    meters: meterSettings(config),
    runnerKinds: runners ?? RUNNER_KINDS,
  });
}

/** @returns where meters of this configuration read. */
export function meterSettings({ meters }: Pick<AgentConfig, 'meters'>): MeterSettings {
  const { energy, replayFile, sysRoot, powermetrics } = meters;
  return { energy, replayFile, sysRoot, procRoot: '/proc', allowPowermetrics: powermetrics };
}

/** Looks at everything once, when the agent starts: slow things are allowed here and only here. */
export async function probeNode(settings: ProbeSettings): Promise<NodeProbe> {
  const { procRoot } = settings.meters;
  // Not under meters.sysRoot: limits are those of this process, and /sys of the host does not show them in a
  // container.
  const limits = readLimits(procRoot);
  const cpu = readCpu(procRoot);
  const search = await openNvml(settings.nvmlLibrary ?? undefined);
  const nvml: NvmlState = search.found ? { nvml: search.nvml } : { reason: search.reason };
  const kinds = settings.runnerKinds ?? RUNNER_KINDS;
  const [inventory, sensors, runnerProbes] = await Promise.all([
    takeInventory(),
    openSensors({
      sysRoot: settings.meters.sysRoot,
      energy: settings.meters.energy === 'auto',
      allowPowermetrics: settings.meters.allowPowermetrics ?? false,
      ...settings.sensors,
    }),
    probeRunners(kinds, settings.engines, Math.max(2, cpu.allowed.length)),
  ]);
  const host = cpuDevices(cpu, settings.cpuGroups, limits.memoryBytes, limits.cpuQuota);
  const hostCpus = [...new Set(host.flatMap((device) => device.cpus))];
  const devices: DeviceProfile[] = [
    ...host,
    ...('nvml' in nvml ? nvidiaDevices(nvml.nvml, hostCpus, settings.gpus) : []),
    ...metalDevices(inventory.chip, hostCpus, limits.memoryBytes),
    ...vulkanDevices(sensors.gpus, hostCpus),
    ...softwareDevices(runnerProbes, hostCpus),
  ];
  const energy = await searchEnergy({ ...settings.meters, sensors }, nvml, devices);
  const runners = runnerProbes.flatMap((probe): RunnerProfile[] => (probe.available ? [probe.profile] : []));
  const absent: Record<string, string> = { ...energy.absent };
  for (const probe of runnerProbes) Object.assign(absent, absentBy(probe));
  return {
    nvml,
    sensors,
    runnerProbes,
    missing: new MissingRunners({ runners, absent }, runnerProbes, (kind) =>
      probeRunner(kind, settings.engines),
    ),
    periods: energy.periods,
    profile: {
      name: settings.nodeName,
      hostname: hostname(),
      os: inventory.os,
      architecture: arch(),
      cpuModel: cpu.model,
      cpuFeatures: cpu.features,
      cores: inventory.physicalCores ?? cpu.allowed.length,
      memoryBytes: limits.memoryBytes,
      devices,
      runners,
      energySources: energy.sources,
      absent,
      // Their measurement is told when it is there.
      roofs: {},
      labels: settings.labels,
      version: VERSION,
    },
  };
}

/** Devices that drivers compute on the CPUs, which they share. */
function softwareDevices(probes: readonly RunnerProbe[], cpus: readonly number[]): DeviceProfile[] {
  const found = probes.flatMap((probe) => (probe.available ? (probe.softwareDevices ?? []) : []));
  return found.map((device, index) => ({ ...device, cpus: shareOf(cpus, index, found.length) }));
}

/**
 * @param atOnce probes that run at a time. Each is a process: more of them than CPUs would only slow down
 *   each other and everybody else.
 */
async function probeRunners(
  kinds: readonly string[],
  engines: NodeEngines | undefined,
  atOnce: number,
): Promise<RunnerProbe[]> {
  const probes: RunnerProbe[] = [];
  const left = [...kinds.entries()];
  const probeUntilNoneIsLeft = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, kind] = next;
      probes[index] = await probeRunner(kind, engines);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, probeUntilNoneIsLeft));
  return probes;
}

/**
 * Opens the runner's libraries in a child, so that a library that crashes on loading takes nobody along. A
 * child that ended without an answer is started again.
 * @param start replaced by tests.
 */
export async function probeRunner(
  kind: string,
  engines: NodeEngines = NO_ENGINES,
  start: typeof launch<RunnerProbe> = launch,
): Promise<RunnerProbe> {
  const task = taskOf(PROBE, { runnerKind: kind, engines });
  for (let tried = 1; ; tried += 1) {
    const { answer, failure } = await start({ ...UNBOUND, task, timeLimitSeconds: PROBE_LIMIT_SECONDS })
      .ended;
    if (failure === null) return answer;
    const unanswered = WITHOUT_ANSWER.has(failure.code);
    // What hung for a minute would hang again.
    if (unanswered && tried < PROBE_TRIES && failure.code !== 'timed-out') continue;
    const hint = failure.hint ?? 'run `ridge doctor` for the details';
    return { available: false, kind, reason: failure.message, hint, ...(unanswered && { unanswered }) };
  }
}

async function searchEnergy(settings: MeterSettings, nvml: NvmlState, devices: readonly DeviceProfile[]) {
  const node = findNodeMeters(settings);
  const own = devices.map(({ id }) => ({ id, set: findDeviceMeters(settings, nvml, id) }));
  // All at once: eight GPUs shall not take eight times as long.
  const [ofNode, ...ofDevices] = await Promise.all([node, ...own.map(({ set }) => set)].map(periodsOf));
  const periods: NodePeriods = {
    node: ofNode ?? new Map(),
    devices: new Map(own.map(({ id }, i) => [id, ofDevices[i] ?? new Map()])),
  };
  // As trials will find them: without what stood still.
  const shared = withPeriods(node, periods.node);
  const sources = new Set<string>();
  const absent: Record<string, string> = {};
  for (const { id, set } of own) {
    const ofDevice = withPeriods(set, periods.devices.get(id) ?? new Map());
    const found = combineMeterSets(settings, nvml, id, [ofDevice, shared]);
    for (const source of energySourcesOf(found)) sources.add(source);
    Object.assign(absent, found.absent);
    for (const meter of ofDevice.meters) meter.close();
  }
  for (const meter of shared.meters) meter.close();
  if (sources.size > 0) delete absent.energy;
  return { sources: [...sources], absent, periods };
}

async function takeInventory(): Promise<{ os: string; chip: string; physicalCores: number | null }> {
  try {
    const [os, cpu] = await Promise.all([si.osInfo(), si.cpu()]);
    return {
      os: [os.distro, os.release, os.kernel].filter(Boolean).join(' '),
      chip: cpu.brand,
      physicalCores: cpu.physicalCores > 0 ? cpu.physicalCores : null,
    };
  } catch {
    return { os: platform(), chip: 'unknown', physicalCores: null };
  }
}
