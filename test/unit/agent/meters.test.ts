import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { idleWatts } from '../../../agent/meters/baseline.js';
import { findClockMeter } from '../../../agent/meters/clock.js';
import { energySourcesOf, findMeters } from '../../../agent/meters/index.js';
import type { Meter } from '../../../agent/meters/meter.js';
import { findProcessMeter } from '../../../agent/meters/process.js';
import { Recorder } from '../../../agent/meters/recorder.js';
import { findReplayMeter } from '../../../agent/meters/replay.js';
import { findSystemMeter } from '../../../agent/meters/system.js';
import { findTemperatureMeter } from '../../../agent/meters/temperature.js';
import { judge } from '../../../batching/judge.js';
import { QUANTITIES } from '../../../core/metrics/meters.js';
import type { NvmlDevice } from '../../../process/device/nvml.js';
import { temporaryFolder } from '../../support/folder.js';
import { found, tree, values } from '../../support/system-tree.js';
import { calmInput, experiment } from '../judgement/trace.js';

describe('the process meter', () => {
  const root = () =>
    tree({
      'self/stat': '',
      '42/stat': `42 (a b) c) S 1 42 42 0 -1 0 0 0 0 0 150 50 0 0 20 0 3 0 0 0 0`,
      '42/status': 'Name:\tx\nVmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\nRssAnon:\t 512 kB\n',
      '42/smaps_rollup': '00-ff ---p 0 00:00 0 [rollup]\nRss:  1024 kB\nPss:   700 kB\nPss_Anon: 100 kB\n',
    });

  test('reads CPU time and memory of a process whose name holds blanks and brackets', () => {
    const meter = found(findProcessMeter(root()));
    meter.attach({ processes: [{ pid: 42 }], deviceId: 'cpu0', cpus: [0] });
    expect(values(meter.read())).toEqual({
      processCpuSeconds: 2,
      processResidentBytes: 1024 * 1024,
      processPeakResidentBytes: 2048 * 1024,
    });
    expect(values(meter.readResting?.() ?? [])).toEqual({ processProportionalBytes: 700 * 1024 });
    meter.close();
  });

  test('reads nothing when nobody is attached or the process is gone', () => {
    const meter = found(findProcessMeter(root()));
    expect(meter.read()).toEqual([]);
    meter.attach({ processes: [{ pid: 43 }], deviceId: 'cpu0', cpus: [0] });
    expect(meter.read()).toEqual([]);
    expect(meter.readResting?.()).toEqual([]);
  });

  test('reads a server with all that it started, what joins later among them', () => {
    const stat = (pid: number, parent: number, ticks: number, ended = 0) =>
      `${pid} (worker) S ${parent} 1 1 0 -1 0 0 0 0 0 ${ticks} 0 ${ended} 0 20 0 1 0 0 0 0`;
    const status = (kilobytes: number) => `VmHWM:\t ${2 * kilobytes} kB\nVmRSS:\t ${kilobytes} kB\n`;
    const files = {
      'self/stat': '',
      '42/stat': stat(42, 1, 100, 50),
      '42/status': status(1000),
      '43/stat': stat(43, 42, 200),
      '43/status': status(500),
      '44/stat': stat(44, 43, 400),
      '44/status': status(250),
      '99/stat': stat(99, 1, 1e6),
      '99/status': status(1e6),
      // Has ended and was not waited for.
      '45/stat': stat(45, 42, 100),
      '45/status': 'State:\tZ (zombie)\n',
      '42/smaps_rollup': 'Pss_:\nPss:   700 kB\n',
      '43/smaps_rollup': 'Pss_:\nPss:   300 kB\n',
    };
    const meter = found(findProcessMeter(tree(files)));
    meter.attach({ processes: [{ pid: 42, tree: true }], deviceId: 'cpu0', cpus: [0] });
    expect(values(meter.read())).toEqual({
      processCpuSeconds: 1 + 0.5 + 2 + 4 + 1,
      processResidentBytes: 1750 * 1024,
    });
    expect(values(meter.readResting?.() ?? [])).toEqual({ processProportionalBytes: 1000 * 1024 });
    meter.close();
    expect(meter.read()).toEqual([]);
    // A trial that works in its own process and in the tree of another: what the first started is not asked
    // for.
    meter.attach({ processes: [{ pid: 99 }, { pid: 43, tree: true }], deviceId: 'cpu0', cpus: [0] });
    expect(values(meter.read())).toEqual({
      processCpuSeconds: 1e4 + 2 + 4,
      processResidentBytes: (1e6 + 500 + 250) * 1024,
    });
    meter.close();
    // Of a server alone the kernel tells its peak, as of any trial.
    meter.attach({ processes: [{ pid: 99, tree: true }], deviceId: 'cpu0', cpus: [0] });
    expect(values(meter.read())).toMatchObject({ processPeakResidentBytes: 2e6 * 1024 });
    meter.close();
  });

  test('says why where there is no /proc', () => {
    expect(findProcessMeter('/nowhere')).toMatchObject({ found: false, reason: expect.any(String) });
  });
});

