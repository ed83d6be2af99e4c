import { measuringLibrary, openKernelLibrary } from './kernel-library.js';

/** The interface of kernels/cores/cores.h that this file was written for. */
const INTERFACE = { part: 'cores', version: 1 } as const;

/** @returns of each CPU, how many independent operations it finished in the time of one dependent one; null where that cannot be told. */
export type ReadWidths = (cpus: readonly number[]) => number[] | null;

/**
 * Opens what tells whether others run on the cores of some CPUs, after the engine, which has to be opened before any other library is.
 * @param library our native library; null = there is none. @throws FailureError as `openKernelLibrary` does.
 */
export async function openWidths(library = measuringLibrary()): Promise<ReadWidths> {
  if (library === null) return () => null;
  const { handle } = await openKernelLibrary(library, INTERFACE);
  const read = handle.func(
    'int32_t ridge_cores_read(const int32_t *cpus, int32_t count, _Out_ double *width)',
  ) as (...args: unknown[]) => number;
  return (cpus) => {
    const widths = new Float64Array(new ArrayBuffer(8 * cpus.length));
    return read(Int32Array.from(cpus), cpus.length, widths) === 0 ? [...widths] : null;
  };
}
