import { FailureError, failure } from '../../core/errors.js';
import type { BandwidthRoof, ComputeRoof } from '../../core/result/roofs.js';
import { type CpuLevels, cpuLevels } from './cpu-levels.js';
import { openKernelLibrary } from './kernel-library.js';

/** The interface of kernels/roofs/roofs.h that this file was written for. */
const INTERFACE = { part: 'roofs', version: 2 } as const;

const ACCESS: Readonly<Record<BandwidthRoof['access'], number>> = { read: 0, write: 1, copy: 2, triad: 3 };
const ARITHMETIC: Partial<Readonly<Record<ComputeRoof['arithmetic'], number>>> = {
  f64: 0,
  f32: 1,
  bf16: 2,
  f16: 3,
  int8: 4,
};
const UNIT: Readonly<Record<ComputeRoof['unit'], number>> = { vector: 0, matrix: 1 };
const ABSENT = 4;
const PROBLEMS: Readonly<Record<number, string>> = {
  1: 'memory ran out',
  2: 'the process may not use one of the CPUs, or one was named twice',
  3: 'the system gives no more threads',
  5: 'a product that was computed is wrong',
  6: 'a size is outside of what was asked for when the bench was opened',
};

type Native = (...args: unknown[]) => number;

/** Rates and times of one set of threads. Every call gives one value per repeat, in order. */
export interface RoofsBench {
  /**
   * Bytes per second.
   * @param bytes of each thread, all its arrays together.
   * @param seconds a repeat lasts at least: as many passes as that takes.
   */
  bandwidth(
    what: { readonly access: BandwidthRoof['access']; readonly streaming: boolean; readonly bytes: number },
    seconds: number,
    repeats: number,
  ): { readonly rates: number[]; readonly checksum: bigint };
  /**
   * Operations per second of the fastest kernel that this processor runs for it, and the instruction set of that; null where it
   * runs none. @throws FailureError for a product that came out wrong.
   */
  compute(
    arithmetic: ComputeRoof['arithmetic'],
    unit: ComputeRoof['unit'],
    seconds: number,
    repeats: number,
  ): { readonly rates: number[]; readonly instructions: string } | null;
  /** Seconds from a launch of nothing on all threads to the end of all. */
  launch(launches: number, repeats: number): number[];
  close(): void;
}

export interface RoofsKernels {
  readonly levels: CpuLevels;
  /**
   * Instruction sets whose kernels a processor would try for an arithmetic, most operations a cycle first.
   * @param features of any processor, as words of /proc/cpuinfo with spaces between them.
   */
  choices(
    arithmetic: ComputeRoof['arithmetic'],
    unit: ComputeRoof['unit'],
    features: string,
  ): readonly string[];
  /**
   * @param cpus one per thread.
   * @param bytes of each thread's memory.
   * @throws FailureError `device-missing` for CPUs that the process may not use, `out-of-memory`.
   */
  open(cpus: readonly number[], bytes: number): RoofsBench;
}

/** Opens the roofs part of our own library, in a child process. @throws FailureError `engine-missing`, `engine-mismatch`. */
export async function openRoofsKernels(library: string): Promise<RoofsKernels> {
  const { handle } = await openKernelLibrary(library, INTERFACE);
  const bind = (prototype: string) => handle.func(prototype) as Native;
  const open = handle.func(
    'void *ridge_roofs_open(const int32_t *cpus, int32_t threads, int64_t bytes, int32_t *problem)',
  ) as (...args: unknown[]) => bigint | null;
  const call = {
    close: bind('void ridge_roofs_close(void *bench)'),
    bandwidth: bind(
      'int32_t ridge_roofs_bandwidth(void *bench, int32_t access, int32_t streaming, int64_t bytes, double seconds, int32_t repeats, double *rates, uint64_t *checksum)',
    ),
    vector: bind(
      'int32_t ridge_roofs_vector(void *bench, int32_t arithmetic, double seconds, int32_t repeats, double *rates)',
    ),
    matrix: bind(
      'int32_t ridge_roofs_matrix(void *bench, int32_t arithmetic, double seconds, int32_t repeats, double *rates)',
    ),
    launch: bind(
      'int32_t ridge_roofs_launch(void *bench, int32_t launches, int32_t repeats, double *seconds)',
    ),
  };
  const instructionsOf = handle.func('const char *ridge_roofs_instructions(void *bench)') as (
    bench: unknown,
  ) => string;
  const choice = handle.func(
    'const char *ridge_roofs_choice(int32_t arithmetic, int32_t unit, const char *features, int32_t rank)',
  ) as (...words: (number | string)[]) => string | null;
  return {
    levels: cpuLevels({ handle }),
    choices(arithmetic, unit, features) {
      const found: string[] = [];
      for (;;) {
        const next = choice(ARITHMETIC[arithmetic] ?? -1, UNIT[unit], features, found.length);
        if (next === null) return found;
        found.push(next);
      }
    },
    open(cpus, bytes) {
      const problem = new Int32Array(1);
      const bench = open(Int32Array.from(cpus), cpus.length, bytes, problem);
      if (bench === null) refuse(problem[0]!, cpus);
      return {
        bandwidth({ access, streaming, bytes: used }, seconds, repeats) {
          const rates = new Float64Array(repeats);
          const checksum = new BigUint64Array(1);
          const words = [ACCESS[access], streaming ? 1 : 0, used, seconds, repeats, rates, checksum];
          const code = call.bandwidth(bench, ...words);
          if (code !== 0) refuse(code, cpus);
          return { rates: [...rates], checksum: checksum[0]! };
        },
        compute(arithmetic, unit, seconds, repeats) {
          const number = ARITHMETIC[arithmetic];
          if (number === undefined) return null;
          const rates = new Float64Array(repeats);
          const code = call[unit](bench, number, seconds, repeats, rates);
          if (code === ABSENT) return null;
          if (code !== 0) refuse(code, cpus);
          return { rates: [...rates], instructions: instructionsOf(bench) };
        },
        launch(launches, repeats) {
          const seconds = new Float64Array(repeats);
          const code = call.launch(bench, launches, repeats, seconds);
          if (code !== 0) refuse(code, cpus);
          return [...seconds];
        },
        close: () => void call.close(bench),
      };
    },
  };
}

function refuse(code: number, cpus: readonly number[]): never {
  const why = PROBLEMS[code] ?? `code ${code}`;
  const message = `the roofs of CPUs ${cpus.join(',') || '(none)'} cannot be measured: ${why}`;
  if (code === 1) throw new FailureError(failure('out-of-memory', message));
  if (code === 2 || code === 6) throw new FailureError(failure('device-missing', message));
  throw new FailureError(failure('run-failed', message));
}
