import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { energyQuantity } from '../../../agent/meters/meter.js';
import { findRaplMeter } from '../../../agent/meters/rapl.js';
import { unwrapped } from '../../../agent/meters/sources.js';
import { found, tree, values } from '../../support/system-tree.js';

/** The user that may do nothing. */
const NOBODY = 65_534;

describe('the RAPL meter', () => {
  const domain = (entry: string, name: string, microjoules: string) => ({
    [`class/powercap/${entry}/name`]: `${name}\n`,
    [`class/powercap/${entry}/max_energy_range_uj`]: '1000000\n',
    [`class/powercap/${entry}/energy_uj`]: `${microjoules}\n`,
  });

  test('takes packages and their memory as energy, cores as parts, and nothing else that overlaps them', () => {
    const root = tree({
      ...domain('intel-rapl:0', 'package-0', '100'),
      ...domain('intel-rapl:0:0', 'core', '50'),
      ...domain('intel-rapl:0:1', 'dram', '20'),
      ...domain('intel-rapl:1', 'psys', '500'),
      ...domain('intel-rapl:2', 'package-1', '300'),
      ...domain('intel-rapl:2:0', 'uncore', '7'),
      ...domain('intel-rapl:2:1', 'dram', '30'),
      ...domain('intel-rapl-mmio:0', 'package-0', '100'),
    });
    const meter = found(findRaplMeter(root));
    expect(values(meter.read())).toEqual({
      'energyJoules:package-0': 100e-6,
      'energyJoules:dram-0': 20e-6,
      'energyJoules:package-1': 300e-6,
      'partEnergyJoules:core-0': 50e-6,
      'energyJoules:dram-1': 30e-6,
    });
    expect(meter.quantities.every(({ kind }) => kind === 'counter')).toBe(true);
    meter.close();
  });

  test('grows on when its counter starts again, as often as it does', () => {
    const root = tree(domain('intel-rapl:0', 'package-0', '900000'));
    const meter = found(findRaplMeter(root));
    const seen: number[] = [];
    for (const raw of ['900000', '100000', '800000', '50000']) {
      tree(domain('intel-rapl:0', 'package-0', raw), root);
      seen.push(meter.read()[0]!.value);
    }
    expect(seen).toEqual([0.9, 1.1, 1.8, 2.05]);
    meter.close();
  });

  test('takes the platform where there is no package, and dies by their names', () => {
    const platform = found(findRaplMeter(tree(domain('intel-rapl:0', 'psys', '5000000'))));
    expect(values(platform.read())).toEqual({ 'energyJoules:psys': 5 });
    platform.close();
    const dies = found(
      findRaplMeter(
        tree({
          ...domain('intel-rapl:0', 'package-0-die-0', '1000000'),
          ...domain('intel-rapl:1', 'package-0-die-1', '2000000'),
          ...domain('intel-rapl:1:0', 'dram', '3000000'),
        }),
      ),
    );
    expect(values(dies.read())).toEqual({
      'energyJoules:package-0-die-0': 1,
      'energyJoules:package-0-die-1': 2,
      'energyJoules:dram-0-die-1': 3,
    });
    dies.close();
  });

  test('takes no package where one of them cannot be read: a part is not their energy', () => {
    const root = tree({
      ...domain('intel-rapl:0', 'package-0', '1'),
      'class/powercap/intel-rapl:1/name': 'package-1\n',
    });
    expect(findRaplMeter(root)).toMatchObject({
      found: false,
      reason: expect.stringContaining('intel-rapl:1/energy_uj'),
    });
  });

  test('leaves a reading out when the file holds no number', () => {
    const root = tree(domain('intel-rapl:0', 'package-0', ''));
    const meter = found(findRaplMeter(root));
    expect(meter.read()).toEqual([]);
    meter.close();
  });

  test('says who may read it when this user may not', () => {
    const root = tree(domain('intel-rapl:0', 'package-0', '1'));
    chmodSync(join(root, 'class/powercap/intel-rapl:0/energy_uj'), 0o000);
    chmodSync(root, 0o755);
    // Root reads everything: for a moment the test is nobody, who may still look into the tree.
    const isRoot = process.getuid?.() === 0;
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      expect(findRaplMeter(root)).toMatchObject({
        found: false,
        reason:
          'RAPL is there but only root may read it: let this user read /sys/class/powercap/intel-rapl:0/energy_uj',
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test('is absent where there is no powercap', () => {
    expect(findRaplMeter('/nowhere')).toMatchObject({
      found: false,
      reason: 'no RAPL in /sys/class/powercap',
    });
  });
});

describe('a counter that wraps', () => {
  const RANGE = 262_143;

  /** What is read of a counter with these raw values, a second apart. */
  function read(raws: readonly (number | null)[], everySeconds = 1): (number | null)[] {
    let index = 0;
    const raw = {
      quantity: energyQuantity('energyJoules', 'package-0'),
      read: () => raws[index] ?? null,
      close() {},
    };
    const source = unwrapped(raw, RANGE, () => index * everySeconds);
    return raws.map((_, i) => {
      index = i;
      return source.read();
    });
  }

  test('gives back what was counted, wherever it began and however often it wrapped', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: RANGE - 1, noNaN: true }),
        fc.array(fc.double({ min: 0, max: 4000, noNaN: true }), { minLength: 80, maxLength: 300 }),
        (start, steps) => {
          let sum = start;
          const truth = [start, ...steps.map((step) => (sum += step))];
          const seen = read(truth.map((joules) => joules % RANGE));
          seen.forEach((value, i) => void expect(value).toBeCloseTo(truth[i]!, 5));
        },
      ),
    );
  });

  test('is told from one that was set back, which falls in what is read too', () => {
    expect(read([100_000, 100_050, 10, 60])).toEqual([100_000, 100_050, 10, 60]);
    // Read after an hour, the same fall can be a wrap.
    expect(read([100_000, 10], 3600)).toEqual([100_000, RANGE + 10]);
  });

  test('is not disturbed by a reading that is missing', () => {
    expect(read([RANGE - 10, null, 30])).toEqual([RANGE - 10, null, RANGE + 30]);
  });
});
