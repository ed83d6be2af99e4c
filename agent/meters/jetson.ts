import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { systemText } from '../../process/device/system-text.js';
import { absentMeter, energyQuantity, type MeterSearch, type Quantity } from './meter.js';
import { fileSource, type Source, sourceMeter } from './sources.js';

const PERIOD_SECONDS = 0.05;

/** A power rail of the module and how its power is read. */
interface Rail {
  /** As the board's maker calls it: `VDD_IN`, `POM_5V_GPU`, `VDD_CPU_GPU_CV`. */
  readonly name: string;
  open(quantity: Quantity): Source;
}

/**
 * Power of a Jetson's rails, from its INA3221 monitors. JetPack 5 and newer have them in hwmon, with volts
 * and amperes (`inN_label`, `inN_input`, `currN_input`); JetPack 4 had watts (`rail_name_N`,
 * `in_powerN_input`).
 *
 * Where a rail feeds the whole module, that is the energy of a trial, for CPU, GPU and memory share the
 * module; the other rails lie behind it and are kept as parts. Modules without such a rail have one of their
 * own for CPU and GPU.
 * @returns null on a machine that is no Jetson.
 */
export function findJetsonMeter(sysRoot = '/sys'): MeterSearch | null {
  const drivers = ['ina3221', 'ina3221x'].map((driver) => join(sysRoot, 'bus/i2c/drivers', driver));
  const folders = drivers.flatMap((driver) => [...foldersBelow(driver, 3)]);
  if (folders.length === 0) return null;
  const rails = folders.flatMap((folder) => [...voltageRails(folder), ...powerRails(folder)]);
  const whole = rails.some(({ name }) => INPUT.test(name));
  const sources = rails.flatMap((rail) => orElse(() => [rail.open(quantityOf(rail.name, whole))], []));
  const meter = sourceMeter('jetson', PERIOD_SECONDS, sources);
  if (sources.some(({ quantity }) => quantity.name.startsWith('powerWatts:'))) return { found: true, meter };
  meter.close();
  const seen = rails.map(({ name }) => name).join(', ') || 'none';
  const reason = `the INA3221 monitors have no rail of the module, the CPU or the GPU that can be read (rails: ${seen})`;
  return absentMeter('jetson', reason);
}

/**
 * NVIDIA's names for the module's input: VDD_IN, POM_5V_IN, 5V_IN; not VIN_SYS_5V0, which is one rail of
 * many.
 */
const INPUT = /(^|_)IN$/i;

function quantityOf(rail: string, whole: boolean): Quantity {
  const [cpu, gpu] = [/CPU/i.test(rail), /GPU/i.test(rail)];
  if (INPUT.test(rail)) return energyQuantity('powerWatts', 'module');
  if (!whole && cpu !== gpu) return energyQuantity('powerWatts', cpu ? 'cpu' : 'gpu');
  return energyQuantity('partPowerWatts', rail.toLowerCase().replace(/[^a-z0-9]+/g, '-'));
}

/** hwmon: millivolts and milliamperes; the labels of sums and shunts have no current of the same number. */
function voltageRails(folder: string): readonly Rail[] {
  return numbered(folder, /^in(\d+)_label$/).flatMap((n) => {
    const name = systemText(join(folder, `in${n}_label`)) ?? '';
    const [volts, amperes] = [join(folder, `in${n}_input`), join(folder, `curr${n}_input`)];
    if (name === '' || name === 'NC' || systemText(amperes) === null) return [];
    return [{ name, open: (quantity) => product(quantity, volts, amperes) }];
  });
}

function powerRails(folder: string): readonly Rail[] {
  return numbered(folder, /^rail_name_(\d+)$/).flatMap((n) => {
    const name = systemText(join(folder, `rail_name_${n}`)) ?? '';
    if (name === '' || name === 'NC') return [];
    return [{ name, open: (quantity) => fileSource(quantity, join(folder, `in_power${n}_input`), 1e3) }];
  });
}

/** @throws what open(2) says of either file. */
function product(quantity: Quantity, volts: string, amperes: string): Source {
  const u = fileSource(quantity, volts, 1e3);
  let i: Source;
  try {
    i = fileSource(quantity, amperes, 1e3);
  } catch (error) {
    u.close();
    throw error;
  }
  return {
    quantity,
    read() {
      const [voltage, current] = [u.read(), i.read()];
      return voltage === null || current === null ? null : voltage * current;
    },
    close() {
      u.close();
      i.close();
    },
  };
}

function numbered(folder: string, names: RegExp): readonly string[] {
  return list(folder).flatMap((entry) => names.exec(entry)?.[1] ?? []);
}

/** `1-0040/hwmon/hwmon2`, `1-0040/iio:device0`: the folders that monitors may have their files in. */
function* foldersBelow(folder: string, depth: number): Generator<string> {
  for (const entry of list(folder)) {
    if (!/^(\d+-[0-9a-f]+|hwmon\d*|iio:device\d+)$/.test(entry)) continue;
    yield join(folder, entry);
    if (depth > 1) yield* foldersBelow(join(folder, entry), depth - 1);
  }
}

function list(folder: string): readonly string[] {
  return orElse(() => readdirSync(folder).sort(), []);
}
