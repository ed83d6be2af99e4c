import type { Labels } from './families.js';

/**
 * Every meter of an agent, and what its readings are of: the whole node, the device that a trial has, or the
 * trial's own process. Meters name themselves by this table, and whoever reads a record tells node and device
 * apart by it.
 */
const METER_SCOPES = {
  process: 'trial',
  cores: 'trial',
  system: 'node',
  clock: 'node',
  temperature: 'node',
  rapl: 'node',
  perf: 'node',
  jetson: 'node',
  apple: 'node',
  powermetrics: 'node',
  replay: 'node',
  nvml: 'device',
  'nvml-state': 'device',
  amd: 'device',
  'amd-state': 'device',
  'intel-gpu': 'device',
} as const satisfies Readonly<Record<string, Scope>>;

type Scope = 'node' | 'device' | 'trial';

export type MeterName = keyof typeof METER_SCOPES;

/** @returns whether readings of this meter are of the whole node, whatever device a trial had. */
export function isOfNode(meter: string): boolean {
  return Object.hasOwn(METER_SCOPES, meter) && METER_SCOPES[meter as MeterName] === 'node';
}

/** A family of an agent's `/metrics` that shows a quantity as it is now. */
interface ReadingFamily {
  /** Whole name in Prometheus. */
  readonly name: `ridgepoint_${string}`;
  readonly help: string;
  /** What tells the quantity from others of the family, beside node, device and domain. */
  readonly labels: Labels;
}

const family = <const Name extends string>(name: Name, help: string, labels: Labels = {}) =>
  ({ name: `ridgepoint_${name}` as const, help, labels }) satisfies ReadingFamily;

interface QuantityDescription {
  /** As records and tables write it. */
  readonly unit: string;
  /** A counter only grows; a gauge is what it is at that moment. */
  readonly kind: 'gauge' | 'counter';
}

const DEVICE_POWER = family(
  'device_power_watts',
  'Power of a device as its driver reports it; the domain says of what, and whether it is a mean.',
);
const deviceClock = (clock: string) =>
  family('device_clock_hertz', 'Clock of a device: of its cores or of its memory.', { clock });
const deviceTemperature = (sensor: string) =>
  family('device_temperature_celsius', 'Temperature of a device, by sensor.', { sensor });

/**
 * Energy and power: quantities that one meter may read of several domains (`energyJoules:package-0`), of the
 * node or of a device, whichever the meter is of. The families are null where no agent exports it.
 */
export const ENERGY_QUANTITIES = {
  energyJoules: {
    unit: 'J',
    kind: 'counter',
    node: family(
      'node_energy_joules_total',
      'Energy counter of a source of the node; what it counts from is its own affair.',
    ),
    device: family(
      'device_energy_joules_total',
      'Energy counter of a device; what it counts from is its own affair.',
    ),
  },
  powerWatts: {
    unit: 'W',
    kind: 'gauge',
    node: family('node_power_watts', 'Power that a source of the node reports now.'),
    device: DEVICE_POWER,
  },
  /** Over a second, by the driver. */
  powerAverageWatts: { unit: 'W', kind: 'gauge', node: null, device: DEVICE_POWER },
  partEnergyJoules: {
    unit: 'J',
    kind: 'counter',
    node: family(
      'node_part_energy_joules_total',
      'Energy counter of what lies inside another source of the node, e.g. the cores of a package: not to be summed with it.',
    ),
    device: null,
  },
  partPowerWatts: {
    unit: 'W',
    kind: 'gauge',
    node: family(
      'node_part_power_watts',
      'Power of what lies inside another source of the node: not to be summed with it.',
    ),
    device: null,
  },
} as const satisfies Readonly<
  Record<
    string,
    QuantityDescription & { readonly node: ReadingFamily | null; readonly device: ReadingFamily | null }
  >
>;

/**
 * What an agent exports is of the node or of a device. Of a trial there are its processes and its cores,
 * whose quantities are in its record alone.
 */
type OfWhat =
  | { readonly of: 'node' | 'device'; readonly family: ReadingFamily | null }
  | { readonly of: 'processes' | 'cores'; readonly family: null };

/**
 * Every other quantity, with what it is of, and the family that an agent exports it as; null = only records
 * have it.
 */
