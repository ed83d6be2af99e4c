import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linearsOf } from '../../artifacts/calibration/blocks.js';
import { passModel } from '../../artifacts/calibration/collect.js';
import { devicesAt } from '../../artifacts/calibration/place.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { placeOfClass } from '../../engines/runners/observer.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { apart } from '../support/apart.js';

const gpu = placeOfClass('cuda');
const found = kernelsLibrary() === null ? null : await devicesAt(gpu).catch(() => null);
const modelPath = join(import.meta.dirname, '../../models/small-f16.gguf');

test.skipIf(found === null)(
  'statistics collected on a GPU are those of the CPU (needs an NVIDIA GPU, `ridge engines install cuda` and the native kernels)',
  async () => {
    const linears = linearsOf(readGgufHeader(modelPath), () => true);
    const sequence = Int32Array.from({ length: 256 }, (_, i) => 3 + ((i * 37) % 997));
    const [onGpu, onCpu] = [
      await passModel({ modelPath, linears, sequences: [sequence], threads: 2, place: gpu }),
      await passModel({
        modelPath,
        linears,
        sequences: [sequence],
        threads: 2,
        place: { ...gpu, cpuReason: 'it is compared with the GPU' },
      }),
    ];
    expect([...onGpu.keys()]).toEqual([...onCpu.keys()]);
    // A GPU multiplies halves and adds in an order of its own.
    for (const [name, statistics] of onGpu)
      expect(apart(statistics, onCpu.get(name)!), name).toBeLessThan(0.02);
  },
);
