import { failed } from '../../core/errors.js';
import type { Llama, Pointer } from './llama.js';

/**
 * Gives a CPU backend threads that stay.
 * @returns their pool, for `ggml_threadpool_free`.
 * @throws FailureError `load-failed`.
 */
export function backendThreads(llama: Llama, backend: Pointer, threads: number, poll?: number): Pointer {
  const pool = newPool(llama, threads, poll);
  const count = ['int', threads] as const;
  llama.callCpu('ggml_backend_set_n_threads', 'void', [['void *', backend], count]);
  llama.callCpu('ggml_backend_cpu_set_threadpool', 'void', [
    ['void *', backend],
    ['void *', pool],
  ]);
  return pool;
}

/** @returns threads that stay, for `ggml_threadpool_free`. @throws FailureError `load-failed`. */
export function newPool(llama: Llama, threads: number, poll?: number): Pointer {
  const params = llama.functions.ggml_threadpool_params_default(threads);
  if (poll !== undefined) params.poll = poll;
  const pool = llama.callCpu('ggml_threadpool_new', 'void *', [
    ['void *', llama.reference('ggml_threadpool_params', params)],
  ]) as Pointer;
  if (pool === null) throw failed('load-failed', `llama.cpp could not start ${threads} threads.`);
  return pool;
}