test('the system meter keeps idle, steal and guest time apart', () => {
  // user nice system idle iowait irq softirq steal guest guest_nice
  const root = tree({ stat: 'cpu  100 10 50 800 20 5 15 30 40 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n' });
  const meter = found(findSystemMeter(root));
  expect(values(meter.read())).toMatchObject({
    systemBusyCpuSeconds: 1.8,
    systemStealCpuSeconds: 0.3,
    systemTotalCpuSeconds: 10.3,
  });
  meter.close();
});

describe('the clock meter', () => {
  test('takes the mean of the trial’s cores from cpufreq', () => {
    const cpu = (n: number) => `devices/system/cpu/cpu${n}/cpufreq/scaling_cur_freq`;
    const root = tree({ [cpu(0)]: '1000000\n', [cpu(1)]: '2000000\n', [cpu(2)]: '4000000\n' });
    const meter = found(findClockMeter(root, root));
    meter.attach({ processes: [{ pid: 1 }], deviceId: 'cpu0', cpus: [1, 2] });
    expect(values(meter.read())).toEqual({ cpuClockHertz: 3e9 });
    meter.close();
  });

  test('falls back to /proc/cpuinfo, and is absent without either', () => {
    const cpuinfo = 'processor\t: 0\ncpu MHz\t\t: 2000.5\n\nprocessor\t: 1\ncpu MHz\t\t: 3000.5\n\n';
    const root = tree({ cpuinfo });
    const meter = found(findClockMeter(root, root));
    meter.attach({ processes: [{ pid: 1 }], deviceId: 'cpu0', cpus: [1] });
    expect(values(meter.read())).toEqual({ cpuClockHertz: 3000.5e6 });
    const empty = tree({ 'x/y': '' });
    expect(findClockMeter(empty, empty).found).toBe(false);
  });
});

test('the temperature meter takes the hottest CPU package and no other sensor', () => {
  const root = tree({
    'class/hwmon/hwmon0/name': 'nvme\n',
    'class/hwmon/hwmon0/temp1_input': '90000\n',
    'class/hwmon/hwmon1/name': 'coretemp\n',
    'class/hwmon/hwmon1/temp1_input': '51000\n',
    'class/hwmon/hwmon2/name': 'coretemp\n',
    'class/hwmon/hwmon2/temp1_input': '62500\n',
  });
  const meter = found(findTemperatureMeter(root));
  expect(values(meter.read())).toEqual({ cpuTemperatureCelsius: 62.5 });
  meter.close();
  expect(findTemperatureMeter('/nowhere').found).toBe(false);
});

describe('the set of meters', () => {
  const settings = { energy: 'auto' as const, replayFile: null, procRoot: '/nowhere', sysRoot: '/nowhere' };
  const noDriver = { reason: 'no NVIDIA driver' };

  test('names both sources it looked for when there is no energy', () => {
    const { absent, meters } = findMeters(settings, noDriver, 'cpu0', 'on');
    expect(absent.energy).toBe('no RAPL in /sys/class/powercap and no NVIDIA driver');
    expect(meters).toEqual([]);
  });

  test('says why each quantity is absent, and a record repeats it', () => {
    const { absent } = findMeters(settings, noDriver, 'cpu0', 'on');
    expect(absent).toMatchObject({
      cpuTemperatureCelsius: 'no CPU temperature sensor in /sys/class/hwmon',
      cpuClockHertz: 'neither cpufreq nor /proc/cpuinfo gives the clock of the CPU',
      processResidentBytes: 'there is no /nowhere on this system',
      systemBusyCpuSeconds: 'there is no /nowhere/stat on this system',
    });
    // What no meter was looked for would be missing without a reason.
    for (const [name, { of }] of Object.entries(QUANTITIES)) {
      // A trial's own process asks its cores.
      if (of === 'node' || of === 'processes') expect(absent, name).toHaveProperty(name);
    }
    const { measurements } = judge(
      calmInput({ experiment: { ...experiment, device: 'cpu' }, samples: [], absent }),
    );
    for (const [metric, quantity] of [
      ['temperaturePeakCelsius', 'cpuTemperatureCelsius'],
      ['clockHertz', 'cpuClockHertz'],
      ['peakResidentBytes', 'processResidentBytes'],
      ['processCores', 'processCpuSeconds'],
    ] as const)
      expect(measurements[metric], metric).toMatchObject({ value: null, reason: absent[quantity] });
  });

  test('has the GPU’s counter and the CPU’s beside each other, by domain', () => {
    const root = tree({
      'class/powercap/intel-rapl:0/name': 'package-0',
      'class/powercap/intel-rapl:0/max_energy_range_uj': '1000',
      'class/powercap/intel-rapl:0/energy_uj': '1',
    });
    const gpu: NvmlDevice = {
      uuid: 'GPU-1',
      name: 'GPU',
      memoryBytes: 1,
      board: null,
      energyJoules: () => 5,
      fields: () => ({
        powerWatts: null,
        averagePowerWatts: null,
        modulePowerWatts: null,
        memoryPowerWatts: null,
        memoryTemperatureCelsius: null,
      }),
      powerLimitWatts: () => null,
      memoryUsedBytes: () => 7,
      clockHertz: () => null,
      memoryClockHertz: () => null,
      utilization: () => null,
      temperatureCelsius: () => null,
      throttleReasons: () => 0,
      processes: () => null,
      inUse: () => false,
    };
    const nvml = { nvml: { driverVersion: '1', devices: [gpu], close: () => {} } };
    const set = findMeters({ ...settings, sysRoot: root }, nvml, 'GPU-1', 'on');
    expect(energySourcesOf(set)).toEqual(['nvml:gpu', 'rapl:package-0']);
    expect(set.absent.energy).toBeUndefined();
    const readings = values(set.meters.flatMap((meter) => meter.read()));
    expect(readings).toEqual({
      'energyJoules:gpu': 5,
      deviceMemoryBytes: 7,
      throttleReasons: 0,
      'energyJoules:package-0': 1e-6,
    });
    for (const meter of set.meters) meter.close();
    const off = findMeters({ ...settings, sysRoot: root, energy: 'none' }, nvml, 'GPU-1', 'on');
    expect(energySourcesOf(off)).toEqual([]);
    expect(off.absent.energy).toContain('meters.energy');
  });
});

