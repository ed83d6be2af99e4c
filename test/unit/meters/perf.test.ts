import { closeSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { findPerfMeter } from '../../../agent/meters/perf.js';
import { openPerfEvents, type PerfEvents } from '../../../process/device/perf-events.js';
import { systemText } from '../../../process/device/system-text.js';
import { found, tree } from '../../support/system-tree.js';

const PMU = 'bus/event_source/devices/power';
const event = (name: string, config: string, scale: string) => ({
  [`${PMU}/events/${name}`]: `event=${config}\n`,
  [`${PMU}/events/${name}.scale`]: `${scale}\n`,
  [`${PMU}/events/${name}.unit`]: 'Joules\n',
});
const SCALE = '2.3283064365386962890625e-10';
const TWO_SOCKETS = {
  [`${PMU}/type`]: '42\n',
  [`${PMU}/cpumask`]: '0,24\n',
  'devices/system/cpu/cpu0/topology/physical_package_id': '0\n',
  'devices/system/cpu/cpu24/topology/physical_package_id': '1\n',
};

/** The time stamp counter is a perf event that every x86 has, and grows: it stands in for energy here. */
const msr = systemText('/sys/bus/event_source/devices/msr/type');
const perf = await openPerfEvents();
const trial = perf.found && msr !== null ? perf.open(Number(msr), 0n, 0) : 'ENOENT';
if (typeof trial === 'number') closeSync(trial);
const TICKING = {
  ...event('energy-pkg', '0x00', '1e-9'),
  [`${PMU}/type`]: `${msr}\n`,
  [`${PMU}/cpumask`]: '0\n',
};

describe('RAPL through perf events', () => {
  test.skipIf(typeof trial !== 'number')(
    'reads a real event of the kernel, from when it is opened (needs an x86 whose perf events may be opened)',
    () => {
      const meter = found(findPerfMeter(tree(TICKING), '/proc', perf));
      const begun = performance.now();
      const [first] = meter.read();
      const [second] = meter.read();
      const longest = (performance.now() - begun) / 1000;
      expect(first?.quantity).toBe('energyJoules:package-0');
      expect(second!.value).toBeGreaterThan(first!.value);
      expect(second!.seconds).toBeGreaterThan(first!.seconds);
      // About 1e9 ticks a second, times 1e-9, between two moments that both lie in what was waited here,
      // however long this process stood still.
      expect(second!.value - first!.value).toBeLessThan(20 * longest);
      meter.close();
      expect(meter.read()).toEqual([]);
    },
  );

  test('asks one CPU of each socket for packages and memory, and keeps cores as parts', () => {
    const asked: unknown[] = [];
    const refusing: PerfEvents = {
      found: true,
      open: (type, config, cpu) => {
        asked.push([type, Number(config), cpu]);
        return 'EACCES';
      },
    };
    const root = tree({
      ...TWO_SOCKETS,
      ...event('energy-pkg', '0x02', SCALE),
      ...event('energy-cores', '0x01', SCALE),
    });
    const paranoid = tree({ 'sys/kernel/perf_event_paranoid': '2\n' });
    expect(findPerfMeter(root, paranoid, refusing)).toEqual({
      found: false,
      name: 'perf',
      reason: 'its perf events need CAP_PERFMON or kernel.perf_event_paranoid of 0 or less (it is 2)',
    });
    expect(asked).toEqual([[42, 2, 0]]);
  });

  test.skipIf(typeof trial !== 'number' || !perf.found)(
    'names what it opens as powercap does (needs an x86 whose perf events may be opened)',
    () => {
      const real = perf as Extract<PerfEvents, { found: true }>;
      const events: PerfEvents = { found: true, open: () => real.open(Number(msr), 0n, 0) };
      const names = (files: Record<string, string>) => {
        const meter = found(findPerfMeter(tree({ ...TWO_SOCKETS, ...files }), '/proc', events));
        meter.close();
        return meter.quantities.map(({ name }) => name);
      };
      expect(
        names({
          ...event('energy-pkg', '0x02', SCALE),
          ...event('energy-ram', '0x03', SCALE),
          ...event('energy-cores', '0x01', SCALE),
          ...event('energy-psys', '0x05', SCALE),
        }),
      ).toEqual([
        'energyJoules:package-0',
        'energyJoules:package-1',
        'energyJoules:dram-0',
        'energyJoules:dram-1',
        'partEnergyJoules:core-0',
        'partEnergyJoules:core-1',
      ]);
      expect(names(event('energy-psys', '0x05', SCALE))).toEqual(['energyJoules:psys']);
    },
  );

  test('is nothing to speak of where the kernel has no such events, and takes no unit but joules', () => {
    expect(findPerfMeter('/nowhere', '/proc', perf)).toBeNull();
    const other = {
      ...TWO_SOCKETS,
      ...event('energy-pkg', '0x02', SCALE),
      [`${PMU}/events/energy-pkg.unit`]: 'Watts\n',
    };
    expect(findPerfMeter(tree(other), '/proc', { found: true, open: () => 'EACCES' })).toBeNull();
  });

  test('says what a kernel answers that is not a refusal', () => {
    const root = tree({ ...TWO_SOCKETS, ...event('energy-pkg', '0x02', SCALE) });
    expect(findPerfMeter(root, '/proc', { found: true, open: () => 'ENODEV' })).toMatchObject({
      reason: 'the perf event power/energy-pkg/ cannot be opened (ENODEV)',
    });
    expect(findPerfMeter(root, '/proc', { found: false, reason: 'none here' })).toMatchObject({
      reason: 'none here',
    });
  });
});
