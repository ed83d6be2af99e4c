import type { DeviceProfile, DeviceSettable } from '../../core/experiment/node.js';
import { formatCpuList, parseCpuList } from '../../process/device/affinity.js';
import { readThrottling } from '../../process/device/cgroup.js';
import { type HostFacts, type HostRoots, readHost, readSwappedPages } from '../../process/device/host.js';
import { stdoutColors } from '../output/terminal.js';

/** Something of this host that makes numbers move. */
export interface HostFinding {
  /** What was found. */
  readonly found: string;
  /** What it does to numbers. */
  readonly cost: string;
  /** What changes it: a command, or where it is configured; null where nobody on this host can. */
  readonly change: string | null;
}

/** One device's CPUs. */
export interface HostState {
  readonly device: string;
  readonly facts: HostFacts;
  readonly findings: readonly HostFinding[];
}

/** What is judged of a device: its facts, and what is no fact of a record. */
interface Judged {
  readonly device: DeviceProfile;
  readonly facts: HostFacts;
  /** The power helper here can hold its clock. */
  readonly lockable: boolean;
  readonly throttling: ReturnType<typeof readThrottling>;
  readonly swappedPages: number | null;
}

/**
 * Reads the state of this host for each CPU device and says what of it makes numbers move.
 * @param settable what the power helper can set, by device; empty without one.
 */
export function hostStates(
  devices: readonly DeviceProfile[],
  settable: Readonly<Record<string, DeviceSettable>>,
  roots: HostRoots = { procRoot: '/proc', sysRoot: '/sys', cgroupRoot: '/sys' },
): HostState[] {
  const throttling = readThrottling(roots.procRoot, roots.cgroupRoot);
  const swappedPages = readSwappedPages(roots.procRoot);
  return devices
    .filter(({ classes }) => classes.includes('cpu'))
    .map((device) => {
      const facts = readHost(device.cpus, roots);
      const lockable = typeof (settable[device.id]?.lockedClockHertz ?? '') === 'object';
      const judged = { device, facts, lockable, throttling, swappedPages };
      return { device: device.id, facts, findings: RULES.flatMap((rule) => rule(judged) || []) };
    });
}

/** @returns lines for people: each finding with what it costs and what changes it, or that there is none. */
export function hostLines({ device, facts, findings }: HostState): string[] {
  const colors = stdoutColors();
  if (findings.length === 0)
    return [row(colors.green('ok     '), `${device}: ${seen(facts)}nothing of it is known to move numbers`)];
  return findings.flatMap(({ found, cost, change }) => [
    row(colors.yellow('noise  '), `${device}: ${found}`),
    ...[cost, change].flatMap((text) => (text === null ? [] : [`${' '.repeat(32)}${colors.dim(text)}`])),
  ]);
}

const row = (mark: string, text: string) => `${mark}  ${'host'.padEnd(22)} ${text}`;

/** What is seldom readable, so that "nothing found" is not taken for "nothing there". */
function seen({ cpuGovernor, cpuTurbo }: HostFacts): string {
  const hidden = [cpuGovernor === null ? ['governor'] : [], cpuTurbo === null ? ['turbo'] : []].flat();
  return hidden.length === 0 ? '' : `${hidden.join(' and ')} cannot be read here; `;
}

/** @returns what sets a file of /sys for so long as the machine runs. */
const write = (value: string, path: string) => `echo ${value} | sudo tee ${path}`;

