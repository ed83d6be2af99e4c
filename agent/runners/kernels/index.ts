import { FailureError, failure } from '../../../core/errors.js';
import { needCuda, openCuda } from '../../native/cuda.js';
import { kernelsLibrary, missingLibrary } from '../../native/kernel-library.js';
import { openOps } from '../../native/ops.js';
import type { LoadRequest, Runner, RunnerProbe } from '../runner.js';
import { KernelModel } from './model.js';

/** Runs ops of our own native library; there is no model. */
export const kernelsRunner: Runner = {
  kind: 'kernels',

  async probe(): Promise<RunnerProbe> {
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
  },

  async load(request: LoadRequest): Promise<KernelModel> {
    const { kernel, options, cpus, deviceClass } = request;
    if (kernel === undefined) {
      const message = 'the runner kernels runs the workload kernel, and nothing else';
      throw new FailureError(failure('impossible-combination', message));
    }
    const library = kernelsLibrary();
    if (library === null) throw missingLibrary();
    const ops = await openOps(library);
    if (!deviceClass.startsWith('cuda')) {
      const threads = typeof options.threads === 'number' ? options.threads : Math.max(1, cpus.length);
      return new KernelModel(ops, kernel, { deviceClass, threads, environment: {} });
    }
    // The driver's own sentence, where there is no usable GPU, is better than that of an op without a variant.
    const { name, driver, image } = needCuda((await openCuda(library)).describe());
    const environment = { engineDevice: name, cudaDriver: driver, cudaKernels: image };
    return new KernelModel(ops, kernel, { deviceClass, threads: 1, environment });
  },
};
