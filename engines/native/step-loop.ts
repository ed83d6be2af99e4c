import { toFailure } from '../../core/errors.js';
import { measuringLibrary, openKernelLibrary } from './kernel-library.js';
import type { Llama, Pointer, StructValue } from './llama.js';

/** Decode steps of one context with nothing but the engine between two stamps. */
export interface StepLoop {
  /**
   * @param tokens of each step, one for each sequence.
   * @returns the engine's code, 0 when all steps were evaluated, and when each had finished: monotonic
   *   seconds, by the clock of all stamps.
   */
  run(tokens: readonly Int32Array[]): { readonly code: number; readonly ends: Float64Array };
  close(): void;
}

/**
 * @param batch one token of each sequence: the loop writes its tokens, and counts its positions up from those
 *   of the first step.
 */
type OpenStepLoop = (context: Pointer, batch: StructValue<'llama_batch'>, sequences: number) => StepLoop;

/** How loops are opened. */
export interface StepLoops {
  /**
   * null = steps are driven from JavaScript: no library came with this release and none was built, or it does
   * not open.
   */
  readonly open: OpenStepLoop | null;
  /** Why a library that is there is not used, one sentence. */
  readonly warnings: readonly string[];
}

/**
 * Looks for the loop in our native library. Models are measured without it, too, so what is wrong with the
 * library is a warning.
 * @param library our native library; null = there is none. The engine was loaded before it.
 */
export async function findStepLoops(llama: Llama, library = measuringLibrary()): Promise<StepLoops> {
  if (library === null) return { open: null, warnings: [] };
  try {
    return { open: await openStepLoops(llama, library), warnings: [] };
  } catch (error) {
    const { message, hint } = toFailure(error);
    const text = `steps are driven from JavaScript, which takes some microseconds more each: ${message}`;
    return { open: null, warnings: [hint === undefined ? text : `${text}; ${hint}`] };
  }
}

/** @throws FailureError as `openKernelLibrary` does. */
async function openStepLoops(llama: Llama, library: string): Promise<OpenStepLoop> {
  // It takes `llama_batch`, the engine's struct, by the name under which its bindings told koffi of it.
  const { functions: native } = await openKernelLibrary(library, 'steps');
  const decode = llama.address('llama_decode');
  const synchronize = llama.address('llama_synchronize');
  return (context, batch, sequences) => {
    const { ridge_steps_open: open } = native;
    const steps = open(decode, synchronize, context, batch, batch.token, batch.pos, sequences);
    if (steps === null) throw new Error('memory ran out');
    return {
      run(tokens) {
        const count = tokens.length;
        // Buffers of their own: the engine may log while it runs, V8 then moves what is small, and these must
        // stay.
        const all = new Int32Array(new ArrayBuffer(4 * count * sequences));
        const nanoseconds = new BigInt64Array(new ArrayBuffer(8 * count));
        for (let i = 0; i < count; i++) all.set(tokens[i]!, i * sequences);
        const code = native.ridge_steps_run(steps, all, count, nanoseconds);
        return { code, ends: Float64Array.from(nanoseconds, (ns) => Number(ns) / 1e9) };
      },
      close: () => native.ridge_steps_close(steps),
    };
  };
}