/** Rules in the order of how much they usually cost. */
const RULES: readonly ((judged: Judged) => HostFinding | false | null)[] = [
  ({ facts: { cpuQuota }, device: { cpus }, throttling }) => {
    // A quota as large as the device leaves nothing for the agent, which reads the meters.
    if (cpuQuota === null || cpuQuota > cpus.length) return null;
    const [worst] = [...throttling].sort((a, b) => b.throttledPeriods - a.throttledPeriods);
    const so =
      worst === undefined
        ? ''
        : `; it has stopped us in ${worst.throttledPeriods} of ${worst.periods} periods`;
    return {
      found: `a CPU quota of ${cpuQuota} for ${cpus.length} CPUs${so}`,
      cost: 'Trials are stopped in the middle of a phase until the next period begins, and are invalid then (quota-throttle).',
      change: `docker: --cpuset-cpus=${formatCpuList(cpus)} in place of --cpus; Kubernetes: whole CPUs and the static CPU manager; systemd: CPUQuota= (empty)`,
    };
  },
  ({ facts: { isolatedCpus }, device: { cpus } }) =>
    isolatedCpus !== null &&
    parseCpuList(isolatedCpus).length >= 2 && {
      found: `CPUs ${isolatedCpus} of ${cpus.length} are isolated (isolcpus)`,
      cost: 'The scheduler spreads no threads over isolated CPUs: those of a trial crowd on one.',
      change: `take isolcpus= from the kernel's command line, and keep others away with: ${reserve(cpus, null)}`,
    },
  ({ facts: { cpuGovernor, cpuEnergyPreference }, lockable }) =>
    cpuGovernor !== null &&
    cpuGovernor !== 'performance' &&
    cpuEnergyPreference !== 'performance' && {
      found: `governor ${cpuGovernor}${cpuEnergyPreference === null ? '' : `, energy preference ${cpuEnergyPreference}`}`,
      cost: 'The clock follows the load with a delay: short phases read slower, and starts differ.',
      change: `sudo cpupower frequency-set -g performance${orLocked(lockable)}`,
    },
  ({ facts: { cpuTurbo }, lockable }) =>
    cpuTurbo === true && {
      found: 'turbo is on',
      cost: 'The clock depends on heat and on how many cores are busy: faster, and less alike from start to start.',
      change: `${write('1', '/sys/devices/system/cpu/intel_pstate/no_turbo')} (elsewhere: ${write('0', '/sys/devices/system/cpu/cpufreq/boost')})${orLocked(lockable)}`,
    },
  ({ facts: { siblingCpus } }) =>
    siblingCpus !== null &&
    siblingCpus !== 'none' && {
      found: `CPUs ${siblingCpus} share cores with it and are not part of it`,
      cost: 'What runs there takes up to half of a core from a trial, and is counted as no theft.',
      change: `name both CPUs of a core in one group of cpuGroups, or: ${write('off', '/sys/devices/system/cpu/smt/control')}`,
    },
  ({ facts: { deviceCores }, device: { cpus } }) =>
    deviceCores !== null &&
    deviceCores !== cpus.length && {
      found: `${cpus.length} CPUs are ${deviceCores} cores`,
      cost: 'Fewer threads than CPUs share cores or do not, as each start has it.',
      change:
        'sweep `threads` up to the cores, or name one CPU of each core in cpuGroups and leave the others idle',
    },
  ({ facts: { numaNodes }, device: { cpus } }) =>
    numaNodes !== null &&
    parseCpuList(numaNodes).length >= 2 && {
      found: `its ${cpus.length} CPUs are of the NUMA nodes ${numaNodes}`,
      cost: 'Where a start happens to place its weights decides which threads are far from them.',
      change: 'one group in cpuGroups for the CPUs of each node (lscpu lists them)',
    },
  ({ facts: { numaBalancing, numaNodes } }) =>
    numaBalancing === true &&
    numaNodes !== null &&
    parseCpuList(numaNodes).length >= 2 && {
      found: 'the kernel moves pages between NUMA nodes',
      cost: 'It does so while a trial is measured, which faults on the pages and has others near afterwards.',
      change: 'sudo sysctl kernel.numa_balancing=0',
    },
  ({ facts: { irqBalance, deviceIrqs, allowedCpus }, device: { cpus } }) => {
    if (irqBalance !== true) return null;
    const others = othersThan(cpus, allowedCpus);
    return {
      found: `irqbalance runs; ${deviceIrqs ?? 'some'} interrupts go to CPUs ${formatCpuList(cpus)}`,
      cost: 'Interrupts of network and disks come to the CPUs of a trial, and to others the next time.',
      change:
        others.length === 0
          ? 'sudo systemctl stop irqbalance'
          : `IRQBALANCE_BANNED_CPULIST=${formatCpuList(cpus)} in /etc/default/irqbalance, then: sudo systemctl restart irqbalance`,
    };
  },
  ({ facts: { allowedCpus, isolatedCpus }, device: { cpus } }) => {
    const others = othersThan(cpus, allowedCpus);
    if (others.length === 0 || parseCpuList(isolatedCpus ?? '').length > 0) return null;
    return {
      found: `other processes may run on its CPUs ${formatCpuList(cpus)}`,
      cost: 'What they take is measured, and makes rows invalid above maxForeignCores.',
      change: reserve(cpus, others),
    };
  },
  ({ facts: { largePages } }) =>
    largePages === 'always' && {
      found: 'transparent huge pages are on for everything',
      cost: 'How much of a start’s memory gets them depends on what is free, and khugepaged merges the rest while it is measured.',
      change: write('madvise', '/sys/kernel/mm/transparent_hugepage/enabled'),
    },
  ({ facts: { swap }, swappedPages }) =>
    swap === true &&
    (swappedPages ?? 0) > 0 && {
      found: `there is swap, and ${swappedPages} pages went through it since the machine began`,
      cost: 'A trial whose weights were swapped out measures the disk.',
      change: 'sudo swapoff -a',
    },
  ({ facts: { hypervisor } }) =>
    hypervisor === true && {
      found: 'this is a virtual machine',
      cost: 'Neighbours share caches and memory bandwidth unseen; the CPU time that they take is seen as steal (cpu-steal).',
      change: null,
    },
];

/** @returns the CPUs that we may run on and that are not measured. */
const othersThan = (cpus: readonly number[], allowed: string | null) =>
  parseCpuList(allowed ?? '').filter((cpu) => !cpus.includes(cpu));

const orLocked = (lockable: boolean) =>
  lockable ? '; or in a sweep `device: { lockedClockHertz: … }`, which the power helper here can set' : '';

/** @param others CPUs that are left for everything else; null = not known here. */
function reserve(cpus: readonly number[], others: readonly number[] | null): string {
  const left = others === null ? `(all but ${formatCpuList(cpus)})` : formatCpuList(others);
  return `sudo systemctl set-property --runtime system.slice AllowedCPUs=${left}, the same for user.slice, and the agent in a slice of its own`;
}
