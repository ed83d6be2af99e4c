import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { orElse } from '../../core/or-else.js';
import { formatCpuList, parseCpuList, readAffinity } from './affinity.js';
import { readLimits } from './cgroup.js';
import { systemText } from './system-text.js';

/**
 * What of a host's state makes numbers move, about the CPUs of one device: flat facts, as records keep them
 * in `environment`. Each is null where the system does not say; a list without members is `none`.
 */
export interface HostFacts {
  /** Of the CPUs' frequency: `performance`; several with commas between. */
  readonly cpuGovernor: string | null;
  /** What the processor prefers where it chooses the clock by itself: `performance`, `balance_power`. */
  readonly cpuEnergyPreference: string | null;
  readonly cpuTurbo: boolean | null;
  /** Physical cores that the CPUs belong to. */
  readonly deviceCores: number | null;
  /** CPUs that share a core with the device's and are not among them. */
  readonly siblingCpus: string | null;
  /** Of the device's CPUs, those that the scheduler leaves alone (`isolcpus`, isolated cpusets). */
  readonly isolatedCpus: string | null;
  /** Of the device's CPUs, those without a tick while one thread runs (`nohz_full`). */
  readonly nohzFullCpus: string | null;
  /** Whether irqbalance runs, which moves interrupts from CPU to CPU. */
  readonly irqBalance: boolean | null;
  /** Interrupts that are delivered to the device's CPUs now. */
  readonly deviceIrqs: number | null;
  /** CPUs' worth of time that the cgroups grant; null = no quota. */
  readonly cpuQuota: number | null;
  /** CPUs that a cpuset or taskset left to this process. */
  readonly allowedCpus: string | null;
  /** NUMA nodes that the CPUs belong to. */
  readonly numaNodes: string | null;
  /** Whether the kernel moves pages between nodes by itself. */
  readonly numaBalancing: boolean | null;
  /** Mode of transparent huge pages: `always`, `madvise`, `never`. */
  readonly largePages: string | null;
  readonly hypervisor: boolean | null;
  /** Whether there is any swap space. */
  readonly swap: boolean | null;
}

export interface HostRoots {
  readonly procRoot: string;
  readonly sysRoot: string;
  /** The /sys whose cgroups are this process's own, whatever of a host is mounted at `sysRoot`. */
  readonly cgroupRoot: string;
}

/** Reads the state of the host, each fact once; some milliseconds, so before a trial and not during it. */
export function readHost(
  cpus: readonly number[],
  { procRoot, sysRoot, cgroupRoot }: HostRoots = { procRoot: '/proc', sysRoot: '/sys', cgroupRoot: '/sys' },
): HostFacts {
  const cpuFolder = join(sysRoot, 'devices/system/cpu');
  const ofAll = (file: string) => valuesOf(cpus.map((cpu) => systemText(join(cpuFolder, `cpu${cpu}`, file))));
  const ownCpus = (file: string) => {
    const list = systemText(join(cpuFolder, file));
    return list === null ? null : listed(parseCpuList(list).filter((cpu) => cpus.includes(cpu)));
  };
  const cores = cpus.map((cpu) => siblingsOf(cpu, sysRoot));
  const known = cores.every((core) => core !== null);
  const allowed = readAffinity('self', procRoot);
  return {
    cpuGovernor: ofAll('cpufreq/scaling_governor'),
    cpuEnergyPreference: ofAll('cpufreq/energy_performance_preference'),
    cpuTurbo: turbo(cpuFolder),
    deviceCores: known ? new Set(cores.map((core) => formatCpuList(core))).size : null,
    siblingCpus: known ? listed(cores.flat().filter((cpu) => !cpus.includes(cpu))) : null,
    isolatedCpus: ownCpus('isolated'),
    nohzFullCpus: ownCpus('nohz_full'),
    irqBalance: runsIrqBalance(procRoot),
    deviceIrqs: interruptsTo(cpus, procRoot)?.length ?? null,
    cpuQuota: readLimits(procRoot, cgroupRoot).cpuQuota,
    allowedCpus: allowed === null ? null : formatCpuList(allowed),
    numaNodes: nodesOf(cpus, sysRoot),
    numaBalancing: flag(systemText(join(procRoot, 'sys/kernel/numa_balancing'))),
    largePages: largePagesMode(sysRoot),
    hypervisor: isVirtual(procRoot),
    swap: hasSwap(procRoot),
  };
}

