import { join } from 'node:path';
import { formatCpuList, parseCpuList } from '../../process/device/affinity.js';
import { type HostFacts, interruptsTo } from '../../process/device/host.js';
import { systemText } from '../../process/device/system-text.js';

/** A host whose CPUs are measured. */
export interface TunedHost {
  readonly cpus: readonly number[];
  readonly facts: HostFacts;
  readonly roots: SystemRoots;
}

export interface SystemRoots {
  readonly procRoot: string;
  readonly sysRoot: string;
}

/** What a setting comes to on a host: what each of its files should say, by id; or why there is nothing to write. */
export type Wanted =
  | { readonly files: ReadonlyMap<string, string> }
  | { readonly did: 'already' | 'absent' | 'refused'; readonly text: string };

/** Something of a host that makes numbers move, and that files set until the machine is started again. */
export interface Setting {
  readonly name: string;
  /**
   * Ids of its files: their paths, below `sys/` or `proc/`. The group is what tells them apart: a CPU, an interrupt, a name. A
   * journal may name no other file: root writes what it says.
   */
  readonly ids: RegExp;
  /** What the group is a number of, for people; null for a name, or without one. */
  readonly parts: 'CPUs' | 'IRQs' | null;
  wanted(host: TunedHost): Wanted;
}

/** In the order in which they are written: a governor may change the energy preference, and is put back before it. */
export const SETTINGS: readonly Setting[] = [
  ofEachCpu('governor', 'scaling_governor', 'no cpufreq here: most virtual machines have none'),
  ofEachCpu('energy preference', 'energy_performance_preference', 'the processor takes none here'),
  {
    name: 'turbo',
    ids: /^sys\/devices\/system\/cpu\/(intel_pstate\/no_turbo|cpufreq\/boost)$/,
    parts: null,
    wanted: ({ roots }) =>
      firstOf(roots, [
        ['sys/devices/system/cpu/intel_pstate/no_turbo', '1'],
        ['sys/devices/system/cpu/cpufreq/boost', '0'],
      ]) ??
      absent('neither intel_pstate/no_turbo nor cpufreq/boost is there: most virtual machines have none'),
  },
  {
    name: 'interrupts',
    ids: /^proc\/irq\/(\d+)\/smp_affinity_list$/,
    parts: 'IRQs',
    wanted: interruptsElsewhere,
  },
  {
    name: 'NUMA balancing',
    ids: /^proc\/sys\/kernel\/numa_balancing$/,
    parts: null,
    wanted({ facts: { numaNodes }, roots }) {
      if (numaNodes === null || parseCpuList(numaNodes).length < 2)
        return absent('the CPUs are of one NUMA node');
      return firstOf(roots, [['proc/sys/kernel/numa_balancing', '0']]) ?? absent('this kernel has none');
    },
  },
  {
    name: 'transparent huge pages',
    ids: /^sys\/kernel\/mm\/transparent_hugepage\/enabled$/,
    parts: null,
    wanted({ roots }) {
      const id = 'sys/kernel/mm/transparent_hugepage/enabled';
      const mode = textOf(id, roots);
      if (mode === null) return absent('this kernel has none, or shows none');
      // With either of the others every start is alike.
      return { files: new Map([[id, mode === 'always' ? 'madvise' : mode]]) };
    },
  },
];

/** @returns the setting that a file belongs to, and which part of it; null for a file that nothing here sets. */
export function settingOf(id: string): { readonly setting: Setting; readonly part: string | null } | null {
  for (const setting of SETTINGS) {
    const [whole, part] = setting.ids.exec(id) ?? [];
    if (whole !== undefined) return { setting, part: part ?? null };
  }
  return null;
}

/** @returns where the file of an id lies. */
export function pathOf(id: string, { procRoot, sysRoot }: SystemRoots): string {
  return id.startsWith('proc/') ? join(procRoot, id.slice(5)) : join(sysRoot, id.slice(4));
}

/** @returns what a file says, of several words the chosen one: `always [madvise] never` → `madvise`; null when unreadable. */
export function textOf(id: string, roots: SystemRoots): string | null {
  const text = systemText(pathOf(id, roots));
  return text === null ? null : (/\[(\S+)\]/.exec(text)?.[1] ?? text);
}

function ofEachCpu(name: string, file: string, without: string): Setting {
  return {
    name,
    ids: new RegExp(`^sys/devices/system/cpu/cpu(\\d+)/cpufreq/${file}$`),
    parts: 'CPUs',
    wanted({ cpus, roots }) {
      const ids = cpus.map((cpu) => `sys/devices/system/cpu/cpu${cpu}/cpufreq/${file}`);
      const there = ids.filter((id) => textOf(id, roots) !== null);
      return there.length === 0
        ? absent(without)
        : { files: new Map(there.map((id) => [id, 'performance'])) };
    },
  };
}

/** Takes the measured CPUs from the interrupts that come to them; one that may come to no other goes to all others. */
function interruptsElsewhere({ cpus, facts, roots }: TunedHost): Wanted {
  const online = parseCpuList(textOf('sys/devices/system/cpu/online', roots) ?? '');
  const others = online.filter((cpu) => !cpus.includes(cpu));
  if (others.length === 0)
    return absent('no CPU is left for them: all are measured (cpuGroups in the agent’s configuration)');
  const irqs = interruptsTo(cpus, roots.procRoot);
  if (irqs === null) return absent('/proc/irq does not say where they go');
  if (irqs.length === 0) return { did: 'already', text: `none go to CPUs ${formatCpuList(cpus)}` };
  if (facts.irqBalance === true) {
    const text = 'irqbalance runs and would move them back: sudo systemctl stop irqbalance, then again';
    return { did: 'refused', text };
  }
  const files = irqs.map((irq): [string, string] => {
    const id = `proc/irq/${irq}/smp_affinity_list`;
    const may = parseCpuList(textOf(id, roots) ?? '').filter((cpu) => others.includes(cpu));
    return [id, formatCpuList(may.length > 0 ? may : others)];
  });
  return { files: new Map(files) };
}

/** @returns the first of these files that is there, with what it should say. */
function firstOf(roots: SystemRoots, choices: readonly (readonly [string, string])[]): Wanted | null {
  const there = choices.find(([id]) => textOf(id, roots) !== null);
  return there === undefined ? null : { files: new Map([there]) };
}

function absent(text: string): Wanted {
  return { did: 'absent', text };
}
