import type { AdapterLayer } from '../../core/techniques/adapters/adapter.js';
import { type MergeEngine, PORTABLE_MERGE, type Rows } from '../../core/techniques/adapters/merge.js';
import { kernelsLibrary, openKernelLibrary } from './kernel-library.js';

/** The interface of kernels/adapters/adapters.h that this file was written for. */
const INTERFACE = 1;
const MERGE =
  'int32_t ridge_merge_adapter(float *weights, int64_t rows, int32_t columns, int64_t first, const float *a, const float *b, int32_t rank, double factor, const float *magnitude, double strength, int32_t threads)';

/**
 * @param threads how many threads each call may use.
 * @returns the native way to merge, or the portable one where no library was built. Child processes only.
 * @throws FailureError `engine-missing`, `engine-mismatch` for a library that is there and does not open.
 */
export async function mergeEngine(threads: number, library = kernelsLibrary()): Promise<MergeEngine> {
  if (library === null) return PORTABLE_MERGE;
  const { handle } = await openKernelLibrary(library, { part: 'adapters', version: INTERFACE });
  const merge = handle.func(MERGE) as (...args: unknown[]) => number;
  return {
    name: 'native',
    addTo({ values, first }: Rows, { a, b, scale, magnitude }: AdapterLayer, strength: number): void {
      const factor = magnitude === null ? scale * strength : scale;
      const rows = values.length / a.columns;
      const args = [values, rows, a.columns, first, a.values, b.values, a.rows, factor, magnitude, strength];
      if (merge(...args, threads) !== 0) throw new Error('the native kernels ran out of memory');
    },
  };
}
