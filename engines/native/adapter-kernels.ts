import type { AdapterLayer } from '../../core/techniques/adapters/adapter.js';
import { type MergeEngine, PORTABLE_MERGE, type Rows } from '../../core/techniques/adapters/merge.js';
import { kernelsLibrary, openKernelLibrary } from './kernel-library.js';

/**
 * @param threads how many threads each call may use.
 * @returns the native way to merge, or the portable one where no library was built. Child processes only.
 * @throws FailureError `engine-missing`, `engine-mismatch` for a library that is there and does not open.
 */
export async function mergeEngine(threads: number, library = kernelsLibrary()): Promise<MergeEngine> {
  if (library === null) return PORTABLE_MERGE;
  const { ridge_merge_adapter: merge } = (await openKernelLibrary(library, 'adapters')).functions;
  return {
    name: 'native',
    addTo({ values, first }: Rows, { a, b, scale, magnitude }: AdapterLayer, strength: number): void {
      const factor = magnitude === null ? scale * strength : scale;
      const rows = [values, values.length / a.columns, a.columns, first] as const;
      const code = merge(...rows, a.values, b.values, a.rows, factor, magnitude, strength, threads);
      if (code !== 0) throw new Error('the native kernels ran out of memory');
    },
  };
}
