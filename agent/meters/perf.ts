import { closeSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { parseCpuList } from '../../process/device/affinity.js';
import type { PerfEvents } from '../../process/device/perf-events.js';
import { systemText } from '../../process/device/system-text.js';
import { absentMeter, energyQuantity, type MeterSearch, type Quantity } from './meter.js';
import { RAPL_PERIOD_SECONDS } from './rapl.js';
import { type Source, sourceMeter } from './sources.js';

/** Events of the kernel's PMU `power`, which are RAPL's counters again, and how powercap calls them. */
const EVENTS = [
  { event: 'energy-pkg', domain: 'package' },
  { event: 'energy-ram', domain: 'dram' },
  { event: 'energy-cores', domain: 'core' },
  { event: 'energy-psys', domain: 'psys' },
] as const;

/**
 * RAPL through perf events: for machines where powercap is closed to this user, or masked in a container, but
 * `kernel.perf_event_paranoid` or CAP_PERFMON allow events of a whole CPU. The kernel adds up wraps by
 * itself.
 * @returns null where the machine has no such events, which is nothing to complain about beside powercap.
 */
export function findPerfMeter(sysRoot: string, procRoot: string, perf: PerfEvents): MeterSearch | null {
  const folder = join(sysRoot, 'bus/event_source/devices/power');
  const type = systemText(join(folder, 'type'));
  const cpus = parseCpuList(systemText(join(folder, 'cpumask')) ?? '');
  if (type === null || cpus.length === 0) return null;
  if (!perf.found) return absentMeter('perf', perf.reason);
  const sources: Source[] = [];
  for (const { event, domain } of EVENTS) {
    const config = /^event=(0x[0-9a-f]+)$/i.exec(systemText(join(folder, 'events', event)) ?? '')?.[1];
    const scale = Number(systemText(join(folder, 'events', `${event}.scale`)));
    if (config === undefined || !(scale > 0)) continue;
    if (systemText(join(folder, 'events', `${event}.unit`)) !== 'Joules') continue;
    if (domain === 'psys' && sources.length > 0) continue;
    // Of what holds for the whole machine, one CPU tells.
    for (const cpu of domain === 'psys' ? cpus.slice(0, 1) : cpus) {
      const opened = perf.open(Number(type), BigInt(config), cpu);
      if (typeof opened === 'number') {
        sources.push(eventSource(quantityOf(domain, socketOf(sysRoot, cpu)), opened, scale));
      } else if (domain !== 'core') {
        for (const source of sources) source.close();
        return absentMeter('perf', whyClosed(event, opened, procRoot));
      }
    }
  }
  if (sources.length === 0) return null;
  return { found: true, meter: sourceMeter('perf', RAPL_PERIOD_SECONDS, sources) };
}

function quantityOf(domain: (typeof EVENTS)[number]['domain'], socket: string): Quantity {
  if (domain === 'psys') return energyQuantity('energyJoules', 'psys');
  return domain === 'core'
    ? energyQuantity('partEnergyJoules', `core-${socket}`)
    : energyQuantity('energyJoules', `${domain}-${socket}`);
}

/** `0`, or `0-die-1` where a package has several dies with counters of their own, as powercap says it. */
function socketOf(sysRoot: string, cpu: number): string {
  const topologyFile = (file: string) =>
    systemText(join(sysRoot, `devices/system/cpu/cpu${cpu}/topology`, file));
  const die = topologyFile('die_id');
  const socket = topologyFile('physical_package_id') ?? '0';
  return die === null || die === '0' || die === '-1' ? socket : `${socket}-die-${die}`;
}

function eventSource(quantity: Quantity, file: number, joulesPerCount: number): Source {
  const count = Buffer.alloc(8);
  let open = true;
  return {
    quantity,
    read() {
      const whole =
        open && orElse(() => readSync(file, count, 0, count.length, null) === count.length, false);
      return whole ? Number(count.readBigUInt64LE()) * joulesPerCount : null;
    },
    close() {
      if (open) closeSync(file);
      open = false;
    },
  };
}

function whyClosed(event: string, error: string, procRoot: string): string {
  if (error !== 'EACCES' && error !== 'EPERM')
    return `the perf event power/${event}/ cannot be opened (${error})`;
  const paranoid = systemText(join(procRoot, 'sys/kernel/perf_event_paranoid'));
  const level = paranoid === null ? '' : ` (it is ${paranoid})`;
  return `its perf events need CAP_PERFMON or kernel.perf_event_paranoid of 0 or less${level}`;
}
