import type { NvmlDevice, NvmlFields } from './device.js';
import type { GpuProcess } from './processes.js';

type Value = number | null;

/**
 * Several GPUs as one, for a server that is spread over them: energy, power and memory added up, clocks of
 * the slowest and temperatures of the hottest, since the others wait for them. What one of them does not tell
 * is null.
 */
export function severalGpus(devices: readonly NvmlDevice[]): NvmlDevice {
  const combinedValue = (
    read: (device: NvmlDevice) => Value,
    by: (values: readonly number[]) => number,
  ): Value => {
    const values = devices.map(read).filter((value) => value !== null);
    return values.length === devices.length ? by(values) : null;
  };
  const least = (values: readonly number[]) => Math.min(...values);
  const largest = (values: readonly number[]) => Math.max(...values);
  const union = (masks: readonly number[]) => masks.reduce((a, b) => a | b, 0);
  return {
    uuid: devices.map(({ uuid }) => uuid).join('+'),
    name: devices.map(({ name }) => name).join(' + '),
    memoryBytes: sum(devices.map(({ memoryBytes }) => memoryBytes)),
    board: devices.find(({ board }) => board !== null)?.board ?? null,
    energyJoules: () => combinedValue((device) => device.energyJoules(), sum),
    fields() {
      const read = devices.map((device) => device.fields());
      const field = (name: keyof NvmlFields, by: (values: readonly number[]) => number): Value => {
        const values = read.map((fields) => fields[name]).filter((value) => value !== null);
        return values.length === read.length ? by(values) : null;
      };
      return {
        powerWatts: field('powerWatts', sum),
        averagePowerWatts: field('averagePowerWatts', sum),
        modulePowerWatts: field('modulePowerWatts', sum),
        memoryPowerWatts: field('memoryPowerWatts', sum),
        memoryTemperatureCelsius: field('memoryTemperatureCelsius', largest),
      };
    },
    powerLimitWatts: () => combinedValue((device) => device.powerLimitWatts(), sum),
    memoryUsedBytes: () => combinedValue((device) => device.memoryUsedBytes(), sum),
    clockHertz: () => combinedValue((device) => device.clockHertz(), least),
    memoryClockHertz: () => combinedValue((device) => device.memoryClockHertz(), least),
    utilization() {
      const shares = devices.map((device) => device.utilization()).filter((share) => share !== null);
      if (shares.length < devices.length) return null;
      const mean = (values: readonly number[]) => sum(values) / values.length;
      const compute = mean(shares.map((share) => share.compute));
      return { compute, memory: mean(shares.map((share) => share.memory)) };
    },
    temperatureCelsius: () => combinedValue((device) => device.temperatureCelsius(), largest),
    // Bits of nvmlClocksEventReasons, which fit a 32-bit integer.
    throttleReasons: () => combinedValue((device) => device.throttleReasons(), union),
    processes: () => mergeProcesses(devices.map((device) => device.processes())),
    inUse() {
      const uses = devices.map((device) => device.inUse());
      return uses.includes(true) ? true : uses.includes(null) ? null : false;
    },
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** A process that computes on two of them is one, with the memory of both. */
function mergeProcesses(lists: readonly (readonly GpuProcess[] | null)[]): readonly GpuProcess[] | null {
  const found = new Map<number, number | null>();
  for (const list of lists) {
    if (list === null) return null;
    for (const { pid, usedBytes } of list) {
      const before = found.has(pid) ? found.get(pid)! : 0;
      found.set(pid, before === null || usedBytes === null ? null : before + usedBytes);
    }
  }
  return [...found].map(([pid, usedBytes]) => ({ pid, usedBytes }));
}
