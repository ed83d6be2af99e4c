import { expect, test } from 'vitest';
import { linearsOf } from '../../artifacts/calibration/blocks.js';
import { passModel } from '../../artifacts/calibration/collect.js';
import { computedOn } from '../../artifacts/calibration/place.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { type ObservedPlace, placeOfClass } from '../../engines/runners/observer.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { apart } from '../support/apart.js';
import { canSimulateGpus, installSimulatedGpus } from '../support/simulated-gpus.js';
import { modelPath, prompt } from './loading.js';

test.skipIf(!canSimulateGpus || kernelsLibrary() === null)(
  'a graph in parts on two devices gives the statistics of one device, and nearly those of the CPU (needs gcc, the native kernels, and no CUDA backend in node_modules)',
  async () => {
    installSimulatedGpus();
    const small = modelPath('small');
    const linears = linearsOf(readGgufHeader(small), () => true);
    const sequences = [prompt(96, 1), prompt(600, 2)];
    const pass = (place: ObservedPlace) =>
      passModel({ modelPath: small, linears, sequences, threads: 1, place });
    const one = { ...placeOfClass('cuda'), deviceId: 'CUDA0' };
    // Of 8 layers 7 and 1, by their free memory.
    const both = { ...one, otherDeviceIds: ['CUDA1'] };
    expect(await computedOn(both)).toEqual({ computedOn: 'Simulated GPU 0 + Simulated GPU 1' });
    const onOne = await pass(one);
    expect(await pass(both)).toEqual(onOne);

    const onCpu = { ...one, cpuReason: 'it is compared' };
    expect(await computedOn(onCpu)).toEqual({ computedOn: 'cpu', computedOnReason: 'it is compared' });
    // The engine uses no flash attention on these GPUs.
    for (const [name, statistics] of await pass(onCpu))
      expect(apart(onOne.get(name)!, statistics), name).toBeLessThan(1e-3);
  },
);
