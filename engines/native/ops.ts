import { type FailureError, failed } from '../../core/errors.js';
import type { OpFacts, OpType, OpVariant } from '../../core/kernels/op.js';
import { readAffinity } from '../../process/device/affinity.js';
import { bytesBeforeMemory } from '../../process/device/caches.js';
import { openKernelLibrary } from './kernel-library.js';

/**
 * One variant of one op in one type and shape. The shape has one number for each parameter, in the op's
 * order.
 */
export interface OpRequest {
  readonly op: string;
  readonly variant: string;
  readonly type: OpType;
  readonly shape: readonly number[];
  readonly threads: number;
  /** Of the random inputs. */
  readonly seed: number;
}

/** How a variant did against the reference in double precision. */
export interface OpVerdict {
  readonly ok: boolean;
  /** The largest error over what is allowed: at most 1 when it is ok. null = infinitely large. */
  readonly error: number | null;
  /** What is wrong, in a sentence. */
  readonly fault: string | null;
  /** Numbers of the output that were compared, and how many it has. */
  readonly compared: number;
  readonly of: number;
  /** Allowed error for each unit of the sum of magnitudes that a number was added up from. */
  readonly tolerance: number;
}

/** Whether inputs come from the caches, or from memory each time. */
export type CacheState = 'warm' | 'cold';

/** What is known of an op before it is timed. */
export interface OpWork {
  readonly flops: number;
  /** What has to move at least: inputs read once and outputs written once. */
  readonly bytes: number;
  /** Sets of inputs that are gone through in turn: 1 when warm, or when one is larger than the caches. */
  readonly sets: number;
  readonly memoryBytes: number;
  readonly facts: Readonly<Record<string, number>>;
  readonly check: OpVerdict;
}

/** An op with its inputs, checked, ready to be run again and again. */
export interface PreparedOp extends OpWork {
  /** Runs it so many times. @returns nanoseconds of each run. */
  measure(repeats: number): Float64Array;
  close(): void;
}

/** An op as this machine's library describes it: core/kernels/gen/ops.ts, and what can run here. */
export interface OpListing extends OpFacts {
  readonly variants: readonly (OpVariant & {
    /** Why this machine cannot run it; null when it can. */
    readonly absent: string | null;
  })[];
}

export interface NativeOps {
  describe(): OpListing[];
  /** @throws FailureError `impossible-combination` for what there is not or cannot be. */
  check(request: OpRequest): OpVerdict;
  /** Runs it once. @returns its output. @throws FailureError `impossible-combination` as check does. */
  output(request: OpRequest): Float32Array;
  /**
   * Checks, then keeps the op ready.
   * @throws FailureError `impossible-combination` as check does, `run-failed` when the check fails.
   */
  prepare(request: OpRequest, cache: CacheState): PreparedOp;
}

/** Of measure: its other failure is a device that failed. */
const CLOSED = 1;

type Refusal = { readonly problem: string };
type Answer<T> = T | Refusal;

/**
 * Opens the ops of our own native library, in a child process.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export async function openOps(library: string): Promise<NativeOps> {
  const { functions: native } = await openKernelLibrary(library, 'ops');
  const ask = <T>(text: string | null): T => {
    const answer = JSON.parse(text ?? '{}') as Answer<T>;
    if (isRefusal(answer)) throw refusal(answer.problem);
    return answer;
  };
  const argumentsOf = ({ op, variant, type, shape, threads, seed }: OpRequest) => {
    const numbers = BigInt64Array.from(shape, (value) => BigInt(Math.round(value)));
    return [op, variant, type, numbers, numbers.length, threads, seed] as const;
  };
  return {
    describe: () => ask<{ ops: OpListing[] }>(native.ridge_ops_describe()).ops,
    check: (request) => ask<OpVerdict>(native.ridge_ops_check(...argumentsOf(request))),
    output(request) {
      const { count } = ask<{ count: number }>(native.ridge_ops_output(...argumentsOf(request), null, 0));
      const numbers = new Float32Array(count);
      ask(native.ridge_ops_output(...argumentsOf(request), numbers, count));
      return numbers;
    },
    prepare(request, cache) {
      const made = ask<OpWork & { handle: number }>(
        native.ridge_ops_prepare(...argumentsOf(request), cache === 'cold' ? cacheBytes() : 0),
      );
      const { handle: id, ...work } = made;
      if (id === 0) throw wrong(request, work.check);
      return {
        ...work,
        measure(repeats) {
          const nanoseconds = new Float64Array(repeats);
          const code = native.ridge_ops_measure(id, repeats, nanoseconds);
          if (code === CLOSED) throw new Error('the op was closed');
          if (code !== 0) throw deviceFailed(request);
          return nanoseconds;
        },
        close: () => native.ridge_ops_release(id),
      };
    },
  };
}

/** Of the CPUs that this process may use. */
function cacheBytes(): number {
  return bytesBeforeMemory(readAffinity('self') ?? [], '/sys');
}

function isRefusal(answer: unknown): answer is Refusal {
  return typeof (answer as Refusal).problem === 'string';
}

function refusal(problem: string): FailureError {
  const hint = '`ridge kernels list` shows ops, variants, types and the ranges of shapes.';
  return failed('impossible-combination', `${problem}.`, hint);
}

function deviceFailed({ op, variant, type }: OpRequest): FailureError {
  const message = `the device failed while ${op}/${variant} in ${type} was timed`;
  const hint = 'Its error is above. After an error of a kernel this process gets no other from the driver.';
  return failed('run-failed', message, hint);
}

function wrong({ op, variant, type }: OpRequest, { fault, error }: OpVerdict): FailureError {
  const what = fault ?? `its error is ${error} times what is allowed`;
  const message = `${op}/${variant} in ${type} is wrong on this machine, so it is not timed: ${what}`;
  const hint =
    'Build the library again with node scripts/build-kernels.mjs; if that does not help, report it.';
  return failed('run-failed', message, hint);
}
