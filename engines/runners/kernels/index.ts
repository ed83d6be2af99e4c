import type { OptionsOf } from '../../../core/experiment/options.js';
import { kernels } from '../../../core/runners/kernels.js';
import { needCuda, openCuda } from '../../native/cuda.js';
import { kernelsLibrary, missingLibrary, requiredKernels } from '../../native/kernel-library.js';
import { openOps } from '../../native/ops.js';
import type { Op } from '../opened.js';
import { defineRunner, type OpRequest, type RunnerProbe, type WithOptions } from '../runner.js';
import { preparedOp } from './prepared.js';

/** Runs ops of our own native library; there is no model. */
export const kernelsRunner = defineRunner<typeof kernels>(kernels, probe, { op: openOp });

async function probe(): Promise<RunnerProbe> {
  const library = kernelsLibrary();
  if (library === null) {
    const { message, hint } = missingLibrary().failure;
    return { available: false, kind: 'kernels', reason: message, hint: hint ?? '' };
  }
  await openOps(library);
  const gpu = (await openCuda(library)).describe().device !== null;
  const devices = ['cpu', ...(gpu ? ['cuda'] : [])];
  return {
    available: true,
    profile: { kind: 'kernels', release: 'kernels 1', devices, variants: [] },
    notes: [],
  };
}

async function openOp({
  kernel,
  options,
  cpus,
  deviceClass,
}: WithOptions<OpRequest, OptionsOf<typeof kernels>>): Promise<Op> {
  const library = requiredKernels();
  const ops = await openOps(library);
  if (!deviceClass.startsWith('cuda')) {
    const threads = options.threads ?? Math.max(1, cpus.length);
    return preparedOp(ops, kernel, { library, deviceClass, threads, environment: {} });
  }
  // The driver's own sentence, where there is no usable GPU, is better than that of an op without a variant.
  const { name, driver, image } = needCuda((await openCuda(library)).describe());
  const environment = { engineDevice: name, cudaDriver: driver, cudaKernels: image };
  return preparedOp(ops, kernel, { library, deviceClass, threads: 1, environment });
}
