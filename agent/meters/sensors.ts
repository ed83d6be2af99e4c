import { openAmdSmi } from '../../process/device/amd-smi.js';
import { type IoReportLibraries, type IoReportSearch, openIoReport } from '../../process/device/io-report.js';
import { openPerfEvents, type PerfEvents } from '../../process/device/perf-events.js';
import { findSysfsGpus, type SysfsGpu } from '../../process/device/sysfs-gpus.js';
import type { AmdCounter } from './amd.js';
import { believedCounter } from './amd-counter.js';
import { type Command, type PowermetricsSearch, tryPowermetrics } from './powermetrics.js';

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
