import type { Nvml } from '../device/nvml.js';
import { findClockMeter } from './clock.js';
import { findGpuMeters, findNodeEnergy } from './energy-search.js';
import type { Meter, MeterSearch } from './meter.js';
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
  /** Measured at the agent's start, by device; left out = every source counts as renewed at each reading. */
  readonly periods?: ReadonlyMap<string, UpdatePeriods>;
}

export interface MeterSet {
  readonly meters: readonly Meter[];
  /**
   * What was looked for in vain, with the reason: by quantity, for which a record looks it up; sources of energy, whose domains
   * only they know, by their meter, and `energy` when there is no source at all.
   */
  readonly absent: Readonly<Record<string, string>>;
  /** How often the sources of these meters renew their quantities, as seen at the agent's start. */
  readonly periods: UpdatePeriods;
}

/** The NVIDIA side of a search: the library, or why there is none. */
export type NvmlState = { readonly nvml: Nvml } | { readonly reason: string };

/**
 * Opens the meters of one trial on one device; the caller closes them (the recorder does).
 * @param wanted `off` when the sweep asks for a run without meters, to see what they cost.
 */
export function findMeters(
  settings: MeterSettings,
  nvml: NvmlState,
  deviceId: string,
  wanted: 'on' | 'off',
): MeterSet {
  if (wanted === 'off') {
    const reason = 'the sweep turned the meters off (measure.meters)';
    return { meters: [], absent: { meters: reason, energy: reason }, periods: new Map() };
  }
  const gpus = 'nvml' in nvml ? nvml.nvml.devices : [];
  const gpu = gpus.find((device) => device.uuid === deviceId);
  const others = gpus.filter((device) => device !== gpu);
  const ofDevice = gpu === undefined ? [] : nvmlMeters(gpu, others, settings.procRoot);
  // A trace stands in for every energy source there is, and `none` for none.
  const meters = ofDevice.filter((meter) => settings.energy === 'auto' || !measuresEnergy(meter));
  const absent: Record<string, string> = {};
  for (const search of [
    findProcessMeter(settings.procRoot),
    findSystemMeter(settings.procRoot),
    findClockMeter(settings.sysRoot, settings.procRoot),
    findTemperatureMeter(settings.sysRoot),
    ...findGpuMeters(settings.sensors ?? NO_SENSORS, deviceId, settings.energy === 'auto'),
    ...energySearches(settings),
  ]) {
    if (search.found) meters.push(search.meter);
    else for (const name of namesOf(search)) absent[name] = search.reason;
  }
  const periods = settings.periods?.get(deviceId) ?? new Map();
  for (const meter of meters.filter((one) => isStuck(one, periods))) {
    meters.splice(meters.indexOf(meter), 1);
    meter.close();
    absent[meter.name] = stuckReason(meter, periods);
  }
  if (gpu !== undefined && gpu.board !== null && settings.energy === 'auto') {
    absent.energy = `${gpu.uuid} is a MIG instance: the driver measures only its whole board (${gpu.board})`;
  } else if (!meters.some(measuresEnergy)) absent.energy = whyNoEnergy(settings, absent, nvml);
  return { meters, absent: { ...absent, ...unseenPeriods(meters, periods) }, periods };
}

/**
 * True for a meter of nothing but energy counters that did not move while the agent started: a virtual machine may show a counter
 * that its host never fills. Trials would be made longer for it, and learn nothing.
 */
export function isStuck({ name, quantities }: Meter, periods: UpdatePeriods): boolean {
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
  const of = (quantity: string) => {
    const period = periods.get(periodKey(name, quantity));
    return `${quantity}: ${period?.seconds === null ? period.reason : 'it did not move'}`;
  };
  return `its counters stood still at the agent's start (${quantities.map((quantity) => of(quantity.name)).join(', ')})`;
}

/** What is absent without a meter. */
function namesOf({ name, quantities }: Extract<MeterSearch, { readonly found: false }>): readonly string[] {
  return quantities?.map((quantity) => quantity.name) ?? [name];
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
      return [
        [
          `period of ${name}/${quantity.name}`,
          `${period.reason} at the agent's start; the ${periodSeconds} s between readings count as its period`,
        ],
      ];
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
  const others = ['rapl', 'perf', 'jetson', 'apple', 'amd', 'intel-gpu'].flatMap(
    (name) => absent[name] ?? [],
  );
  return [...others, gpu].join(' and ');
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
  if (energy === 'none')
    return [{ found: false, name: 'none', reason: 'the agent’s config turns energy off (meters.energy)' }];
  return [findReplayMeter(settings.replayFile ?? '(no meters.replayFile in the agent’s config)')];
}