describe('replay', () => {
  const trace = (text: string) => {
    const path = join(temporaryFolder(), 'trace.json');
    writeFileSync(path, text);
    return findReplayMeter(path);
  };

  test('says what is wrong with a trace', () => {
    expect(findReplayMeter('/nowhere.json')).toMatchObject({ found: false });
    expect(trace('{')).toMatchObject({ found: false });
    expect(trace('{"samples":[]}')).toMatchObject({
      found: false,
      reason: expect.stringContaining('no samples'),
    });
  });

  test('is silent before its first sample', () => {
    const series = {
      meter: 'rapl',
      quantity: 'powerWatts:gpu',
      unit: 'W',
      kind: 'gauge',
      periodSeconds: 0.1,
      seconds: [100, 101],
      values: [1, 2],
    };
    const meter = found(trace(JSON.stringify({ samples: [series] })));
    expect(meter.quantities).toEqual([{ name: 'powerWatts:gpu', unit: 'W', kind: 'gauge', domain: 'gpu' }]);
    expect(meter.read()).toEqual([]);
  });
});

describe('the recorder', () => {
  const counting = (name: Meter['name']): Meter & { reads: number } => ({
    name,
    quantities: [{ name: 'x', unit: 's', kind: 'counter', domain: null }],
    periodSeconds: 1000,
    reads: 0,
    read() {
      this.reads += 1;
      return [{ quantity: 'x', seconds: 10 + this.reads, value: this.reads }];
    },
    attach() {},
    close() {},
  });

  test('reads at the start, at every rest and at the end, in seconds since the origin', () => {
    const recorder = new Recorder([counting('rapl')]);
    recorder.start();
    recorder.rest();
    recorder.stop();
    expect(recorder.series(10)).toEqual([
      {
        meter: 'rapl',
        quantity: 'x',
        unit: 's',
        kind: 'counter',
        periodSeconds: 1000,
        seconds: [1, 2, 3],
        values: [1, 2, 3],
      },
    ]);
  });

  test('keeps two meters with the same quantity apart', () => {
    const recorder = new Recorder([counting('rapl'), counting('nvml')]);
    recorder.start();
    recorder.stop();
    expect(recorder.series(0).map(({ meter }) => meter)).toEqual(['rapl', 'nvml']);
  });

  test('stays bounded however long a trial runs, and says how coarse it became', () => {
    const recorder = new Recorder([counting('rapl')]);
    recorder.start();
    for (let i = 0; i < 20_000; i++) recorder.rest();
    recorder.stop();
    const [series] = recorder.series(0);
    expect(series!.values.length).toBeLessThanOrEqual(8192);
    expect(series!.values[0]).toBe(1);
    expect(series!.periodSeconds).toBeGreaterThan(1000);
    expect(series!.values.length).toBe(series!.seconds.length);
  });
});

test('idle power comes from the counter’s own steps, or from the mean power', () => {
  const series = (quantity: string, kind: 'gauge' | 'counter', seconds: number[], vs: number[]) => ({
    meter: 'm',
    quantity,
    unit: '',
    kind,
    periodSeconds: 0.1,
    seconds,
    values: vs,
  });
  expect(
    idleWatts([
      series('energyJoules:gpu', 'counter', [0, 0.5, 1, 1.5, 2], [100, 100, 120, 120, 140]),
      series('powerWatts:gpu', 'gauge', [0, 1], [1, 1]),
      series('powerWatts:dram', 'gauge', [0, 1], [3, 5]),
      series('energyJoules:stuck', 'counter', [0, 1], [7, 7]),
      series('processCpuSeconds', 'counter', [0, 1], [0, 1]),
    ]),
  ).toEqual({ gpu: 20, dram: 4 });
});
