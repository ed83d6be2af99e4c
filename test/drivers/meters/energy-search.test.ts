import { describe, expect, test } from 'vitest';
import { energySourcesOf, findMeters, type MeterSettings } from '../../../agent/meters/index.js';
import { NO_SENSORS, openSensors, type Sensors } from '../../../agent/meters/sensors.js';
import { probeNode } from '../../../agent/probe.js';
import { energySources } from '../../../core/metrics/energy.js';
import { cleanSeries } from '../../../core/metrics/series.js';
import { compileStub, hasGcc, setStub } from '../../support/c-stub.js';
import { amdCard, intelCard } from '../../support/gpu-trees.js';
import { tree } from '../../support/system-tree.js';

const NO_NVIDIA = { reason: 'no NVIDIA driver' };
const settings = (sysRoot: string, sensors: Sensors = NO_SENSORS): MeterSettings => ({
  energy: 'auto',
  replayFile: null,
  procRoot: '/nowhere',
  sysRoot,
  sensors,
});
const open = (sysRoot: string, changes: Partial<Parameters<typeof openSensors>[0]> = {}) =>
  openSensors({ sysRoot, energy: true, allowPowermetrics: false, amdLibraries: [], ...changes });

const RAPL = {
  'class/powercap/intel-rapl:0/name': 'package-0\n',
  'class/powercap/intel-rapl:0/max_energy_range_uj': '262143000000\n',
  'class/powercap/intel-rapl:0/energy_uj': '5000000\n',
};
const RAIL = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3';
const JETSON = {
  [`${RAIL}/in1_label`]: 'VDD_IN\n',
  [`${RAIL}/in1_input`]: '5000\n',
  [`${RAIL}/curr1_input`]: '900\n',
};