/** @returns the logical CPUs of a CPU's core, itself among them; null where the system does not say. */
export function siblingsOf(cpu: number, sysRoot: string): readonly number[] | null {
  const list = systemText(join(sysRoot, `devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`));
  return list === null ? null : parseCpuList(list);
}

/** @returns the mode of transparent huge pages: `always [madvise] never` → `madvise`. */
export function largePagesMode(sysRoot: string): string | null {
  const texts = systemText(join(sysRoot, 'kernel/mm/transparent_hugepage/enabled'));
  return /\[(\w+)\]/.exec(texts ?? '')?.[1] ?? null;
}

/**
 * @returns whether the processor says that it is a virtual machine's; null on those that have no such flag,
 *   as arm64.
 */
export function isVirtual(procRoot: string): boolean | null {
  const flags = /^flags\s*:(.*)$/m.exec(systemText(join(procRoot, 'cpuinfo')) ?? '')?.[1];
  return flags === undefined ? null : /\bhypervisor\b/.test(flags);
}

/**
 * @returns pages that the machine has written to swap or read from it since it began; null where it does not
 *   say.
 */
export function readSwappedPages(procRoot = '/proc'): number | null {
  const counts = [...(systemText(join(procRoot, 'vmstat')) ?? '').matchAll(/^pswp(?:in|out) (\d+)$/gm)];
  return counts.length === 0 ? null : counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** null where the system does not say: most virtual machines. */
function turbo(cpuFolder: string): boolean | null {
  const off = flag(systemText(join(cpuFolder, 'intel_pstate/no_turbo')));
  return off === null ? flag(systemText(join(cpuFolder, 'cpufreq/boost'))) : !off;
}

/**
 * Looks for its process. A container sees its own processes alone: where the kernel's threads (the second
 * process is kthreadd) are not seen, one that is not found may still run.
 */
function runsIrqBalance(procRoot: string): boolean | null {
  const runs = numbersIn(procRoot).some((pid) => systemText(join(procRoot, pid, 'comm')) === 'irqbalance');
  if (runs) return true;
  return systemText(join(procRoot, '2/comm')) === 'kthreadd' ? false : null;
}

/**
 * @returns the interrupts that are delivered to any of these CPUs now; null where the system does not say.
 */
function interruptsTo(cpus: readonly number[], procRoot: string): readonly number[] | null {
  const irqs = numbersIn(join(procRoot, 'irq')).flatMap((irq) => {
    const readIrqFile = (file: string) => systemText(join(procRoot, 'irq', irq, file));
    // What the hardware does; older kernels only say what it may do.
    const list = readIrqFile('effective_affinity_list') ?? readIrqFile('smp_affinity_list');
    return list === null ? [] : [{ irq: Number(irq), list }];
  });
  if (irqs.length === 0) return null;
  const own = irqs.filter(({ list }) => parseCpuList(list).some((cpu) => cpus.includes(cpu)));
  return own.map(({ irq }) => irq);
}

function nodesOf(cpus: readonly number[], sysRoot: string): string | null {
  const folder = join(sysRoot, 'devices/system/node');
  const nodes = entriesOf(folder).flatMap((entry) => {
    const number = /^node(\d+)$/.exec(entry)?.[1];
    const own = parseCpuList(systemText(join(folder, entry, 'cpulist')) ?? '');
    return number !== undefined && own.some((cpu) => cpus.includes(cpu)) ? [Number(number)] : [];
  });
  return nodes.length === 0 ? null : formatCpuList(nodes);
}

function hasSwap(procRoot: string): boolean | null {
  const kilobytes = /^SwapTotal:\s*(\d+) kB/m.exec(systemText(join(procRoot, 'meminfo')) ?? '')?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) > 0;
}

/** What all CPUs say, each answer once; null where one says nothing. */
function valuesOf(texts: readonly (string | null)[]): string | null {
  return texts.length === 0 || texts.includes(null) ? null : [...new Set(texts)].join(', ');
}

const listed = (cpus: readonly number[]) => formatCpuList(cpus) || 'none';

const flag = (text: string | null) => (text === null || !/^\d+$/.test(text) ? null : text !== '0');

const numbersIn = (folder: string) => entriesOf(folder).filter((entry) => /^\d+$/.test(entry));

function entriesOf(folder: string): string[] {
  return orElse(() => readdirSync(folder), []);
}
