import { failed } from '../../core/errors.js';
import type { BandwidthRoof, ComputeRoof } from '../../core/result/roofs.js';
import {
  type CudaDevice,
  type CudaPeak,
  type CudaReading,
  needCuda,
  openCuda,
} from '../../engines/native/cuda.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';

/** What the child is asked to measure. */
export interface CudaRoofsJob {
  /** Of each roof. */
  readonly repeats: number;
}

/** Readings of a GPU, with their repeats in order. */
export interface TakenCudaRoofs {
  readonly device: CudaDevice;
  readonly bandwidth: readonly (Pick<BandwidthRoof, 'level' | 'access' | 'workingSetBytes'> & Samples)[];
  readonly compute: readonly (Pick<ComputeRoof, 'arithmetic' | 'unit'> & Samples)[];
  readonly links: readonly ({ readonly name: string } & Samples)[];
  readonly launch: readonly number[] | null;
  /** Why a ceiling is not here, by its name. */
  readonly absent: Readonly<Record<string, string>>;
}

interface Samples {
  readonly samples: readonly number[];
}

const ACCESSES: readonly BandwidthRoof['access'][] = ['read', 'write', 'copy', 'triad'];
const PEAKS: readonly (readonly [CudaPeak, ComputeRoof['arithmetic'], ComputeRoof['unit']])[] = [
  ['f64', 'f64', 'vector'],
  ['f32', 'f32', 'vector'],
  ['f16', 'f16', 'vector'],
  ['bf16', 'bf16', 'vector'],
  ['int8', 'int8', 'vector'],
  ['matrix-tf32', 'tf32', 'matrix'],
  ['matrix-f16', 'f16', 'matrix'],
  ['matrix-bf16', 'bf16', 'matrix'],
  ['matrix-int8', 'int8', 'matrix'],
  ['matrix-fp8', 'fp8', 'matrix'],
];
const LINKS = ['host-to-device', 'device-to-host'] as const;
const ARRAYS = 3;
const TIMES_CACHE = 4;
/** Of the GPU's memory, and of what one link carries. */
const SHARE_OF_MEMORY = 0.25;
const LINK_BYTES = 2 ** 28;
const LAUNCHES = 200;

/**
 * Bytes of all arrays together: half of the last cache, and, as STREAM has it, four times the cache for each
 * of three.
 */
export function workingSets({ cacheBytes, memoryBytes }: Pick<CudaDevice, 'cacheBytes' | 'memoryBytes'>) {
  const memory = Math.floor(Math.min(ARRAYS * TIMES_CACHE * cacheBytes, memoryBytes * SHARE_OF_MEMORY));
  return { L2: Math.floor(cacheBytes / 2), memory };
}

/**
 * Measures everything that the GPU has; in a child process that sees this GPU alone.
 * @param progress parts done, of how many.
 * @throws FailureError `engine-missing` without the native library, `device-missing` without a usable GPU.
 */
export async function takeCudaRoofs(
  { repeats }: CudaRoofsJob,
  progress: (done: number, of: number) => void,
): Promise<TakenCudaRoofs> {
  const library = kernelsLibrary();
  if (library === null)
    throw failed(
      'engine-missing',
      'roofs of a GPU need the native library',
      'ridge doctor says how to get it',
    );
  const cuda = await openCuda(library);
  const device = needCuda(cuda.describe());
  const sets = workingSets(device);
  const absent: Record<string, string> = {
    L1: 'caches of single multiprocessors are not measured',
    L3: 'the GPU has two levels of caches',
  };
  const parts = 2 * ACCESSES.length + PEAKS.length + LINKS.length + 1;
  let done = 0;
  const kept = <T extends object>(name: string, what: T, reading: CudaReading): (T & Samples)[] => {
    progress(++done, parts);
    if (reading.samples !== null) return [{ ...what, samples: reading.samples }];
    absent[name] = reading.reason;
    return [];
  };
  // Clocks rise under load: what comes first would be low.
  cuda.peak('f32', repeats);
  const bandwidth = (['L2', 'memory'] as const).flatMap((level) =>
    ACCESSES.flatMap((access) => {
      const what = { level, access, workingSetBytes: sets[level] };
      return kept(`${level} ${access}`, what, cuda.stream(access, sets[level], repeats));
    }),
  );
  const compute = PEAKS.flatMap(([kind, arithmetic, unit]) =>
    kept(`${arithmetic} ${unit}`, { arithmetic, unit }, cuda.peak(kind, repeats)),
  );
  const bytes = Math.min(LINK_BYTES, Math.floor(device.memoryBytes * SHARE_OF_MEMORY));
  const links = LINKS.flatMap((direction) =>
    kept(direction, { name: `pcie:${direction}` }, cuda.link(direction, bytes, repeats)),
  );
  const [launch] = kept('launch', {}, cuda.launch(LAUNCHES));
  return { device, bandwidth, compute, links, launch: launch?.samples ?? null, absent };
}