describe('the search for energy', () => {
  test('gives each GPU its own meters and the processor’s to all, under names that tell them apart', async () => {
    const root = tree({
      ...RAPL,
      ...amdCard(0, '0000:03:00.0', 100),
      ...intelCard(1, '0000:83:00.0', [[null, 7e6]]),
    });
    const sensors = await open(root);
    const sourcesOf = (deviceId: string) => {
      const set = findMeters(settings(root, sensors), NO_NVIDIA, deviceId, 'on');
      for (const meter of set.meters) meter.close();
      expect(set.absent.energy).toBeUndefined();
      return energySourcesOf(set);
    };
    expect(sourcesOf('cpu0')).toEqual(['rapl:package-0']);
    expect(sourcesOf('0000:03:00.0')).toEqual(['amd:gpu', 'rapl:package-0']);
    expect(sourcesOf('0000:83:00.0')).toEqual(['intel-gpu:gpu', 'rapl:package-0']);
  });

  test('finds the module of a Jetson from every device of it', () => {
    const set = findMeters(settings(tree(JETSON)), NO_NVIDIA, 'cpu0', 'on');
    expect(energySourcesOf(set)).toEqual(['jetson:module']);
    expect(set.absent.energy).toBeUndefined();
    for (const meter of set.meters) meter.close();
  });

  test('says everything it looked for in vain, and nothing of what such a machine cannot have', async () => {
    const root = tree({ ...intelCard(1, '0000:83:00.0', []), 'x/y': '' });
    const { absent } = findMeters(settings(root, await open(root)), NO_NVIDIA, '0000:83:00.0', 'on');
    expect(absent.energy).toBe(
      'no RAPL in /sys/class/powercap and Intel 0x56a0 has no energy counter in hwmon and no NVIDIA driver',
    );
    expect(Object.keys(absent)).not.toContain('jetson');
    expect(Object.keys(absent)).not.toContain('apple');
  });

  test('asks perf events where powercap is closed, and says how either could be opened', () => {
    const root = tree({
      'class/powercap/intel-rapl:0/name': 'package-0\n',
      'bus/event_source/devices/power/type': '9\n',
      'bus/event_source/devices/power/cpumask': '0\n',
      'bus/event_source/devices/power/events/energy-pkg': 'event=0x02\n',
      'bus/event_source/devices/power/events/energy-pkg.scale': '2.3e-10\n',
      'bus/event_source/devices/power/events/energy-pkg.unit': 'Joules\n',
    });
    const perf = { found: true as const, open: () => 'EACCES' };
    const { absent } = findMeters(settings(root, { ...NO_SENSORS, perf }), NO_NVIDIA, 'cpu0', 'on');
    expect(absent.energy).toMatch(
      /^RAPL is there but .*; its perf events need CAP_PERFMON.* and no NVIDIA driver$/,
    );
  });

  test('leaves energy out, but not the state of the device, when the config wants none', async () => {
    const root = tree({ ...RAPL, ...amdCard(0, '0000:03:00.0', 100) });
    const sensors = await open(root, { energy: false });
    const set = findMeters({ ...settings(root, sensors), energy: 'none' }, NO_NVIDIA, '0000:03:00.0', 'on');
    expect(set.meters.map(({ name }) => name)).toEqual(['amd-state']);
    for (const meter of set.meters) meter.close();
  });

  test('on an Apple chip asks powermetrics only where IOReport is closed and the operator allows it', async () => {
    const closed = { ioReport: '/nowhere/a', coreFoundation: '/nowhere/b' };
    const apple = { platform: 'darwin' as const, ioReportLibraries: closed };
    const forbidden = await open('/nowhere', apple);
    const { absent } = findMeters(settings('/nowhere', forbidden), NO_NVIDIA, 'metal0', 'on');
    expect(absent.energy).toMatch(
      /^IOReport cannot be opened.*; powermetrics is not allowed \(meters.powermetrics/,
    );
    const refused = await open('/nowhere', {
      ...apple,
      allowPowermetrics: true,
      powermetricsCommand: { command: '/nowhere/sudo', args: [] },
    });
    const why = findMeters(settings('/nowhere', refused), NO_NVIDIA, 'metal0', 'on').absent.energy;
    expect(why).toContain('powermetrics is allowed (meters.powermetrics) but of no use');
  });
});

describe('what counts as the energy of a trial', () => {
  const series = (...names: string[]) =>
    names.map((quantity) =>
      cleanSeries({
        meter: 'm',
        quantity,
        unit: '',
        kind: quantity.startsWith('energy') || quantity.startsWith('partEnergy') ? 'counter' : 'gauge',
        periodSeconds: 0.1,
        seconds: [0, 1],
        values: [1, 2],
      }),
    );
  const label = (device: string, ...names: string[]) =>
    energySources(series(...names), device).primary?.label ?? null;

  test('a module that is metered as a whole stands for its CPU and for its GPU', () => {
    const orin = ['powerWatts:module', 'partPowerWatts:vdd-cpu-gpu-cv'];
    expect(label('cuda:orin', ...orin)).toBe('integral:module');
    expect(label('cpu', ...orin)).toBe('integral:module');
    const agx = ['powerWatts:cpu', 'powerWatts:gpu', 'partPowerWatts:vin-sys-5v0'];
    expect(label('cuda', ...agx)).toBe('integral:gpu');
    expect(label('cpu', ...agx)).toBe('integral:cpu');
  });

  test('an Apple chip’s CPU comes with its memory, its GPU alone', () => {
    const chip = ['energyJoules:cpu', 'energyJoules:gpu', 'energyJoules:dram', 'partEnergyJoules:gpu-sram'];
    expect(label('cpu', ...chip)).toBe('counter:cpu+dram');
    expect(label('metal', ...chip)).toBe('counter:gpu');
  });

  test('parts are nobody’s energy', () => {
    expect(label('cpu', 'partEnergyJoules:core-0')).toBeNull();
    expect(label('cpu', 'energyJoules:package-0', 'partEnergyJoules:core-0')).toBe('counter:package-0');
  });
});

describe.skipIf(!hasGcc)('a node with AMD GPUs (needs gcc)', () => {
  const library = hasGcc ? compileStub('amd-smi-stub') : '';

  test('names its devices, its sources, and how often they are renewed', async () => {
    setStub({ AMD_STUB_WATTS: '100' });
    const root = tree({ ...RAPL, ...amdCard(0, '0000:03:00.0', 100), ...amdCard(1, '0001:43:00.0', 3) });
    const { profile, periods, sensors } = await probeNode({
      nodeName: 'n',
      labels: {},
      cpuGroups: [],
      meters: { energy: 'auto', replayFile: null, procRoot: '/proc', sysRoot: root },
      runnerKinds: [],
      nvmlLibrary: '/nowhere',
      sensors: { amdLibraries: [library] },
    });
    setStub({ AMD_STUB_WATTS: undefined });
    expect(profile.devices.map(({ id }) => id)).toEqual(['cpu0', '0000:03:00.0', '0001:43:00.0']);
    expect(profile.energySources).toEqual(['amd:gpu']);
    expect(profile.absent.energy).toBeUndefined();
    // The first counter moves at every look; the other counts 200 W on a board that draws 3 W.
    const counted = periods.devices.get('0000:03:00.0')?.get('amd/energyJoules:gpu');
    expect(counted?.seconds).toBeGreaterThan(0);
    expect(sensors.amdCounters['0001:43:00.0']).toEqual({
      reason: expect.stringContaining('it is not used'),
    });
    expect(profile.absent['amd-counter']).toMatch(/counts 2\d\d W while the board draws 3\.00 W/);
    // A counter that nobody moves, as some virtual machines show one, is no source: that is said, and no
    // period is made up.
    expect(periods.node.get('rapl/energyJoules:package-0')).toMatchObject({
      seconds: null,
      changes: 0,
    });
    expect(profile.absent.rapl).toMatch(
      /stood still at the agent's start \(energyJoules:package-0: it changed 0 times/,
    );
  });
});
