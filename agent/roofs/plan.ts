import type { BandwidthRoof } from '../../core/result/roofs.js';
import { type Cache, placementOrder, type Topology } from './topology.js';

type Level = BandwidthRoof['level'];

/** What one number of threads measures, and where. */
export interface ThreadsPlan {
  /** One per thread. */
  readonly cpus: readonly number[];
  /** Bytes of each thread, all its arrays together, for the levels that can be told apart. */
  readonly bytes: Partial<Readonly<Record<Level, number>>>;
}

export interface RoofsPlan {
  readonly threads: readonly ThreadsPlan[];
  /** What the plan had to make do with. */
  readonly caveats: readonly string[];
  /** Why a level is not measured, by its name. */
  readonly absent: Readonly<Record<string, string>>;
}

/** STREAM's rule: each array at least four times the last-level caches together. */
const TIMES_CACHE = 4;
/** Of the memory that a thread has, each access takes all, in as many arrays as it needs. */
const ARRAYS: Readonly<Record<BandwidthRoof['access'], number>> = { read: 1, write: 1, copy: 2, triad: 3 };
/** Where /sys names no caches: those of an ordinary server. */
const ASSUMED: Readonly<Record<Cache['level'], number>> = { L1: 32 << 10, L2: 512 << 10, L3: 32 << 20 };
/** More numbers of threads than this tell nothing new and take time. */
const MOST_COUNTS = 6;
/** Of the memory that is free: measuring must not push anybody out. */
const SHARE_OF_MEMORY = 0.25;

/** @returns 1, powers of two, the number of cores, and all; the highest six. */
export function threadCounts(topology: Topology): number[] {
  const all = topology.cores.reduce((sum, core) => sum + core.length, 0);
  const counts = new Set([1, topology.cores.length, all]);
  for (let count = 2; count < all; count *= 2) counts.add(count);
  const ascending = [...counts].sort((a, b) => a - b);
  return ascending.length <= MOST_COUNTS ? ascending : [1, ...ascending.slice(1 - MOST_COUNTS)];
}

/**
 * Chooses CPUs and working sets: half of a thread's share of a cache, so that nothing else in it matters, and
 * for memory what STREAM asks for.
 * @param counts numbers of threads, each at most the number of CPUs.
 */
export function planRoofs(
  topology: Topology,
  counts: readonly number[],
  freeBytes: number,
  accesses: readonly BandwidthRoof['access'][],
): RoofsPlan {
  const order = placementOrder(topology);
  const caveats: string[] = [];
  const absent: Record<string, string> = {};
  if (topology.caches.length === 0) {
    caveats.push('the system names no cache sizes: those of an ordinary server were assumed');
  }
  const lastLevel = lastLevelBytes(topology.caches);
  const arrays = Math.max(...accesses.map((access) => ARRAYS[access]));
  const wanted = arrays * TIMES_CACHE * lastLevel;
  const memory = Math.min(wanted, freeBytes * SHARE_OF_MEMORY);
  if (memory < wanted) {
    const times = (memory / arrays / lastLevel).toFixed(1);
    caveats.push(
      `memory was measured with arrays of ${times} times the last-level cache, for want of free memory; 4 are asked for`,
    );
  }
  const threads = counts.map((count): ThreadsPlan => {
    const cpus = order.slice(0, count);
    const share = (level: Cache['level']) => shareOf(topology.caches, level, cpus);
    const [l1, l2, l3] = [share('L1'), share('L2'), share('L3')];
    const bytes: Partial<Record<Level, number>> = { L1: l1 / 2, memory: Math.floor(memory / count) };
    if (l2 >= 4 * l1) bytes.L2 = l2 / 2;
    // Far above the second level, far below the third: some keep there what the second has, others what it
    // has not.
    if (l3 >= 4 * l2) bytes.L3 = Math.min(l3 / 2, 4 * l2);
    else
      absent[`L3 at ${count} threads`] =
        'a thread’s share of it is too near to the second-level cache to tell them apart';
    return { cpus, bytes };
  });
  return { threads, caveats, absent };
}

function lastLevelBytes(caches: readonly Cache[]): number {
  for (const level of ['L3', 'L2'] as const) {
    const sizes = caches.map((cache) => (cache.level === level ? cache.bytes : 0));
    const sum = sizes.reduce((total, bytes) => total + bytes, 0);
    if (sum > 0) return sum;
  }
  return ASSUMED.L3;
}

/** The least that a thread has of a cache when all these CPUs use it; 0 where there is no such cache. */
function shareOf(caches: readonly Cache[], level: Cache['level'], cpus: readonly number[]): number {
  if (caches.length === 0) return level === 'L3' ? ASSUMED.L3 / cpus.length : ASSUMED[level];
  const shares = caches
    .filter((cache) => cache.level === level)
    .map(({ bytes, cpus: sharing }) => ({ bytes, users: sharing.filter((cpu) => cpus.includes(cpu)).length }))
    .filter(({ users }) => users > 0)
    .map(({ bytes, users }) => bytes / users);
  return shares.length === 0 ? 0 : Math.min(...shares);
}
