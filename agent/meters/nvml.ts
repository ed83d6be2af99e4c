import type { NvmlDevice } from '../device/nvml.js';
import { monotonicSeconds } from '../isolation/line.js';
import type { Meter, Quantity, Reading } from './meter.js';

interface Source {
  readonly quantity: Quantity;
  read(device: NvmlDevice): number | null;
}

const gauge = (name: string, unit: string, domain: string | null): Quantity => ({
  name,
  unit,
  kind: 'gauge',
  domain,
});

/** Both steps are documented by measurements: the counter moves about every 100 ms (arXiv 2312.02741). */
const ENERGY: readonly Source[] = [
  {
    quantity: { name: 'energyJoules:gpu', unit: 'J', kind: 'counter', domain: 'gpu' },
    read: (device) => device.energyJoules(),
  },
  { quantity: gauge('powerWatts:gpu', 'W', 'gpu'), read: (device) => device.powerWatts() },
];

const STATE: readonly Source[] = [
  { quantity: gauge('deviceMemoryBytes', 'B', null), read: (device) => device.memoryUsedBytes() },
  { quantity: gauge('deviceClockHertz', 'Hz', null), read: (device) => device.clockHertz() },
  {
    quantity: gauge('deviceUtilizationRatio', 'ratio', null),
    read: (device) => device.utilizationRatio(),
  },
  {
    quantity: gauge('deviceTemperatureCelsius', 'celsius', null),
    read: (device) => device.temperatureCelsius(),
  },
  { quantity: gauge('throttleReasons', 'bits', null), read: (device) => device.throttleReasons() },
];

/**
 * Two meters for one GPU: energy at the step of its counter, and the slower state of the device, since
 * each question to the driver costs time on the host.
 */
export function nvmlMeters(device: NvmlDevice): readonly Meter[] {
  return [new NvmlMeter('nvml', 0.1, device, ENERGY), new NvmlMeter('nvml-state', 0.5, device, STATE)];
}

class NvmlMeter implements Meter {
  readonly name: string;
  readonly ownRhythm = true;
  readonly periodSeconds: number;
  readonly quantities: readonly Quantity[];
  readonly #device: NvmlDevice;
  readonly #sources: readonly Source[];

  constructor(name: string, periodSeconds: number, device: NvmlDevice, sources: readonly Source[]) {
    this.name = name;
    this.periodSeconds = periodSeconds;
    this.#device = device;
    // A quantity that this GPU does not have is not promised.
    this.#sources = sources.filter((source) => source.read(device) !== null);
    this.quantities = this.#sources.map((source) => source.quantity);
  }

  attach(): void {}

  read(): readonly Reading[] {
    const readings: Reading[] = [];
    for (const source of this.#sources) {
      const value = source.read(this.#device);
      if (value === null) continue;
      readings.push({ quantity: source.quantity.name, seconds: monotonicSeconds(), value });
    }
    return readings;
  }

  close(): void {}
}
