/**
 * One product of matrices as large as takes a second, in a process of its own. Arguments: library of ONNX
 * Runtime, threads.
 */
import { join } from 'node:path';
import { CHECK_SETTINGS, loadRuntime } from '../../../engines/native/onnxruntime/runtime.js';
import { openSession } from '../../../engines/native/onnxruntime/session.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';

const [file = '', threads = '1'] = process.argv.slice(2);
const runtime = await loadRuntime({ name: 'bench', file, plugins: {} });
const graph = join(import.meta.dirname, '../../fixtures/onnx/square.onnx');
const session = openSession(runtime, graph, { ...CHECK_SETTINGS, threads: Number(threads) });
const { api, allocator, memory } = runtime;
const FLOAT = 1;
const [x, y] = [api.names(['x']), api.names(['y'])];

/** @returns seconds of one run. */
function timed(size: number): number {
  const bytes = 4 * size * size;
  const addresses = [0, 1].map(() => api.make('AllocatorAlloc', allocator, bytes));
  const sizes = BigInt64Array.of(BigInt(size), BigInt(size));
  const values = addresses.map((address) =>
    api.make('CreateTensorWithDataAsOrtValue', memory, address, bytes, sizes, 2, FLOAT),
  );
  new Float32Array(api.view(addresses[0]!, bytes)).fill(0.001);
  const begin = monotonicSeconds();
  api.call(
    'Run',
    session.handle,
    null,
    x,
    BigUint64Array.of(values[0]!),
    1,
    y,
    1,
    BigUint64Array.of(values[1]!),
  );
  const seconds = monotonicSeconds() - begin;
  for (const value of values) api.call('ReleaseValue', value);
  for (const address of addresses) api.call('AllocatorFree', allocator, address);
  return seconds;
}

let size = 1024;
for (let seconds = timed(size); seconds < 1; seconds = timed(size)) size = Math.ceil(size * 1.5);
process.send?.('ready');
const seconds = [0, 1, 2].map(() => timed(size));
process.send?.({ size, seconds }, () => process.exit(0));
