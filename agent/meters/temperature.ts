import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { ReadAgain } from '../../process/device/read-again.js';
import { systemText } from '../../process/device/system-text.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { absentMeter, type Meter, type MeterSearch, type Quantity, quantity } from './meter.js';

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
  const files = paths.flatMap((path) => orElse(() => [new ReadAgain(path, 64)], []));
  if (files.length > 0) return { found: true, meter: temperatureMeter(files) };
  return absentMeter('temperature', 'no CPU temperature sensor in /sys/class/hwmon', QUANTITIES);
}

function temperatureMeter(files: readonly ReadAgain[]): Meter {
  return {
    name: 'temperature',
    quantities: QUANTITIES,
    periodSeconds: 1,
    attach() {},
    read() {
      const milli = files.flatMap((file) => file.readNumber() ?? []);
      if (milli.length === 0) return [];
      const value = Math.max(...milli) / 1000;
      return [{ quantity: 'cpuTemperatureCelsius', seconds: monotonicSeconds(), value }];
    },
    close() {
      for (const file of files) file.close();
    },
  };
}

/** @returns `value` files of the folders whose `label` file holds one of the names. */
function matching(folder: string, label: string, names: readonly string[], value: string): string[] {
  const entries = orElse(() => readdirSync(folder), []);
  return entries
    .filter((entry) => names.includes(systemText(join(folder, entry, label)) ?? ''))
    .map((entry) => join(folder, entry, value));
}
