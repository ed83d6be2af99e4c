import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { ReadAgain } from '../../process/device/read-again.js';
import { systemText } from '../../process/device/system-text.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { mean } from '../../statistics/summary.js';
import { absentMeter, type Meter, type MeterSearch, type Quantity, quantity } from './meter.js';

const QUANTITIES: readonly Quantity[] = [quantity('cpuClockHertz')];
/** Asking every core of a large machine for its clock would wake them: eight tell enough. */
const MAX_CORES = 8;

/** Mean clock of the trial's cores: cpufreq where there is one, else what /proc/cpuinfo says. */
export function findClockMeter(sysRoot = '/sys', procRoot = '/proc'): MeterSearch {
  const frequency = (cpu: number) => join(sysRoot, `devices/system/cpu/cpu${cpu}/cpufreq/scaling_cur_freq`);
  if (systemText(frequency(0)) !== null) return { found: true, meter: clockMeter({ frequency }) };
  const cpuinfo = join(procRoot, 'cpuinfo');
  if (cpuinfoClock(cpuinfo, null) !== null) return { found: true, meter: clockMeter({ cpuinfo }) };
  return absentMeter('clock', 'neither cpufreq nor /proc/cpuinfo gives the clock of the CPU', QUANTITIES);
}

type ClockSource = { readonly frequency: (cpu: number) => string } | { readonly cpuinfo: string };

function clockMeter(source: ClockSource): Meter {
  const files: ReadAgain[] = [];
  let cpus: readonly number[] = [0];
  const meter: Meter = {
    name: 'clock',
    quantities: QUANTITIES,
    // Slow on purpose: reading it interrupts the core that is asked.
    periodSeconds: 1,
    attach(target) {
      meter.close();
      cpus = target === null || target.cpus.length === 0 ? [0] : target.cpus.slice(0, MAX_CORES);
      if (!('frequency' in source)) return;
      // An offline core has no clock.
      for (const cpu of cpus) files.push(...orElse(() => [new ReadAgain(source.frequency(cpu), 64)], []));
    },
    read() {
      const hertz = 'cpuinfo' in source ? cpuinfoClock(source.cpuinfo, cpus) : meanOf(files);
      return hertz === null ? [] : [{ quantity: 'cpuClockHertz', seconds: monotonicSeconds(), value: hertz }];
    },
    close() {
      for (const file of files.splice(0)) file.close();
    },
  };
  meter.attach(null);
  return meter;
}

function meanOf(files: readonly ReadAgain[]): number | null {
  const kilohertz = files.flatMap((file) => file.readNumber() ?? []);
  return kilohertz.length === 0 ? null : mean(kilohertz) * 1000;
}

function cpuinfoClock(path: string, cpus: readonly number[] | null): number | null {
  const text = systemText(path) ?? '';
  const megahertz: number[] = [];
  for (const block of text.split('\n\n')) {
    const cpu = /^processor\s*:\s*(\d+)/m.exec(block)?.[1];
    const clock = /^cpu MHz\s*:\s*([\d.]+)/m.exec(block)?.[1];
    if (clock !== undefined && (cpus === null || cpus.includes(Number(cpu)))) megahertz.push(Number(clock));
  }
  return megahertz.length === 0 ? null : mean(megahertz) * 1e6;
}
