import { requiredKernels } from '../../engines/native/kernel-library.js';
import {
  type CacheState,
  type NativeOps,
  type OpListing,
  type OpRequest,
  type OpVerdict,
  type OpWork,
  openOps,
} from '../../engines/native/ops.js';

/** What to do with ops of our own native library. */
export type KernelsJob =
  | { readonly kind: 'list' }
  | { readonly kind: 'check'; readonly requests: readonly OpRequest[] }
  | {
      readonly kind: 'bench';
      readonly requests: readonly OpRequest[];
      readonly caches: readonly CacheState[];
      /** Each is repeated for so long, and at least so often. */
      readonly seconds: number;
      readonly minRepeats: number;
    };

export interface CheckedOp {
  readonly request: OpRequest;
  readonly verdict: OpVerdict;
}

export interface TimedOp {
  readonly request: OpRequest;
  readonly cache: CacheState;
  readonly work: OpWork;
  /** Every repeat, in order. */
  readonly nanoseconds: readonly number[];
}

export interface KernelsAnswer {
  readonly ops: readonly OpListing[];
  readonly checked: readonly CheckedOp[];
  readonly timed: readonly TimedOp[];
}

/** The first runs are not kept: they find pages, caches and clocks cold. */
const WARMUPS = 2;
const MAX_REPEATS = 100_000;

/**
 * Lists, checks or times ops, in a child process.
 * @throws FailureError `engine-missing` without the library, and as the ops do for what cannot be or is
 *   wrong.
 */
export async function runKernels(
  job: KernelsJob,
  progress: (done: number, of: number) => void,
): Promise<KernelsAnswer> {
  const library = requiredKernels();
  const ops = await openOps(library);
  const answer = { ops: ops.describe(), checked: [] as CheckedOp[], timed: [] as TimedOp[] };
  if (job.kind === 'list') return answer;
  for (const [i, request] of job.requests.entries()) {
    progress(i, job.requests.length);
    if (job.kind === 'check') answer.checked.push({ request, verdict: ops.check(request) });
    else for (const cache of job.caches) answer.timed.push(time(ops, request, cache, job));
  }
  progress(job.requests.length, job.requests.length);
  return answer;
}

function time(
  ops: NativeOps,
  request: OpRequest,
  cache: CacheState,
  { seconds, minRepeats }: { seconds: number; minRepeats: number },
): TimedOp {
  const prepared = ops.prepare(request, cache);
  try {
    const { flops, bytes, sets, memoryBytes, facts, check } = prepared;
    const [first] = prepared.measure(WARMUPS).slice(-1);
    const wanted = Math.ceil((seconds * 1e9) / Math.max(first!, 1));
    const nanoseconds = prepared.measure(Math.min(Math.max(wanted, minRepeats), MAX_REPEATS));
    return {
      request,
      cache,
      work: { flops, bytes, sets, memoryBytes, facts, check },
      nanoseconds: [...nanoseconds],
    };
  } finally {
    prepared.close();
  }
}
