import { throttleNames } from '../../core/judgement/clocks.js';
import type { AgentMetric } from '../../core/metrics/exported.js';
import type { Labels } from '../../core/metrics/families.js';
import type { Reading } from '../meters/meter.js';

/** What a reading becomes: a value of a metric of the catalogue. */
export interface ExportedReading {
  readonly metric: AgentMetric;
  readonly labels: Labels;
  readonly value: number;
}

/** By quantity without its domain: the metric it is where it belongs to the whole node. */
const OF_NODE: Readonly<Record<string, AgentMetric>> = {
  energyJoules: 'ridgepoint_node_energy_joules_total',
  powerWatts: 'ridgepoint_node_power_watts',
  partEnergyJoules: 'ridgepoint_node_part_energy_joules_total',
  partPowerWatts: 'ridgepoint_node_part_power_watts',
  cpuTemperatureCelsius: 'ridgepoint_node_cpu_temperature_celsius',
  cpuClockHertz: 'ridgepoint_node_cpu_clock_hertz',
};

/** The same where it belongs to a device, with the labels that tell it from others of that metric. */
const OF_DEVICE: Readonly<Record<string, readonly [AgentMetric, Labels]>> = {
  energyJoules: ['ridgepoint_device_energy_joules_total', {}],
  powerWatts: ['ridgepoint_device_power_watts', {}],
  deviceMemoryBytes: ['ridgepoint_device_memory_used_bytes', {}],
  deviceClockHertz: ['ridgepoint_device_clock_hertz', { clock: 'cores' }],
  deviceMemoryClockHertz: ['ridgepoint_device_clock_hertz', { clock: 'memory' }],
  deviceTemperatureCelsius: ['ridgepoint_device_temperature_celsius', { sensor: 'cores' }],
  deviceMemoryTemperatureCelsius: ['ridgepoint_device_temperature_celsius', { sensor: 'memory' }],
  deviceUtilizationRatio: ['ridgepoint_device_utilization_ratio', {}],
};

const WITH_DOMAIN = /_(energy_joules_total|power_watts)$/;

/** @param device null = a source of the whole node. @returns nothing for a quantity that is of a trial only. */
export function exportedReadings(
  device: string | null,
  { quantity, value }: Pick<Reading, 'quantity' | 'value'>,
): ExportedReading[] {
  const [name = '', domain] = quantity.split(':');
  if (device === null) {
    const metric = OF_NODE[name];
    return metric === undefined ? [] : [{ metric, labels: domainOf(metric, domain ?? 'node'), value }];
  }
  if (name === 'throttleReasons') {
    return throttleNames().map(({ bit, name: reason }) => ({
      metric: 'ridgepoint_device_throttling',
      labels: { device, reason: reason.replaceAll(' ', '-') },
      value: hasBit(value, bit) ? 1 : 0,
    }));
  }
  // A mean over a second is another quantity than what flows now; its domain says so.
  if (name === 'powerAverageWatts') {
    const labels = { device, domain: `${domain ?? 'device'}-average` };
    return [{ metric: 'ridgepoint_device_power_watts', labels, value }];
  }
  const [metric, labels] = OF_DEVICE[name] ?? [null, {}];
  if (metric === null) return [];
  return [{ metric, labels: { device, ...labels, ...domainOf(metric, domain ?? 'device') }, value }];
}

function domainOf(metric: string, domain: string): Labels {
  return WITH_DOMAIN.test(metric) ? { domain } : {};
}

/** Of a number with up to 53 bits, which the operators on bits would cut to 32. */
function hasBit(value: number, bit: number): boolean {
  return Math.floor(value / bit) % 2 === 1;
}
