import { measuringLibrary, openKernelLibrary } from './kernel-library.js';

/** The interface of kernels/cores/cores.h that this file was written for. */
const INTERFACE = { part: 'cores', version: 3 } as const;
/** Readings of another version mean something else. */
export const CORES_VERSION = INTERFACE.version;

/** What kernels/cores/cores.h tells of some CPUs. */
export interface CoresFound {
  /** Of each CPU: independent operations that it finished in the time of a dependent one. */
  readonly widths: readonly number[];
  /** From each CPU to the next and back, seconds. */
  readonly latencies: readonly number[];
}

/** @returns how some CPUs lie on their cores now; null where that cannot be told. */
export type ReadCores = (cpus: readonly number[]) => CoresFound | null;

/**
 * Opens what tells how CPUs lie on their cores, after the engine, which has to be opened before any other library is.
 * @param library our native library; null = there is none. @throws FailureError as `openKernelLibrary` does.
 */
export async function openCores(library = measuringLibrary()): Promise<ReadCores> {
  if (library === null) return () => null;
  const { handle } = await openKernelLibrary(library, INTERFACE);
  const read = handle.func(
    'int32_t ridge_cores_read(const int32_t *cpus, int32_t count, _Out_ double *width, _Out_ double *latency)',
  ) as (...args: unknown[]) => number;
  return (cpus) => {
    const widths = doubles(cpus.length);
    // One place at least: a pointer to nothing is no pointer.
    const latencies = doubles(Math.max(1, cpus.length - 1));
    if (read(Int32Array.from(cpus), cpus.length, widths, latencies) !== 0) return null;
    return { widths: [...widths], latencies: [...latencies].slice(0, cpus.length - 1) };
  };
}

function doubles(length: number): Float64Array<ArrayBuffer> {
  return new Float64Array(new ArrayBuffer(8 * length));
}
