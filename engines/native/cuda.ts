import { failed } from '../../core/errors.js';
import { openKernelLibrary } from './kernel-library.js';

/** The NVIDIA GPU that CUDA_VISIBLE_DEVICES puts first. */
export interface CudaDevice {
  readonly name: string;
  /** Compute capability: 9 for an H100. */
  readonly capability: number;
  /** The CUDA release that the driver is for. */
  readonly driver: number;
  /** The file of kernels that it runs: machine code for its architecture, or PTX that the driver compiled. */
  readonly image: string;
  readonly memoryBytes: number;
  readonly processors: number;
  readonly cacheBytes: number;
  readonly clockHertz: number;
  readonly memoryClockHertz: number;
}

export interface CudaState {
  /** Why there is no GPU that our kernels can use; null when there is. */
  readonly absent: string | null;
  /** Files of compiled kernels that this installation has. */
  readonly images: readonly string[];
  readonly device: CudaDevice | null;
}

export type CudaPeak =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'int8'
  | 'matrix-f16'
  | 'matrix-bf16'
  | 'matrix-tf32'
  | 'matrix-int8'
  | 'matrix-fp8';

/**
 * A ceiling's repeats, in order, or why it was not measured: its result was wrong, or the GPU has no such
 * arithmetic.
 */
export type CudaReading =
  | { readonly samples: readonly number[] }
  | { readonly samples: null; readonly reason: string };

/** What a GPU can do at best. Each measurement looks at its own result before it is timed. */
export interface NativeCuda {
  describe(): CudaState;
  /** @returns bytes a second. @param bytes of all arrays together. */
  stream(access: 'read' | 'write' | 'copy' | 'triad', bytes: number, repeats: number): CudaReading;
  /** @returns operations a second. */
  peak(kind: CudaPeak, repeats: number): CudaReading;
  /** @returns seconds from asking for an empty kernel to knowing that it ended. */
  launch(repeats: number): CudaReading;
  /** @returns bytes a second from and to pinned memory. */
  link(direction: 'host-to-device' | 'device-to-host', bytes: number, repeats: number): CudaReading;
}

/**
 * Opens the CUDA part of our own native library, in a child process. It opens the driver when it is first
 * asked something; a machine without one is a state, not an error.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export async function openCuda(library: string): Promise<NativeCuda> {
  const { functions: cuda } = await openKernelLibrary(library, 'cuda');
  const takeReading = (ask: (out: Float64Array) => string | null, repeats: number): CudaReading => {
    const out = new Float64Array(repeats);
    const reason = ask(out);
    return reason === null ? { samples: Array.from(out) } : { samples: null, reason };
  };
  return {
    describe: () => JSON.parse(cuda.ridge_cuda_describe() ?? '{}') as CudaState,
    stream: (access, bytes, repeats) =>
      takeReading((out) => cuda.ridge_cuda_stream(access, bytes, repeats, out), repeats),
    peak: (kind, repeats) => takeReading((out) => cuda.ridge_cuda_peak(kind, repeats, out), repeats),
    launch: (repeats) => takeReading((out) => cuda.ridge_cuda_launch(repeats, out), repeats),
    link: (direction, bytes, repeats) =>
      takeReading((out) => cuda.ridge_cuda_link(direction, bytes, repeats, out), repeats),
  };
}

/** @throws FailureError `device-missing` where there is no usable GPU. */
export function needCuda(state: CudaState): CudaDevice {
  if (state.device !== null) return state.device;
  const hint = 'Run on a node with an NVIDIA GPU; `ridge doctor` says what is missing.';
  throw failed('device-missing', `${state.absent}.`, hint);
}
