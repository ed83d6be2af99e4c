import { expect, test } from 'vitest';
import type { Llama } from '../../../engines/native/llama.js';
import { attachThreads } from '../../../engines/runners/llama-cpp/threads.js';

test('contexts that want the same threads share them, and the last one frees them', () => {
  const said: unknown[] = [];
  let pools = 0n;
  const llama = {
    functions: {
      ggml_threadpool_params_default: (threads: number) => ({ threads }),
      llama_attach_threadpool: (context: bigint, pool: bigint) =>
        said.push(`context ${context}: pool ${pool}`),
    },
    reference: (_: string, params: object) => params,
    callCpu(name: string, _: string, [[, value]]: [[string, unknown]]) {
      if (name !== 'ggml_threadpool_new') return said.push(`pool ${value} freed`);
      pools += 1n;
      return pools;
    },
  } as unknown as Llama;
  const two = { threads: 2, poll: 50 };
  const [first, second] = [attachThreads(llama, 10n, two), attachThreads(llama, 11n, two)];
  const other = attachThreads(llama, 12n, { threads: 1, poll: 50 });
  first.release();
  other.release();
  second.release();
  attachThreads(llama, 13n, two);
  expect(said).toEqual([
    ...['context 10: pool 1', 'context 11: pool 1', 'context 12: pool 2'],
    ...['pool 2 freed', 'pool 1 freed', 'context 13: pool 3'],
  ]);
});
