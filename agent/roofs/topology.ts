import { formatCpuList } from '../../process/device/affinity.js';
import { readCaches } from '../../process/device/caches.js';
import { siblingsOf } from '../../process/device/host.js';

/** A cache, and the logical CPUs that share it. */
export interface Cache {
  readonly level: 'L1' | 'L2' | 'L3';
  readonly bytes: number;
  readonly cpus: readonly number[];
}

export interface Topology {
  /** Of data; each once. Empty where the system does not say. */
  readonly caches: readonly Cache[];
  /** Logical CPUs of one core, lowest first, for each core that has one of the CPUs asked for. */
  readonly cores: readonly (readonly number[])[];
}

/** What /sys says of caches and cores that belong to these CPUs. */
export function readTopology(cpus: readonly number[], sysRoot = '/sys'): Topology {
  const caches = readCaches(cpus, sysRoot).flatMap(({ level, ...cache }) => {
    const name = `L${level}`;
    return isLevel(name) ? [{ level: name, ...cache }] : [];
  });
  const cores = new Map<string, number[]>();
  for (const cpu of cpus) {
    const siblings = formatCpuList(siblingsOf(cpu, sysRoot) ?? [cpu]);
    const core = cores.get(siblings) ?? [];
    core.push(cpu);
    cores.set(siblings, core);
  }
  for (const core of cores.values()) core.sort((a, b) => a - b);
  return { caches, cores: [...cores.values()] };
}

/**
 * The order in which threads take CPUs: a core of each last-level cache in turn, and second threads of cores
 * last. So fewer threads than CPUs get as much of the machine as that many threads can.
 */
export function placementOrder({ caches, cores }: Topology): number[] {
  const lastLevel = caches.filter(({ level }) => level === 'L3');
  const groupOf = (cpu: number) => lastLevel.findIndex(({ cpus }) => cpus.includes(cpu));
  const order: number[] = [];
  const threadsPerCore = Math.max(0, ...cores.map((core) => core.length));
  for (let thread = 0; thread < threadsPerCore; thread++) {
    const groups = new Map<number, number[]>();
    for (const core of cores) {
      const cpu = core[thread];
      if (cpu !== undefined) groups.set(groupOf(cpu), [...(groups.get(groupOf(cpu)) ?? []), cpu]);
    }
    const longest = Math.max(0, ...[...groups.values()].map((group) => group.length));
    for (let turn = 0; turn < longest; turn++) {
      for (const group of groups.values()) if (group[turn] !== undefined) order.push(group[turn]!);
    }
  }
  return order;
}

function isLevel(level: string): level is Cache['level'] {
  return level === 'L1' || level === 'L2' || level === 'L3';
}
