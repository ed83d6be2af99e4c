import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicSeconds } from '../isolation/line.js';
import type { Meter, MeterSearch, Reading } from './meter.js';
import { ReadAgain } from './read-again.js';

/**
 * CPU energy counters through the kernel's powercap tree (kernel docs, power/powercap). Intel and AMD use
 * the same names. `core` and `uncore` lie inside `package`, and `psys` around it, so only packages and
 * their `dram` are taken: what is taken may be summed.
 */
export function findRaplMeter(sysRoot = '/sys'): MeterSearch {
  const folder = join(sysRoot, 'class/powercap');
  const absent = (reason: string): MeterSearch => ({ found: false, name: 'rapl', reason });
  let entries: string[];
  try {
    entries = readdirSync(folder).filter((entry) => /^intel-rapl:\d+(:\d+)?$/.test(entry));
  } catch {
    return absent('no RAPL in /sys/class/powercap');
  }
  const counters: Counter[] = [];
  let denied: string | null = null;
  for (const entry of entries.sort()) {
    const opened = openCounter(folder, entry);
    if (opened === 'denied') denied = entry;
    else if (opened !== null) counters.push(opened);
  }
  if (counters.length > 0) return { found: true, meter: new RaplMeter(counters) };
  if (denied === null) return absent('no RAPL in /sys/class/powercap');
  return absent(
    `RAPL is there but only root may read it: let this user read /sys/class/powercap/${denied}/energy_uj`,
  );
}

interface Counter {
  /** `package-0`, `dram-0`. */
  readonly domain: string;
  readonly file: ReadAgain;
  /** The counter starts again at 0 after this many microjoules. */
  readonly rangeMicrojoules: number;
  lastMicrojoules: number | null;
  /** What the wraps so far have added. */
  wrappedMicrojoules: number;
}

class RaplMeter implements Meter {
  readonly name = 'rapl';
  readonly ownRhythm = true;
  readonly quantities;
  /** The hardware renews it about every millisecond; reading it that often would cost more than it tells. */
  readonly periodSeconds = 0.05;
  readonly #counters: readonly Counter[];

  constructor(counters: readonly Counter[]) {
    this.#counters = counters;
    this.quantities = counters.map(({ domain }) => ({
      name: `energyJoules:${domain}`,
      unit: 'J',
      kind: 'counter' as const,
      domain,
    }));
  }

  attach(): void {}

  read(): readonly Reading[] {
    const readings: Reading[] = [];
    for (const counter of this.#counters) {
      const raw = counter.file.readNumber();
      if (raw === null) continue;
      if (counter.lastMicrojoules !== null && raw < counter.lastMicrojoules) {
        counter.wrappedMicrojoules += counter.rangeMicrojoules;
      }
      counter.lastMicrojoules = raw;
      readings.push({
        quantity: `energyJoules:${counter.domain}`,
        seconds: monotonicSeconds(),
        value: (raw + counter.wrappedMicrojoules) / 1e6,
      });
    }
    return readings;
  }

  close(): void {
    for (const counter of this.#counters) counter.file.close();
  }
}

function openCounter(folder: string, entry: string): Counter | 'denied' | null {
  const [, socket, part] = /^intel-rapl:(\d+)(?::(\d+))?$/.exec(entry) ?? [];
  try {
    const read = (file: string) => readFileSync(join(folder, entry, file), 'utf8').trim();
    const name = read('name');
    const wanted = part === undefined ? /^package-\d+$/.test(name) : name === 'dram';
    if (!wanted) return null;
    return {
      domain: name === 'dram' ? `dram-${socket}` : name,
      rangeMicrojoules: Number(read('max_energy_range_uj')),
      file: new ReadAgain(join(folder, entry, 'energy_uj'), 64),
      lastMicrojoules: null,
      wrappedMicrojoules: 0,
    };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'denied' : null;
  }
}
