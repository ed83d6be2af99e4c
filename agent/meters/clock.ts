import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ReadAgain } from '../../process/device/read-again.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import {
  type Meter,
  type MeterSearch,
  type MeterTarget,
  type Quantity,
  quantity,
  type Reading,
} from './meter.js';

const QUANTITIES: readonly Quantity[] = [quantity('cpuClockHertz')];
/** Asking every core of a large machine for its clock would wake them: eight tell enough. */
const MAX_CORES = 8;

/** Mean clock of the trial's cores: cpufreq where there is one, else what /proc/cpuinfo says. */
export function findClockMeter(sysRoot = '/sys', procRoot = '/proc'): MeterSearch {
  const frequency = (cpu: number) => join(sysRoot, `devices/system/cpu/cpu${cpu}/cpufreq/scaling_cur_freq`);
  if (readable(frequency(0))) return { found: true, meter: new ClockMeter({ frequency }) };
  const cpuinfo = join(procRoot, 'cpuinfo');
  if (cpuinfoClock(cpuinfo, null) !== null) return { found: true, meter: new ClockMeter({ cpuinfo }) };
  return {
    found: false,
    name: 'clock',
    reason: 'neither cpufreq nor /proc/cpuinfo gives the clock of the CPU',
    quantities: QUANTITIES,
  };
}

type ClockSource = { readonly frequency: (cpu: number) => string } | { readonly cpuinfo: string };

class ClockMeter implements Meter {
  readonly name = 'clock';
  readonly quantities = QUANTITIES;
  /** Slow on purpose: reading it interrupts the core that is asked. */
  readonly periodSeconds = 1;
  readonly #source: ClockSource;
  #files: ReadAgain[] = [];
  #cpus: readonly number[] = [0];

  constructor(source: ClockSource) {
    this.#source = source;
    this.attach(null);
  }

  attach(target: MeterTarget | null): void {
    this.close();
    const cpus = target === null || target.cpus.length === 0 ? [0] : target.cpus;
    this.#cpus = cpus.slice(0, MAX_CORES);
    if (!('frequency' in this.#source)) return;
    for (const cpu of this.#cpus) {
      try {
        this.#files.push(new ReadAgain(this.#source.frequency(cpu), 64));
      } catch {
        // An offline core has no clock.
      }
    }
  }

  read(): readonly Reading[] {
    const hertz = 'cpuinfo' in this.#source ? cpuinfoClock(this.#source.cpuinfo, this.#cpus) : this.#mean();
    return hertz === null ? [] : [{ quantity: 'cpuClockHertz', seconds: monotonicSeconds(), value: hertz }];
  }

  close(): void {
    for (const file of this.#files.splice(0)) file.close();
  }

  #mean(): number | null {
    const kilohertz = this.#files.flatMap((file) => file.readNumber() ?? []);
    return kilohertz.length === 0 ? null : (kilohertz.reduce((a, b) => a + b) / kilohertz.length) * 1000;
  }
}

function cpuinfoClock(path: string, cpus: readonly number[] | null): number | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  const megahertz: number[] = [];
  for (const block of text.split('\n\n')) {
    const cpu = /^processor\s*:\s*(\d+)/m.exec(block)?.[1];
    const clock = /^cpu MHz\s*:\s*([\d.]+)/m.exec(block)?.[1];
    if (clock !== undefined && (cpus === null || cpus.includes(Number(cpu)))) megahertz.push(Number(clock));
  }
  return megahertz.length === 0 ? null : (megahertz.reduce((a, b) => a + b) / megahertz.length) * 1e6;
}

function readable(path: string): boolean {
  try {
    readFileSync(path);
    return true;
  } catch {
    return false;
  }
}
