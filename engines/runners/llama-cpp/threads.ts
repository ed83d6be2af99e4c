import type { Llama, Pointer } from '../../native/llama.js';
import { newPool } from '../../native/thread-pool.js';
import type { Settings } from './settings.js';

/** The threads that a context computes with. */
export interface Threads {
  /** To be called once, after the context is freed. */
  release(): void;
}

interface Pool {
  readonly pointer: Pointer;
  contexts: number;
}

/** Of this process, by how many threads they have and how long these spin. */
const POOLS = new WeakMap<Llama, Map<string, Pool>>();

/**
 * Gives a context threads that stay: the shipped libraries have no OpenMP, and without a pool a context
 * creates and joins its threads for every single graph (4 ms instead of 0.5 ms per token on a small model).
 * Contexts of one process compute in turn and share a pool: idle threads of a second one spin beside those
 * that compute, which made a comparison of two models ten times slower on two CPUs.
 * @throws FailureError `load-failed`.
 */
export function attachThreads(
  llama: Llama,
  context: Pointer,
  { threads, poll }: Pick<Settings, 'threads' | 'poll'>,
): Threads {
  const pools = POOLS.get(llama) ?? new Map<string, Pool>();
  POOLS.set(llama, pools);
  const key = `${threads} ${poll}`;
  const pool = pools.get(key) ?? { pointer: newPool(llama, threads, poll), contexts: 0 };
  pools.set(key, pool);
  pool.contexts += 1;
  llama.functions.llama_attach_threadpool(context, pool.pointer, null);
  return {
    release() {
      pool.contexts -= 1;
      if (pool.contexts > 0) return;
      pools.delete(key);
      llama.callCpu('ggml_threadpool_free', 'void', [['void *', pool.pointer]]);
    },
  };
}
