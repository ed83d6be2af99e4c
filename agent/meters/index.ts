import { severalGpus } from '../../process/device/nvml/several.js';
import type { Nvml } from '../../process/device/nvml.js';
import { findClockMeter } from './clock.js';
import { findGpuMeters, findNodeEnergy } from './energy-search.js';
import { absentMeter, type Meter, type MeterSearch } from './meter.js';
import { nvmlMeters } from './nvml.js';
import { findProcessMeter } from './process.js';
import { findReplayMeter } from './replay.js';
import { NO_SENSORS, type Sensors } from './sensors.js';
import { findSystemMeter } from './system.js';
import { findTemperatureMeter } from './temperature.js';
import { measurePeriods, periodKey, type UpdatePeriods } from './update-period.js';

export interface MeterSettings {
  /** `auto` looks for counters, `none` leaves energy out, `replay` plays `replayFile`. */
  readonly energy: 'auto' | 'none' | 'replay';
  readonly replayFile: string | null;
  readonly procRoot: string;
  readonly sysRoot: string;
  /** The operator lets the agent start Apple's powermetrics through sudo, where there is nothing better. */
  readonly allowPowermetrics?: boolean;
  /** Opened at the agent's start; left out = only files are read. */
  readonly sensors?: Sensors;
  /** Measured at the agent's start; left out = every source counts as renewed at each reading. */
  readonly periods?: NodePeriods;
}

/** How often the sources of a node renew what they tell. */
export interface NodePeriods {
  /** Of the sources of the node as a whole. */
  readonly node: UpdatePeriods;
  /** Of those that each device has to itself, by its id. */
  readonly devices: ReadonlyMap<string, UpdatePeriods>;
}

export interface MeterSet {
  readonly meters: readonly Meter[];
  /**
   * What was not found, with the reason. The key is the quantity, under which a record looks the reason up.
   * For a source of energy, whose domains are then unknown, it is the meter; `energy` if there is no source
   * at all.
   */
  readonly absent: Readonly<Record<string, string>>;
  /** How often the sources of these meters renew their quantities, as seen at the agent's start. */
  readonly periods: UpdatePeriods;
}

/** The NVIDIA side of a search: the library, or why there is none. */
export type NvmlState = { readonly nvml: Nvml } | { readonly reason: string };

/** What the searches found, before update periods are known. */
type Found = Pick<MeterSet, 'meters' | 'absent'>;

/**
 * Opens the meters of one trial on one device: the device's own and the node's. The caller closes them (the
 * recorder does).
 * @param wanted `off` when the sweep asks for a run without meters, to see what they cost.
 * @param gpus that are read together, where the trial has more than its device.
 */
export function findMeters(
  settings: MeterSettings,
  nvml: NvmlState,
  deviceId: string,
  wanted: 'on' | 'off',
  gpus: readonly string[] = [deviceId],
): MeterSet {
  if (wanted === 'off') {
    const reason = 'the sweep turned the meters off (measure.meters)';
    return { meters: [], absent: { meters: reason, energy: reason }, periods: new Map() };
  }
  return combineMeterSets(settings, nvml, deviceId, [
    findDeviceMeters(settings, nvml, deviceId, gpus),
    findNodeMeters(settings),
  ]);
}

/** Opens the meters that every trial has, whichever its device. The caller closes them. */
export function findNodeMeters(settings: MeterSettings): MeterSet {
  const { sysRoot, procRoot, periods } = settings;
  const found = opened([
    findProcessMeter(procRoot),
    findSystemMeter(procRoot),
    findClockMeter(sysRoot, procRoot),
    findTemperatureMeter(sysRoot),
    ...energySearches(settings),
  ]);
  return withPeriods(found, periods?.node ?? new Map());
}

/** Opens the meters that a device has to itself; a CPU has none. The caller closes them. */
export function findDeviceMeters(
  settings: MeterSettings,
  nvml: NvmlState,
  deviceId: string,
  gpus: readonly string[] = [deviceId],
): MeterSet {
  const all = 'nvml' in nvml ? nvml.nvml.devices : [];
  const own = all.filter(({ uuid }) => gpus.includes(uuid));
  const others = all.filter((device) => !own.includes(device));
  const gpu = own.length > 1 ? severalGpus(own) : own[0];
  const ofNvml = gpu === undefined ? [] : nvmlMeters(gpu, others, settings.procRoot);
  const found = opened(findGpuMeters(settings.sensors ?? NO_SENSORS, gpus, settings.energy === 'auto'));
  // A trace stands in for every energy source there is, and `none` for none.
  const meters = ofNvml.filter((meter) => settings.energy === 'auto' || !measuresEnergy(meter));
  return withPeriods(
    { meters: [...meters, ...found.meters], absent: found.absent },
    settings.periods?.devices.get(deviceId) ?? new Map(),
  );
}

function opened(searches: readonly MeterSearch[]): Found {
  const meters: Meter[] = [];
  const absent: Record<string, string> = {};
  for (const search of searches) {
    if (search.found) meters.push(search.meter);
    // What is absent without a meter.
    else for (const { name } of search.quantities ?? [search]) absent[name] = search.reason;
  }
  return { meters, absent };
}

