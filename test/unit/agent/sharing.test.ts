import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Backoff } from '../../../agent/backoff.js';
import { LeaseRequester } from '../../../agent/lease-requester.js';
import type { DeviceProfile } from '../../../core/experiment/node.js';
import { readLimits } from '../../../process/device/cgroup.js';
import { cpuDevices, readCpu } from '../../../process/device/cpu.js';
import { temporaryFolder } from '../../support/folder.js';

const device = (id: string, classes: string[], cpus: number[]): DeviceProfile => ({
  id,
  classes,
  name: id,
  memoryBytes: 1,
  cpus,
});

describe('asking for work', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function asking(devices: readonly DeviceProfile[]) {
    const asked: string[] = [];
    const busy = new Set<string>();
    const free = (d: DeviceProfile) => !busy.has(d.id);
    return { asked, busy, it: new LeaseRequester(devices, free, (id) => void asked.push(id)) };
  }

  const cpu = device('cpu0', ['cpu'], [0, 1, 2, 3]);
  const gpus = [device('g0', ['cuda'], [0, 1]), device('g1', ['cuda'], [2, 3])];

  test('has one question open among devices that share cores, accelerators first', () => {
    const { asked, it } = asking([cpu, ...gpus]);
    it.begin();
    expect(asked).toEqual(['g0', 'g1']);
    it.waitFor('g0', 1000);
    // g1's question is open and shares cores with the CPU.
    expect(asked).toEqual(['g0', 'g1']);
    it.waitFor('g1', 1000);
    expect(asked).toEqual(['g0', 'g1', 'cpu0']);
  });

  test('asks again after the time it was told, or earlier when it is told so', () => {
    const { asked, it } = asking([gpus[0]!]);
    it.begin();
    it.waitFor('g0', 10_000);
    vi.advanceTimersByTime(5000);
    expect(asked).toEqual(['g0']);
    it.waitFor('g0', 0);
    vi.advanceTimersByTime(1);
    expect(asked).toEqual(['g0', 'g0']);
  });

  test('does not ask for a busy device, nor after its end', () => {
    const { asked, busy, it } = asking(gpus);
    busy.add('g0');
    it.begin();
    expect(asked).toEqual(['g1']);
    it.granted('g1');
    busy.add('g1');
    it.requestFreeDevices();
    expect(asked).toEqual(['g1']);
    busy.clear();
    it.end();
    it.requestFreeDevices();
    vi.advanceTimersByTime(60_000);
    expect(asked).toEqual(['g1']);
  });
});

test('the back-off doubles to its limit, keeps its jitter in bounds and starts anew', () => {
  const most = new Backoff(1, 8, () => 1);
  expect([most.next(), most.next(), most.next(), most.next(), most.next()]).toEqual([1, 2, 4, 8, 8]);
  most.reset();
  expect(most.next()).toBe(1);
  expect(new Backoff(4, 8, () => 0).next()).toBe(1);
});

describe('the limits of a node', () => {
  function roots(files: Record<string, string>) {
    const root = temporaryFolder();
    for (const [path, text] of Object.entries({ 'proc/meminfo': 'MemTotal: 1048576 kB\n', ...files })) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return readLimits(join(root, 'proc'), join(root, 'sys'));
  }

  test('are the machine’s without a cgroup', () => {
    expect(roots({})).toEqual({ memoryBytes: 2 ** 30, cpuQuota: null });
  });

  test('come from the narrowest cgroup v2 above, "max" being none', () => {
    expect(
      roots({
        'proc/self/cgroup': '0::/a/b\n',
        'sys/fs/cgroup/a/b/memory.max': 'max\n',
        'sys/fs/cgroup/a/memory.max': '536870912\n',
        'sys/fs/cgroup/a/b/cpu.max': '150000 100000\n',
        'sys/fs/cgroup/a/cpu.max': 'max 100000\n',
      }),
    ).toEqual({ memoryBytes: 2 ** 29, cpuQuota: 1.5 });
  });

  test('come from cgroup v1, whose huge number is none, at the mount where the path is the host’s', () => {
    expect(
      roots({
        'proc/self/cgroup': '4:memory:/docker/x\n1:cpu,cpuacct:/docker/x\n',
        'sys/fs/cgroup/memory/memory.limit_in_bytes': '268435456\n',
        'sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes': '9223372036854771712\n',
        'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
        'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
      }),
    ).toEqual({ memoryBytes: 2 ** 28, cpuQuota: null });
  });
});

test('a CPU is read from /proc, and a quota keeps the device from being larger than its time', () => {
  const root = temporaryFolder();
  mkdirSync(join(root, 'self'));
  writeFileSync(
    join(root, 'cpuinfo'),
    'model name\t: Testium 9\nflags\t\t: fpu avx2 avx512_bf16 amx_int8 smep\n',
  );
  writeFileSync(join(root, 'self/status'), 'Name:\tx\nCpus_allowed_list:\t2-5\n');
  const cpu = readCpu(root);
  expect(cpu).toEqual({
    model: 'Testium 9',
    features: ['avx2', 'avx512_bf16', 'amx_int8'],
    allowed: [2, 3, 4, 5],
  });
  expect(cpuDevices(cpu, [], 10, 2.5).map(({ cpus }) => cpus)).toEqual([[2, 3]]);
  expect(cpuDevices(cpu, [[2], [3, 4]], 10, null).map(({ id, cpus }) => [id, cpus])).toEqual([
    ['cpu0', [2]],
    ['cpu1', [3, 4]],
  ]);
  expect(() => cpuDevices(cpu, [[2, 7]], 10, null)).toThrow('CPU 7, and the agent may only use 2-5');
});
