import { describe, expect, test } from 'vitest';
import { findJetsonMeter } from '../../../agent/meters/jetson.js';
import { found, tree, values } from '../../support/system-tree.js';

const MODERN = 'bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon3';
const OLD = 'bus/i2c/drivers/ina3221x/1-0040/iio:device0';
const rail = (folder: string, n: number, name: string, millivolts: number, milliamperes: number) => ({
  [`${folder}/in${n}_label`]: `${name}\n`,
  [`${folder}/in${n}_input`]: `${millivolts}\n`,
  [`${folder}/curr${n}_input`]: `${milliamperes}\n`,
});
const oldRail = (folder: string, n: number, name: string, milliwatts: number) => ({
  [`${folder}/rail_name_${n}`]: `${name}\n`,
  [`${folder}/in_power${n}_input`]: `${milliwatts}\n`,
});

describe('the Jetson meter', () => {
  test('multiplies volts and amperes of hwmon; the module’s input is the energy, the rails behind it are parts', () => {
    // Orin NX: three rails, and the driver's sum of shunt voltages, which has a label but no current.
    const root = tree({
      ...rail(MODERN, 1, 'VDD_IN', 5000, 2000),
      ...rail(MODERN, 2, 'VDD_CPU_GPU_CV', 5000, 700),
      ...rail(MODERN, 3, 'VDD_SOC', 5000, 400),
      [`${MODERN}/in7_label`]: 'sum of shunt voltages\n',
      [`${MODERN}/in7_input`]: '3\n',
      'bus/i2c/drivers/ina3221/bind': '',
    });
    const meter = found(findJetsonMeter(root));
    expect(values(meter.read())).toEqual({
      'powerWatts:module': 10,
      'partPowerWatts:vdd-cpu-gpu-cv': 3.5,
      'partPowerWatts:vdd-soc': 2,
    });
    tree(rail(MODERN, 1, 'VDD_IN', 5000, 3000), root);
    expect(values(meter.read())['powerWatts:module']).toBe(15);
    meter.close();
    expect(meter.read()).toEqual([]);
  });

  test('reads watts where JetPack 4 has them', () => {
    const root = tree({
      ...oldRail(OLD, 0, 'POM_5V_IN', 4200),
      ...oldRail(OLD, 1, 'POM_5V_GPU', 1500),
      ...oldRail(OLD, 2, 'POM_5V_CPU', 800),
    });
    const meter = found(findJetsonMeter(root));
    expect(values(meter.read())).toEqual({
      'powerWatts:module': 4.2,
      'partPowerWatts:pom-5v-gpu': 1.5,
      'partPowerWatts:pom-5v-cpu': 0.8,
    });
    meter.close();
  });

  test('takes CPU and GPU by themselves where no rail feeds the whole module, over all monitors', () => {
    // AGX Orin: two monitors, and VIN_SYS_5V0 is one rail of many.
    const second = 'bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon4';
    const root = tree({
      ...rail(MODERN, 1, 'VDD_GPU_SOC', 10_000, 1000),
      ...rail(MODERN, 2, 'VDD_CPU_CV', 10_000, 500),
      ...rail(MODERN, 3, 'VIN_SYS_5V0', 5000, 1000),
      ...rail(second, 1, 'NC', 1, 1),
      ...rail(second, 2, 'VDDQ_VDD2_1V8AO', 5000, 200),
    });
    const meter = found(findJetsonMeter(root));
    expect(values(meter.read())).toEqual({
      'powerWatts:gpu': 10,
      'powerWatts:cpu': 5,
      'partPowerWatts:vin-sys-5v0': 5,
      'partPowerWatts:vddq-vdd2-1v8ao': 1,
    });
    meter.close();
  });

  test('leaves out a rail whose voltage cannot be read now, never 0', () => {
    const root = tree(rail(MODERN, 1, 'VDD_IN', 5000, 2000));
    const meter = found(findJetsonMeter(root));
    tree({ [`${MODERN}/curr1_input`]: '\n' }, root);
    expect(meter.read()).toEqual([]);
    meter.close();
  });

  test('is silent on other machines, and names the rails of a board it does not know', () => {
    expect(findJetsonMeter('/nowhere')).toBeNull();
    expect(findJetsonMeter(tree(rail(MODERN, 1, 'FAN', 5000, 2000)))).toMatchObject({
      found: false,
      reason: expect.stringContaining('rails: FAN'),
    });
  });
});
