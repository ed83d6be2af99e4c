import { FailureError, failure } from '../../../core/errors.js';
import { kernelsLibrary, missingLibrary } from '../../native/kernel-library.js';
import { type NativeOps, openOps } from '../../native/ops.js';
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
    return {
      available: true,
      profile: { kind: 'kernels', release: 'kernels 1', devices: ['cpu'], variants: [] },
      notes: [],
    };
  },

  async load(request: LoadRequest): Promise<KernelModel> {
    const { kernel, options, cpus } = request;
    if (kernel === undefined) {
      const message = 'the runner kernels runs the workload kernel, and nothing else';
      throw new FailureError(failure('impossible-combination', message));
    }
    const ops = await opened();
    const threads = typeof options.threads === 'number' ? options.threads : Math.max(1, cpus.length);
    return new KernelModel(ops, kernel, threads);
  },
};

async function opened(): Promise<NativeOps> {
  const library = kernelsLibrary();
  if (library === null) throw missingLibrary();
  return await openOps(library);
}
