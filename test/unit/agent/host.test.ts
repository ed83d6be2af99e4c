import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hostStates } from '../../../cli/doctor/host.js';
import type { DeviceProfile } from '../../../core/experiment/node.js';
import { readThrottling, throttleWarnings } from '../../../process/device/cgroup.js';
import { readHost, readSwappedPages } from '../../../process/device/host.js';
import { tree } from '../../support/system-tree.js';

/**
 * A server of two nodes, two cores with two threads on each, as it comes from its maker; the device is CPUs 0
 * to 5.
 */
const UNTUNED = {
  ...Object.fromEntries(
    [0, 1, 2, 3, 4, 5, 6, 7].flatMap((cpu) => [
      [`sys/devices/system/cpu/cpu${cpu}/cpufreq/scaling_governor`, 'powersave\n'],
      [`sys/devices/system/cpu/cpu${cpu}/cpufreq/energy_performance_preference`, 'balance_performance\n'],
      [`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, `${cpu % 4},${(cpu % 4) + 4}\n`],
      [`proc/irq/${24 + cpu}/smp_affinity_list`, '0-7\n'],
      [`proc/irq/${24 + cpu}/effective_affinity_list`, `${cpu}\n`],
    ]),
  ),
  'sys/devices/system/cpu/intel_pstate/no_turbo': '0\n',
  'sys/devices/system/cpu/isolated': '\n',
  'sys/devices/system/cpu/nohz_full': '(null)\n',
  'sys/devices/system/node/node0/cpulist': '0-1,4-5\n',
  'sys/devices/system/node/node1/cpulist': '2-3,6-7\n',
  'sys/kernel/mm/transparent_hugepage/enabled': '[always] madvise never\n',
  'sys/fs/cgroup/a/cpu.max': '400000 100000\n',
  'sys/fs/cgroup/a/cpu.stat': 'usage_usec 5\nnr_periods 200\nnr_throttled 30\nthrottled_usec 9\n',
  'proc/self/cgroup': '0::/a\n',
  'proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-7\n',
  'proc/cpuinfo': 'flags\t\t: fpu avx2 hypervisor\n',
  'proc/meminfo': 'MemTotal: 1048576 kB\nSwapTotal: 2048 kB\n',
  'proc/vmstat': 'pswpin 3\npswpout 4\npgsteal_kswapd 9\n',
  'proc/sys/kernel/numa_balancing': '1\n',
  'proc/2/comm': 'kthreadd\n',
  'proc/977/comm': 'irqbalance\n',
};

/**
 * The same after everything was done about it, on bare metal; the device is CPUs 0 to 3 of cores without a
 * second thread.
 */
const TUNED = {
  ...Object.fromEntries(
    [0, 1, 2, 3].flatMap((cpu) => [
      [`sys/devices/system/cpu/cpu${cpu}/cpufreq/scaling_governor`, 'performance\n'],
      [`sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, `${cpu}\n`],
      [`proc/irq/${24 + cpu}/effective_affinity_list`, `${cpu}\n`],
    ]),
  ),
  'sys/devices/system/cpu/cpufreq/boost': '0\n',
  'sys/devices/system/cpu/isolated': '\n',
  'sys/devices/system/node/node0/cpulist': '0-3\n',
  'sys/kernel/mm/transparent_hugepage/enabled': 'always [madvise] never\n',
  'proc/self/status': 'Name:\tnode\nCpus_allowed_list:\t0-3\n',
  'proc/cpuinfo': 'flags\t\t: fpu avx2\n',
  'proc/meminfo': 'MemTotal: 1048576 kB\nSwapTotal: 0 kB\n',
  'proc/vmstat': 'pswpin 0\npswpout 0\n',
  'proc/sys/kernel/numa_balancing': '1\n',
  'proc/2/comm': 'kthreadd\n',
};

function rootsOf(files: Readonly<Record<string, string>>) {
  const root = tree(files);
  return { procRoot: join(root, 'proc'), sysRoot: join(root, 'sys'), cgroupRoot: join(root, 'sys') };
}

const device = (cpus: readonly number[]): DeviceProfile => ({
  id: 'cpu0',
  classes: ['cpu'],
  name: 'Testium 9',
  memoryBytes: 1,
  cpus,
});

describe('the state of a host', () => {
  test('is read as flat facts about the CPUs of a device', () => {
    expect(readHost([0, 1, 2, 3, 4, 5], rootsOf(UNTUNED))).toEqual({
      cpuGovernor: 'powersave',
      cpuEnergyPreference: 'balance_performance',
      cpuTurbo: true,
      deviceCores: 4,
      siblingCpus: '6-7',
      isolatedCpus: 'none',
      nohzFullCpus: 'none',
      irqBalance: true,
      deviceIrqs: 6,
      cpuQuota: 4,
      allowedCpus: '0-7',
      numaNodes: '0-1',
      numaBalancing: true,
      largePages: 'always',
      hypervisor: true,
      swap: true,
    });
  });

  test('is null where the system does not say, and says so of each fact', () => {
    expect(new Set(Object.values(readHost([0], rootsOf({ 'proc/cpuinfo': 'Features\t: asimd\n' }))))).toEqual(
      new Set([null]),
    );
    expect(readOf({ 'proc/977/comm': 'bash\n' }).irqBalance).toBeNull();
    expect(readOf({ 'proc/2/comm': 'kthreadd\n' }).irqBalance).toBe(false);
    expect(readSwappedPages(rootsOf({}).procRoot)).toBeNull();
  });

  const readOf = (files: Record<string, string>) => readHost([0], rootsOf(files));
});