/** What was found, once its periods are known: meters that stood still are closed and absent. */
export function withPeriods({ meters, absent }: Found, periods: UpdatePeriods): MeterSet {
  const stuck = meters.filter((meter) => isStuck(meter, periods));
  for (const meter of stuck) meter.close();
  const moving = meters.filter((meter) => !stuck.includes(meter));
  return {
    meters: moving,
    absent: {
      ...absent,
      ...Object.fromEntries(stuck.map((meter) => [meter.name, stuckReason(meter, periods)])),
      ...unseenPeriods(moving, periods),
    },
    periods,
  };
}

/** The sets that a trial on a device has, as one; where none of them measures energy, `absent` says why. */
export function combineMeterSets(
  settings: MeterSettings,
  nvml: NvmlState,
  deviceId: string,
  sets: readonly MeterSet[],
): MeterSet {
  const meters = sets.flatMap((set) => set.meters);
  const absent: Record<string, string> = Object.assign({}, ...sets.map((set) => set.absent));
  const gpu = 'nvml' in nvml ? nvml.nvml.devices.find(({ uuid }) => uuid === deviceId) : undefined;
  if (gpu !== undefined && gpu.board !== null && settings.energy === 'auto') {
    absent.energy = `${gpu.uuid} is a MIG instance: the driver measures only its whole board (${gpu.board})`;
  } else if (!meters.some(measuresEnergy)) absent.energy = whyNoEnergy(settings, absent, nvml);
  return { meters, absent, periods: new Map(sets.flatMap((set) => [...set.periods])) };
}

/**
 * True for a meter that has only energy counters, none of which moved while the agent started: a virtual
 * machine may show a counter that its host never updates. Trials would be lengthened for its sake, and still
 * learn nothing.
 */
function isStuck({ name, quantities }: Meter, periods: UpdatePeriods): boolean {
  return (
    quantities.length > 0 &&
    quantities.every(
      (quantity) =>
        quantity.domain !== null &&
        quantity.kind === 'counter' &&
        periods.get(periodKey(name, quantity.name))?.changes === 0,
    )
  );
}

function stuckReason({ name, quantities }: Meter, periods: UpdatePeriods): string {
  const reasonOf = (quantity: string) => {
    const period = periods.get(periodKey(name, quantity));
    return `${quantity}: ${period?.seconds === null ? period.reason : 'it did not move'}`;
  };
  return `its counters stood still at the agent's start (${quantities.map((quantity) => reasonOf(quantity.name)).join(', ')})`;
}

/** Measures how often the sources of these meters renew what they tell; takes up to two seconds. */
export function periodsOf({ meters }: MeterSet): Promise<UpdatePeriods> {
  return measurePeriods(meters.filter(({ ownRhythm }) => ownRhythm === true));
}

/** Energy and power whose period could not be seen: what counts for them then is how often they are read. */
function unseenPeriods(meters: readonly Meter[], periods: UpdatePeriods): Record<string, string> {
  const unseen = meters.flatMap(({ name, periodSeconds, quantities }) =>
    quantities.filter(isEnergy).flatMap((quantity): [string, string][] => {
      const period = periods.get(periodKey(name, quantity.name));
      if (period === undefined || period.seconds !== null) return [];
      const what = `the ${periodSeconds} s between readings count as its period`;
      return [[`period of ${name}/${quantity.name}`, `${period.reason} at the agent's start; ${what}`]];
    }),
  );
  return Object.fromEntries(unseen);
}

function whyNoEnergy(
  settings: MeterSettings,
  absent: Readonly<Record<string, string>>,
  nvml: NvmlState,
): string {
  if (settings.energy !== 'auto') return absent[settings.energy] ?? 'the trace holds no energy';
  const gpu = 'reason' in nvml ? nvml.reason : 'no NVIDIA GPU that measures energy';
  const others = ['rapl', 'perf', 'jetson', 'apple', 'amd', 'intel-gpu'];
  return [...others.flatMap((name) => absent[name] ?? []), gpu].join(' and ');
}

/** @returns the energy domains of the meters, e.g. `rapl:package-0`, for the node's profile. */
export function energySourcesOf(set: MeterSet): readonly string[] {
  const sources = set.meters.flatMap((meter) =>
    meter.quantities.filter(isEnergy).map(({ domain }) => `${meter.name}:${domain}`),
  );
  return [...new Set(sources)];
}

/** True when one of its quantities is an energy or a power. */
export function measuresEnergy(meter: Meter): boolean {
  return meter.quantities.some(isEnergy);
}

function isEnergy(quantity: { readonly name: string }): boolean {
  return /^(energyJoules|powerWatts|powerAverageWatts):/.test(quantity.name);
}

function energySearches(settings: MeterSettings): readonly MeterSearch[] {
  const { energy, sysRoot, procRoot, sensors = NO_SENSORS } = settings;
  if (energy === 'auto') return findNodeEnergy(sysRoot, procRoot, sensors);
  if (energy === 'none') return [absentMeter('none', 'the agent’s config turns energy off (meters.energy)')];
  return [findReplayMeter(settings.replayFile ?? '(no meters.replayFile in the agent’s config)')];
}
