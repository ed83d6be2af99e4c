import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { planRoofs, threadCounts } from '../../../agent/roofs/plan.js';
import { placementOrder, readTopology, type Topology } from '../../../agent/roofs/topology.js';
import { ACCESSES } from '../../../core/result/roofs.js';
import { temporaryFolder } from '../../support/folder.js';

/** A /sys with one line per CPU: its sibling, its L2 and L3 sharers. */
function sysOf(cpus: readonly { siblings: string; l2: string; l3: string }[]): string {
  const root = temporaryFolder();
  cpus.forEach(({ siblings, l2, l3 }, cpu) => {
    const at = join(root, `devices/system/cpu/cpu${cpu}`);
    const put = (path: string, text: string) => {
      mkdirSync(join(at, path, '..'), { recursive: true });
      writeFileSync(join(at, path), `${text}\n`);
    };
    put('topology/thread_siblings_list', siblings);
    const caches = [
      ['Data', '1', '48K', siblings],
      ['Instruction', '1', '32K', siblings],
      ['Unified', '2', '1024K', l2],
      ['Unified', '3', '32M', l3],
    ] as const;
    caches.forEach(([type, level, size, shared], index) => {
      put(`cache/index${index}/type`, type);
      put(`cache/index${index}/level`, level);
      put(`cache/index${index}/size`, size);
      put(`cache/index${index}/shared_cpu_list`, shared);
    });
  });
  return root;
}

/** Four cores of two threads each, two cores to a last-level cache; second threads are numbered last. */
const smt = () =>
  sysOf(
    Array.from({ length: 8 }, (_, cpu) => {
      const core = cpu % 4;
      const siblings = `${core},${core + 4}`;
      return { siblings, l2: siblings, l3: core < 2 ? '0-1,4-5' : '2-3,6-7' };
    }),
  );
const eight = [0, 1, 2, 3, 4, 5, 6, 7];

describe('where roofs are measured', () => {
  test('caches and cores are read once each, data caches only', () => {
    const { caches, cores } = readTopology(eight, smt());
    const bytesOf = (level: string) =>
      caches.filter((cache) => cache.level === level).map(({ bytes }) => bytes);
    expect(bytesOf('L1')).toEqual([48, 48, 48, 48].map((k) => k * 1024));
    expect(bytesOf('L2')).toHaveLength(4);
    expect(bytesOf('L3')).toEqual([32 * 2 ** 20, 32 * 2 ** 20]);
    expect(cores).toEqual([
      [0, 4],
      [1, 5],
      [2, 6],
      [3, 7],
    ]);
  });

  test('threads take a core of each last-level cache in turn, and second threads of cores last', () => {
    expect(placementOrder(readTopology(eight, smt()))).toEqual([0, 2, 1, 3, 4, 6, 5, 7]);
    // A device of some CPUs knows only of these.
    expect(placementOrder(readTopology([1, 5, 3], smt()))).toEqual([1, 3, 5]);
  });

  test('numbers of threads: 1, powers of two, cores and all, six at most', () => {
    const cores = (count: number, threads = 1): Topology => ({
      caches: [],
      cores: Array.from({ length: count }, (_, i) =>
        Array.from({ length: threads }, (_, t) => i + t * count),
      ),
    });
    expect(threadCounts(cores(1))).toEqual([1]);
    expect(threadCounts(cores(2))).toEqual([1, 2]);
    expect(threadCounts(cores(6, 2))).toEqual([1, 2, 4, 6, 8, 12]);
    expect(threadCounts(cores(64, 2))).toEqual([1, 8, 16, 32, 64, 128]);
  });

  test('working sets lie well inside their level and outside the one before', () => {
    const { threads, caveats, absent } = planRoofs(readTopology(eight, smt()), [1, 4, 8], 2 ** 40, ACCESSES);
    expect(caveats).toEqual([]);
    const [one, four, all] = threads.map(({ bytes }) => bytes);
    expect(one).toEqual({ L1: 24 << 10, L2: 512 << 10, L3: 4 << 20, memory: 12 * 64 * 2 ** 20 });
    expect(four?.L3).toBe(4 << 20);
    expect(four?.memory).toBe((12 * 64 * 2 ** 20) / 4);
    // Two threads of a core share its caches, four share a last level.
    expect(all).toMatchObject({ L1: 12 << 10, L2: 256 << 10, L3: 2 << 20 });
    expect(absent).toEqual({});
  });

  test('of reads alone memory is one array of four times the last-level caches, as each array of a triad', () => {
    const bytes = (accesses: Parameters<typeof planRoofs>[3]) =>
      planRoofs(readTopology(eight, smt()), [1], 2 ** 40, accesses).threads[0]?.bytes;
    expect(bytes(['read'])).toEqual({ ...bytes(ACCESSES), memory: 4 * 64 * 2 ** 20 });
  });

  test('a last level no larger than the second is not told apart from it', () => {
    const topology: Topology = {
      caches: [
        { level: 'L1', bytes: 48 << 10, cpus: [0] },
        { level: 'L2', bytes: 2 << 20, cpus: [0] },
        { level: 'L3', bytes: 4 << 20, cpus: [0] },
      ],
      cores: [[0]],
    };
    const { threads, absent } = planRoofs(topology, [1], 2 ** 40, ACCESSES);
    expect(threads[0]?.bytes.L3).toBeUndefined();
    expect(absent['L3 at 1 threads']).toMatch(/too near/);
  });

  test('little free memory, or a system that names no caches, is a caveat', () => {
    const small = planRoofs(readTopology(eight, smt()), [1], 2 ** 30, ACCESSES);
    expect(small.threads[0]?.bytes.memory).toBe(2 ** 28);
    expect(small.caveats).toEqual([expect.stringMatching(/arrays of 1\.3 times the last-level cache/)]);
    const unknown = planRoofs({ caches: [], cores: [[0], [1]] }, [1, 2], 2 ** 40, ACCESSES);
    expect(unknown.caveats).toEqual([expect.stringMatching(/names no cache sizes/)]);
    expect(unknown.threads[1]?.bytes.memory).toBeGreaterThan(0);
  });
});
