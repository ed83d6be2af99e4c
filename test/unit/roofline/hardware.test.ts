import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../../core/errors.js';
import { ARITHMETICS } from '../../../core/work/work.js';
import {
  HARDWARE,
  hardwareNamed,
  namesOf,
  plainName,
  requireHardware,
} from '../../../roofline/hardware/catalogue.js';
import type { Figure, Hardware } from '../../../roofline/hardware/figure.js';
import { LLM_VIEWER_HARDWARE } from '../../../roofline/llm-viewer/hardware.js';

/** Every figure of a device with a name for messages and the range it must lie in. */
function figuresOf(device: Hardware): readonly [string, Figure, number, number][] {
  const single: [string, Figure | null, number, number][] = [
    ['memoryBytes', device.memoryBytes, 8e9, 1e12],
    ['memoryBytesPerSecond', device.memoryBytesPerSecond, 50e9, 1e13],
    ['onChipBytes', device.onChipBytes, 4e6, 1e9],
    ['peerBytesPerSecond', device.peerBytesPerSecond, 25e9, 2e12],
    ['hostBytesPerSecond', device.hostBytesPerSecond, 10e9, 1e12],
    ['watts', device.watts, 5, 2000],
  ];
  const peaks = [device.peaks, device.sparsePeaks].flatMap((all) => Object.entries(all));
  return [
    ...single.flatMap(([name, figure, low, high]): [string, Figure, number, number][] =>
      figure === null ? [] : [[name, figure, low, high]],
    ),
    ...peaks.map(([name, figure]): [string, Figure, number, number] => [name, figure, 1e11, 2e16]),
  ];
}

describe('the hardware catalogue', () => {
  test('has the devices that people ask for', () => {
    const asked =
      'V100 T4 A10 A40 A6000 3090 4090 5090 L4 L40S A100-40G A100-80G H100-PCIe H100-SXM H100-NVL H200 GH200 B200 ' +
      'MI250X MI300X MI325X MI355X M1 M1-Max M1-Ultra M2-Max M2-Ultra M3-Max M4-Max Orin-Nano Orin-NX AGX-Orin Thor ' +
      'EPYC-7763 EPYC-9654 EPYC-9755 Xeon-8480+ Xeon-6980P i9-13900K 7950X Graviton3 Graviton4 Hexagon Core-Ultra-NPU Ryzen-AI';
    expect(asked.split(' ').filter((name) => hardwareNamed(name) === null)).toEqual([]);
  });

  test('are as many as the docs say', () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/prediction.md'), 'utf8');
    expect(page).toContain(`any of ${HARDWARE.length} devices`);
  });

  test('every figure says where it is published, and is in the unit of its name', () => {
    const wrong = HARDWARE.flatMap((device) =>
      figuresOf(device).flatMap(([name, { value, source }, low, high]) => [
        ...(/^https:\/\/[\w.-]+\/\S+$/.test(source) ? [] : [`${device.id} ${name}: ${source}`]),
        ...(value >= low && value <= high ? [] : [`${device.id} ${name}: ${value}`]),
      ]),
    );
    expect(wrong).toEqual([]);
  });

  test('memory of a card is what its driver reports, not the round number of its name', () => {
    const mebibytes = (name: string) => requireHardware(name).memoryBytes!.value / 2 ** 20;
    expect(['A100-80G', 'A100-PCIe-80GB', 'H100-PCIe', 'H100-SXM', 'T4', 'L4'].map(mebibytes)).toEqual([
      81_920, 81_920, 81_559, 81_559, 15_360, 23_034,
    ]);
  });

  test('narrower arithmetic is not slower, and sparsity at most doubles it', () => {
    const wrong = HARDWARE.flatMap(({ id, peaks, sparsePeaks }) => {
      const dense = ARITHMETICS.flatMap((name) => (peaks[name] ? [[name, peaks[name].value] as const] : []));
      const slower = dense.filter(([, value], i) => i > 0 && value < (dense[i - 1]?.[1] ?? 0));
      const sparse = ARITHMETICS.filter((name) => {
        const ratio = (sparsePeaks[name]?.value ?? 0) / (peaks[name]?.value ?? Number.NaN);
        return sparsePeaks[name] !== undefined && !(ratio > 1.9 && ratio < 2.1);
      });
      return [...slower.map(([name]) => `${id} ${name}`), ...sparse.map((name) => `${id} sparse ${name}`)];
    });
    expect(wrong).toEqual([]);
  });

  test('names and aliases lead to one device each', () => {
    const names = HARDWARE.flatMap((device) => [...new Set(namesOf(device).map(plainName))]);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
    for (const device of HARDWARE)
      for (const name of namesOf(device)) expect(hardwareNamed(name)).toBe(device);
  });

  test("LLM-Viewer's names are known, and its table agrees but for its known errors", () => {
    const KNOWN = { nvidia_H100: 3350, nvidia_H100_SXM: 3350, nvidia_H100_PCIe: 2000 } as Record<
      string,
      number
    >;
    for (const [name, { bandwidthBytesPerSecond }] of LLM_VIEWER_HARDWARE) {
      const device = requireHardware(name);
      expect(device.memoryBytesPerSecond.value, name).toBe(
        (KNOWN[name] ?? bandwidthBytesPerSecond / 1e9) * 1e9,
      );
    }
  });

  test('an unknown name is told with the nearest one', () => {
    const told = (name: string) => {
      try {
        return requireHardware(name);
      } catch (error) {
        return toFailure(error);
      }
    };
    expect(told('H10O')).toMatchObject({
      code: 'device-missing',
      message: 'there is no device "H10O" in the hardware catalogue',
      hint: 'Did you mean h100? `ridge roofline --list` shows every device.',
    });
    expect(told('rtx4091')).toMatchObject({ hint: expect.stringContaining('rtx-4090') });
    expect(told('toaster')).toMatchObject({ hint: '`ridge roofline --list` shows every device.' });
  });
});
