import { measuringLibrary, openKernelLibrary } from './kernel-library.js';

/** Readings of another version mean something else. */
export const CORES_VERSION = 3;

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
 * Opens what tells how CPUs lie on their cores, after the engine, which has to be opened before any other
 * library is.
 * @param library our native library; null = there is none. @throws FailureError as `openKernelLibrary` does.
 */
export async function openCores(library = measuringLibrary()): Promise<ReadCores> {
  if (library === null) return () => null;
  const { ridge_cores_read: read } = (await openKernelLibrary(library, 'cores')).functions;
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
