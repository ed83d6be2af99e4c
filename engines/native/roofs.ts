import { failed } from '../../core/errors.js';
import type { BandwidthRoof, ComputeRoof } from '../../core/result/roofs.js';
import { type CpuLevels, cpuLevels } from './cpu-levels.js';
import { KERNEL_CONSTANTS } from './gen/kernels.js';
import { openKernelLibrary } from './kernel-library.js';

const ACCESS: Readonly<Record<BandwidthRoof['access'], number>> = {
  read: KERNEL_CONSTANTS.RIDGE_READ,
  write: KERNEL_CONSTANTS.RIDGE_WRITE,
  copy: KERNEL_CONSTANTS.RIDGE_COPY,
  triad: KERNEL_CONSTANTS.RIDGE_TRIAD,
};
const ARITHMETIC: Partial<Readonly<Record<ComputeRoof['arithmetic'], number>>> = {
  f64: KERNEL_CONSTANTS.RIDGE_F64,
  f32: KERNEL_CONSTANTS.RIDGE_F32,
  bf16: KERNEL_CONSTANTS.RIDGE_BF16,
  f16: KERNEL_CONSTANTS.RIDGE_F16,
  int8: KERNEL_CONSTANTS.RIDGE_INT8,
};
const UNIT: Readonly<Record<ComputeRoof['unit'], number>> = {
  vector: KERNEL_CONSTANTS.RIDGE_VECTOR,
  matrix: KERNEL_CONSTANTS.RIDGE_MATRIX,
};
const { RIDGE_ROOFS_OUT_OF_MEMORY, RIDGE_ROOFS_WRONG_CPUS, RIDGE_ROOFS_WRONG_SIZE } = KERNEL_CONSTANTS;
const PROBLEMS: Readonly<Record<number, string>> = {
  [RIDGE_ROOFS_OUT_OF_MEMORY]: 'memory ran out',
  [RIDGE_ROOFS_WRONG_CPUS]: 'the process may not use one of the CPUs, or one was named twice',
  [KERNEL_CONSTANTS.RIDGE_ROOFS_FEWER_THREADS]: 'the system gives no more threads',
  [KERNEL_CONSTANTS.RIDGE_ROOFS_WRONG_RESULT]: 'a product that was computed is wrong',
  [RIDGE_ROOFS_WRONG_SIZE]: 'a size is outside of what was asked for when the bench was opened',
};

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
   * Operations per second of the fastest kernel that this processor runs for it, and the instruction set of
   * that; null where it runs none.
   * @throws FailureError for a product that came out wrong.
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

/**
 * Opens the roofs part of our own library, in a child process.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export async function openRoofsKernels(library: string): Promise<RoofsKernels> {
  const { handle, functions: native } = await openKernelLibrary(library, 'roofs');
  const peak = { vector: native.ridge_roofs_vector, matrix: native.ridge_roofs_matrix };
  return {
    levels: cpuLevels({ handle }),
    choices(arithmetic, unit, features) {
      const found: string[] = [];
      for (;;) {
        const [number, rank] = [ARITHMETIC[arithmetic] ?? -1, found.length];
        const next = native.ridge_roofs_choice(number, UNIT[unit], features, rank);
        if (next === null) return found;
        found.push(next);
      }
    },
    open(cpus, bytes) {
      const problem = new Int32Array(1);
      const bench = native.ridge_roofs_open(Int32Array.from(cpus), cpus.length, bytes, problem);
      if (bench === null) refuse(problem[0]!, cpus);
      return {
        bandwidth({ access, streaming, bytes: used }, seconds, repeats) {
          const rates = new Float64Array(repeats);
          const checksum = new BigUint64Array(1);
          const [accessed, past] = [ACCESS[access], streaming ? 1 : 0];
          const { ridge_roofs_bandwidth: bandwidth } = native;
          const code = bandwidth(bench, accessed, past, used, seconds, repeats, rates, checksum);
          if (code !== 0) refuse(code, cpus);
          return { rates: [...rates], checksum: checksum[0]! };
        },
        compute(arithmetic, unit, seconds, repeats) {
          const number = ARITHMETIC[arithmetic];
          if (number === undefined) return null;
          const rates = new Float64Array(repeats);
          const code = peak[unit](bench, number, seconds, repeats, rates);
          if (code === KERNEL_CONSTANTS.RIDGE_ROOFS_ABSENT) return null;
          if (code !== 0) refuse(code, cpus);
          return { rates: [...rates], instructions: native.ridge_roofs_instructions(bench) ?? '' };
        },
        launch(launches, repeats) {
          const seconds = new Float64Array(repeats);
          const code = native.ridge_roofs_launch(bench, launches, repeats, seconds);
          if (code !== 0) refuse(code, cpus);
          return [...seconds];
        },
        close: () => native.ridge_roofs_close(bench),
      };
    },
  };
}

function refuse(code: number, cpus: readonly number[]): never {
  const why = PROBLEMS[code] ?? `code ${code}`;
  const message = `the roofs of CPUs ${cpus.join(',') || '(none)'} cannot be measured: ${why}`;
  if (code === RIDGE_ROOFS_OUT_OF_MEMORY) throw failed('out-of-memory', message);
  if (code === RIDGE_ROOFS_WRONG_CPUS || code === RIDGE_ROOFS_WRONG_SIZE)
    throw failed('device-missing', message);
  throw failed('run-failed', message);
}
