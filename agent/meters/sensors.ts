import { setTimeout as sleep } from 'node:timers/promises';
import { type AmdSmi, openAmdSmi } from '../../process/device/amd-smi.js';
import { type IoReportLibraries, type IoReportSearch, openIoReport } from '../../process/device/io-report.js';
import { openPerfEvents, type PerfEvents } from '../../process/device/perf-events.js';
import { findSysfsGpus, type SysfsGpu } from '../../process/device/sysfs-gpus.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { type AmdCounter, findAmdMeter } from './amd.js';
import { type Command, type PowermetricsSearch, tryPowermetrics } from './powermetrics.js';

/** Wide, for the counter's steps are coarse and power is an average: it tells wrong units from right ones. */
const BELIEVABLE = { least: 0.1, most: 10 };
const WATCH_SECONDS = 0.5;

/**
 * Watches the energy counter of an AMD GPU for a moment beside its power: on some boards and releases it
 * counts in other units than it says (ROCm/amdsmi#38), or not at all.
 * @returns the counter, or why it is not used.
 */
export async function believedCounter(
  gpu: SysfsGpu,
  amdSmi: AmdSmi,
  watchSeconds = WATCH_SECONDS,
): Promise<AmdCounter> {
  const power = findAmdMeter(gpu, { reason: '' });
  const watts = () => (power.found ? (power.meter.read()[0]?.value ?? null) : null);
  const readSensors = () => ({
    seconds: monotonicSeconds(),
    joules: amdSmi.energyJoules(gpu.pciAddress),
    watts: watts(),
  });
  const first = readSensors();
  await sleep(watchSeconds * 1000);
  const last = readSensors();
  if (power.found) power.meter.close();
  if (first.joules === null || last.joules === null)
    return { reason: `${amdSmi.library} has no energy counter for it` };
  const counted = (last.joules - first.joules) / (last.seconds - first.seconds);
  if (counted <= 0) return { reason: `the energy counter of ${amdSmi.library} does not move` };
  if (first.watts === null || last.watts === null) return { amdSmi };
  const shown = (first.watts + last.watts) / 2;
  if (counted > BELIEVABLE.least * shown && counted < BELIEVABLE.most * shown) return { amdSmi };
  const reason = `the energy counter of ${amdSmi.library} counts ${counted.toPrecision(3)} W while the board draws ${shown.toPrecision(3)} W, so it is not used`;
  return { reason };
}

/** What meters need beside files: opened once, when the agent starts, and kept for every trial. */
export interface Sensors {
  readonly gpus: readonly SysfsGpu[];
  /** By PCI address. */
  readonly amdCounters: Readonly<Record<string, AmdCounter>>;
  readonly perf: PerfEvents;
  /** null on a machine that is not Apple's. */
  readonly ioReport: IoReportSearch | null;
  /** null where it is not needed, or not allowed. */
  readonly powermetrics: PowermetricsSearch | null;
}

/** Nothing was opened: only files are read. */
export const NO_SENSORS: Sensors = {
  gpus: [],
  amdCounters: {},
  perf: { found: false, reason: 'perf events were not opened' },
  ioReport: null,
  powermetrics: null,
};

export interface SensorOptions {
  readonly sysRoot: string;
  /** False where the config wants no energy, or that of a trace: then nothing is opened. */
  readonly energy: boolean;
  /** The operator lets the agent start Apple's powermetrics through sudo. */
  readonly allowPowermetrics: boolean;
  /** Other libraries, another command and another system, for tests. */
  readonly amdLibraries?: readonly string[];
  readonly ioReportLibraries?: IoReportLibraries;
  readonly powermetricsCommand?: Command;
  readonly platform?: NodeJS.Platform;
}

/** Opens what this machine has. A library is only loaded where its hardware is. */
export async function openSensors(options: SensorOptions): Promise<Sensors> {
  const { sysRoot, platform = process.platform } = options;
  const apple = platform === 'darwin';
  const gpus = findSysfsGpus(sysRoot);
  if (!options.energy) return { ...NO_SENSORS, gpus };
  const [amdCounters, perf, ioReport] = await Promise.all([
    openAmdCounters(gpus, options.amdLibraries),
    openPerfEvents(),
    apple ? openIoReport(options.ioReportLibraries) : null,
  ]);
  const wanted = apple && options.allowPowermetrics && ioReport?.found === false;
  const powermetrics = wanted ? await tryPowermetrics(options.powermetricsCommand) : null;
  return { gpus, amdCounters, perf, ioReport, powermetrics };
}

async function openAmdCounters(
  gpus: readonly SysfsGpu[],
  libraries: readonly string[] | undefined,
): Promise<Record<string, AmdCounter>> {
  const amd = gpus.filter(({ vendor }) => vendor === 'amd');
  if (amd.length === 0) return {};
  const search = await openAmdSmi(libraries);
  const counters = amd.map(
    async (gpu): Promise<[string, AmdCounter]> => [
      gpu.pciAddress,
      search.found ? await believedCounter(gpu, search.amdSmi) : { reason: search.reason },
    ],
  );
  return Object.fromEntries(await Promise.all(counters));
}