describe('a CPU quota', () => {
  const roots = (throttled: number, periods: number) =>
    rootsOf({
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/a/cpu.stat': `nr_periods ${periods}\nnr_throttled ${throttled}\n`,
      'sys/fs/cgroup/a/b/cpu.stat': 'nr_periods 0\nnr_throttled 0\n',
    });
  const read = (throttled: number, periods: number) => {
    const { procRoot, sysRoot } = roots(throttled, periods);
    return readThrottling(procRoot, sysRoot).map((one) => ({ ...one, folder: 'a' }));
  };

  test('that stops a trial makes its row invalid, with how often; one that hardly does is forgiven', () => {
    const [warning] = throttleWarnings(read(5, 100), read(25, 150), 0.02);
    expect(warning).toMatchObject({ code: 'quota-throttle', severity: 'disturbed' });
    expect(warning!.message).toContain('in 20 of 50 periods (40 %)');
    expect(throttleWarnings(read(5, 100), read(6, 150), 0.02)).toEqual([]);
    expect(throttleWarnings([], [], 0)).toEqual([]);
  });

  test('is read from cgroup v1, too', () => {
    const { procRoot, sysRoot } = rootsOf({
      'proc/self/cgroup': '3:cpu,cpuacct:/docker/x\n0::/\n',
      'sys/fs/cgroup/cpu/cpu.stat': 'nr_periods 7\nnr_throttled 2\nthrottled_time 100\n',
    });
    expect(readThrottling(procRoot, sysRoot)).toMatchObject([{ periods: 7, throttledPeriods: 2 }]);
  });
});

describe('ridge doctor', () => {
  test('names what moves numbers on a host, what it costs and what changes it', () => {
    const [state] = hostStates([device([0, 1, 2, 3, 4, 5])], {}, rootsOf(UNTUNED));
    const changes = state!.findings.map(({ found, change }) => `${found} → ${change}`);
    expect(changes.map((text) => text.slice(0, 40))).toMatchInlineSnapshot(`
      [
        "a CPU quota of 4 for 6 CPUs; it has stop",
        "governor powersave, energy preference ba",
        "turbo is on → echo 1 | sudo tee /sys/dev",
        "CPUs 6-7 share cores with it and are not",
        "6 CPUs are 4 cores → sweep \`threads\` up ",
        "its 6 CPUs are of the NUMA nodes 0-1 → o",
        "the kernel moves pages between NUMA node",
        "irqbalance runs; 6 interrupts go to CPUs",
        "other processes may run on its CPUs 0-5 ",
        "transparent huge pages are on for everyt",
        "there is swap, and 7 pages went through ",
        "this is a virtual machine → null",
      ]
    `);
    expect(changes.join('\n')).toContain(
      'it has stopped us in 30 of 200 periods → docker: --cpuset-cpus=0-5',
    );
    expect(changes.join('\n')).toContain('sudo cpupower frequency-set -g performance');
    expect(changes.join('\n')).toContain('AllowedCPUs=6-7');
    expect(changes.join('\n')).not.toContain('lockedClockHertz');
    expect(state!.findings.every(({ cost }) => cost.endsWith('.'))).toBe(true);
  });

  test('names nothing where nothing is known to move them', () => {
    expect(hostStates([device([0, 1, 2, 3])], {}, rootsOf(TUNED))[0]!.findings).toEqual([]);
  });

  test('offers the power helper for the clock where it can set it, and warns of isolated CPUs that hold threads together', () => {
    const roots = rootsOf({
      ...TUNED,
      'sys/devices/system/cpu/cpufreq/boost': '1\n',
      'sys/devices/system/cpu/isolated': '2-3\n',
    });
    const range = { least: 1e9, most: 3e9 };
    const settable = { cpu0: { powerCapWatts: 'no package', lockedClockHertz: range } };
    const [{ findings } = { findings: [] }] = hostStates([device([0, 1, 2, 3])], settable, roots);
    expect(findings.map(({ found }) => found)).toEqual([
      'CPUs 2-3 of 4 are isolated (isolcpus)',
      'turbo is on',
    ]);
    expect(findings[1]!.change).toContain('lockedClockHertz');
  });

  test('says nothing of GPUs: their trials run on the CPUs of the host', () => {
    expect(hostStates([{ ...device([0]), classes: ['cuda'] }], {}, rootsOf(TUNED))).toEqual([]);
  });
});
