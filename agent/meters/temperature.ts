import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { ReadAgain } from '../../process/device/read-again.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { type Meter, type MeterSearch, type Quantity, quantity, type Reading } from './meter.js';

const QUANTITIES: readonly Quantity[] = [quantity('cpuTemperatureCelsius')];
/** Drivers whose first sensor is the CPU's package (kernel docs, hwmon/). */
const CPU_DRIVERS = ['coretemp', 'k10temp', 'zenpower', 'cpu_thermal'];
const CPU_ZONES = ['x86_pkg_temp', 'cpu-thermal', 'cpu_thermal', 'soc-thermal'];

/** Hottest package of the CPU, from hwmon or else from the thermal zones. */
export function findTemperatureMeter(sysRoot = '/sys'): MeterSearch {
  const paths = [
    ...matching(join(sysRoot, 'class/hwmon'), 'name', CPU_DRIVERS, 'temp1_input'),
    ...matching(join(sysRoot, 'class/thermal'), 'type', CPU_ZONES, 'temp'),
  ];
  const files = paths.flatMap((path) => {
    return orElse(() => [new ReadAgain(path, 64)], []);
  });
  if (files.length > 0) return { found: true, meter: new TemperatureMeter(files) };
  return {
    found: false,
    name: 'temperature',
    reason: 'no CPU temperature sensor in /sys/class/hwmon',
    quantities: QUANTITIES,
  };
}

class TemperatureMeter implements Meter {
  readonly name = 'temperature';
  readonly quantities = QUANTITIES;
  readonly periodSeconds = 1;
  readonly #files: readonly ReadAgain[];

  constructor(files: readonly ReadAgain[]) {
    this.#files = files;
  }

  attach(): void {}

  read(): readonly Reading[] {
    const milli = this.#files.flatMap((file) => file.readNumber() ?? []);
    if (milli.length === 0) return [];
    const value = Math.max(...milli) / 1000;
    return [{ quantity: 'cpuTemperatureCelsius', seconds: monotonicSeconds(), value }];
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

/** @returns `value` files of the folders whose `label` file holds one of the names. */
function matching(folder: string, label: string, names: readonly string[], value: string): string[] {
  return orElse(
    () =>
      readdirSync(folder).flatMap((entry) => {
        try {
          const name = readFileSync(join(folder, entry, label), 'utf8').trim();
          return names.includes(name) ? [join(folder, entry, value)] : [];
        } catch {
          return [];
        }
      }),
    [],
  );
}