export const QUANTITIES = {
  processCpuSeconds: { of: 'processes', unit: 's', kind: 'counter', family: null },
  processResidentBytes: { of: 'processes', unit: 'B', kind: 'gauge', family: null },
  processPeakResidentBytes: { of: 'processes', unit: 'B', kind: 'gauge', family: null },
  processProportionalBytes: { of: 'processes', unit: 'B', kind: 'gauge', family: null },
  coreShareRatio: { of: 'cores', unit: 'ratio', kind: 'gauge', family: null },
  coreLatencyRatio: { of: 'cores', unit: 'ratio', kind: 'gauge', family: null },
  systemBusyCpuSeconds: { of: 'node', unit: 's', kind: 'counter', family: null },
  systemStealCpuSeconds: { of: 'node', unit: 's', kind: 'counter', family: null },
  systemTotalCpuSeconds: { of: 'node', unit: 's', kind: 'counter', family: null },
  agentCpuSeconds: { of: 'node', unit: 's', kind: 'counter', family: null },
  cpuTemperatureCelsius: {
    of: 'node',
    unit: 'celsius',
    kind: 'gauge',
    family: family('node_cpu_temperature_celsius', 'Hottest CPU package.'),
  },
  cpuClockHertz: {
    of: 'node',
    unit: 'Hz',
    kind: 'gauge',
    family: family('node_cpu_clock_hertz', 'Clock of the first CPU.'),
  },
  deviceMemoryBytes: {
    of: 'device',
    unit: 'B',
    kind: 'gauge',
    family: family('device_memory_used_bytes', 'Memory in use on a device.'),
  },
  deviceClockHertz: { of: 'device', unit: 'Hz', kind: 'gauge', family: deviceClock('cores') },
  deviceMemoryClockHertz: { of: 'device', unit: 'Hz', kind: 'gauge', family: deviceClock('memory') },
  deviceTemperatureCelsius: {
    of: 'device',
    unit: 'celsius',
    kind: 'gauge',
    family: deviceTemperature('cores'),
  },
  deviceMemoryTemperatureCelsius: {
    of: 'device',
    unit: 'celsius',
    kind: 'gauge',
    family: deviceTemperature('memory'),
  },
  deviceUtilizationRatio: {
    of: 'device',
    unit: 'ratio',
    kind: 'gauge',
    family: family(
      'device_utilization_ratio',
      'Share of time in which a device was at work, as its driver says.',
    ),
  },
  deviceMemoryUtilizationRatio: { of: 'device', unit: 'ratio', kind: 'gauge', family: null },
  /** One reading, a series for each reason (agent/exporter/readings.ts). */
  throttleReasons: {
    of: 'device',
    unit: 'bits',
    kind: 'gauge',
    family: family(
      'device_throttling',
      'Whether a device has lowered its clock for this reason now: 1 or 0.',
      { reason: '' },
    ),
  },
  processDeviceMemoryBytes: { of: 'device', unit: 'B', kind: 'gauge', family: null },
  otherDeviceProcesses: { of: 'device', unit: 'processes', kind: 'gauge', family: null },
  otherDevicesUsed: { of: 'device', unit: 'devices', kind: 'gauge', family: null },
} as const satisfies Readonly<Record<string, QuantityDescription & OfWhat>>;

export type EnergyQuantityName = keyof typeof ENERGY_QUANTITIES;
export type QuantityName = keyof typeof QUANTITIES;

type Energy = (typeof ENERGY_QUANTITIES)[EnergyQuantityName];
type Family = NonNullable<Energy['node' | 'device'] | (typeof QUANTITIES)[QuantityName]['family']>;
/** The families of all of them, by name. */
export type ReadingFamilyName = Family['name'];

/** @returns the quantities of a trial's processes, or of its cores. */
export function quantitiesOf(of: 'processes' | 'cores'): readonly QuantityName[] {
  return (Object.keys(QUANTITIES) as QuantityName[]).filter((name) => QUANTITIES[name].of === of);
}

/** @returns whether a name, without its domain, is that of an energy or a power. */
export function isEnergyQuantity(name: string): name is EnergyQuantityName {
  return Object.hasOwn(ENERGY_QUANTITIES, name);
}

/**
 * @returns what an agent exports a quantity (without its domain) of its node, or of a device, as; null =
 *   nothing.
 */
export function familyOf(name: string, of: 'node' | 'device'): Family | null {
  if (isEnergyQuantity(name)) return ENERGY_QUANTITIES[name][of];
  if (!Object.hasOwn(QUANTITIES, name)) return null;
  const quantity = QUANTITIES[name as QuantityName];
  return quantity.of === of ? quantity.family : null;
}
