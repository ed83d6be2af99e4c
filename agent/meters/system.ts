import { join } from 'node:path';
import { ReadAgain } from '../../process/device/read-again.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { absentMeter, type Meter, type MeterSearch, type Quantity, quantity, type Reading } from './meter.js';

const TICKS_PER_SECOND = 100;

const QUANTITIES: readonly Quantity[] = [
  quantity('systemBusyCpuSeconds'),
  quantity('systemStealCpuSeconds'),
  quantity('systemTotalCpuSeconds'),
  quantity('agentCpuSeconds'),
];

/** CPU time of the whole machine from the first line of /proc/stat, and the agent's own share of it. */
export function findSystemMeter(procRoot = '/proc'): MeterSearch {
  try {
    // The first line is all that is read, however many CPUs follow.
    return { found: true, meter: systemMeter(new ReadAgain(join(procRoot, 'stat'), 256)) };
  } catch {
    return absentMeter('system', `there is no ${procRoot}/stat on this system`, QUANTITIES);
  }
}

function systemMeter(stat: ReadAgain): Meter {
  return {
    name: 'system',
    quantities: QUANTITIES,
    // The same as the process meter's, so that one wake-up serves both; fifty ticks of the accounting clock.
    periodSeconds: 0.5,
    attach() {},
    read() {
      const text = stat.read();
      const seconds = monotonicSeconds();
      const own = process.cpuUsage();
      const agent: Reading = { quantity: 'agentCpuSeconds', seconds, value: (own.user + own.system) / 1e6 };
      const times = text === null ? null : cpuTimes(text);
      if (times === null) return [agent];
      return [
        { quantity: 'systemBusyCpuSeconds', seconds, value: times.busy },
        { quantity: 'systemStealCpuSeconds', seconds, value: times.steal },
        { quantity: 'systemTotalCpuSeconds', seconds, value: times.total },
        agent,
      ];
    },
    close: () => stat.close(),
  };
}

/**
 * proc(5): user nice system idle iowait irq softirq steal guest guest_nice, in ticks over all CPUs. Guest
 * time is inside user; iowait is idle time. Steal is neither ours nor idle.
 * @returns seconds of all CPUs together since the system began.
 */
export function cpuTimes(stat: string): { busy: number; steal: number; total: number } | null {
  const ticks = /^cpu +([\d ]+)/.exec(stat)?.[1]?.split(' ').map(Number);
  if (ticks === undefined || ticks.length < 8) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = ticks;
  const busy = user + nice + system + irq + softirq;
  return {
    busy: busy / TICKS_PER_SECOND,
    steal: steal / TICKS_PER_SECOND,
    total: (busy + idle + iowait + steal) / TICKS_PER_SECOND,
  };
}
