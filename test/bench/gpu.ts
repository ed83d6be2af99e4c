/**
 * What our CUDA kernels are worth on the GPU of this machine: every op checked, roofs against what PyTorch
 * reaches, sparse products and attention beside PyTorch's, interleaved. Without a GPU it ends with exit code
 * 4: nothing was shown. npm run bench -- gpu [-- --quick]; RIDGEPOINT_PYTHON names a Python with torch
 * (python3).
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { OPS } from '../../core/kernels/gen/ops.js';
import { shapeOf } from '../../core/kernels/op.js';
import { type CudaState, openCuda } from '../../engines/native/cuda.js';
import { kernelsLibrary } from '../../engines/native/kernel-library.js';
import { type NativeOps, type OpRequest, openOps } from '../../engines/native/ops.js';
import { median } from '../../statistics/quantile.js';
import { conclude, type Figure } from './figure.js';

const NOT_RUN = 4;
const ROUNDS = process.argv.includes('--quick') ? 2 : 6;
const REPEATS = 20;

interface Peer {
  ask(job: Record<string, unknown>): Promise<{ problem?: string; nanoseconds?: number[]; torch?: string }>;
  close(): void;
}

const library = kernelsLibrary();
if (library === null) notRun('the native kernels are not built');
const cuda = await openCuda(library);
const state = cuda.describe();
if (state.device === null) notRun(state.absent ?? 'no GPU');
const ops = await openOps(library);
const peer = startPeer();
const figures: Figure[] = [];
const table: Record<string, string>[] = [];

console.log(`${state.device.name}, ${describe(state)}`);
checkAll();
await compareRoofs();
await compareOps();
peer.close();
console.table(table);
conclude('gpu', figures);

function notRun(reason: string): never {
  console.error(`bench:gpu: no GPU: not run (${reason})`);
  process.exit(NOT_RUN);
}

function describe({ device }: CudaState): string {
  const { capability, driver, image, memoryBytes } = device!;
  return `compute capability ${capability}, driver for CUDA ${driver}, ${image}, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB`;
}

/** Every CUDA variant, in every type, at the shape that it has when nobody says otherwise. */
function checkAll(): void {
  const wrong: string[] = [];
  let right = 0;
  for (const op of OPS) {
    for (const variant of op.variants.filter(({ platform }) => platform === 'cuda')) {
      for (const type of variant.types) {
        const request = {
          op: op.name,
          variant: variant.name,
          type,
          shape: shapeOf(op, smaller(op.name)),
          threads: 0,
          seed: 1,
        };
        try {
          const verdict = ops.check({ ...request, threads: 4 });
          if (verdict.ok) right++;
          else
            wrong.push(`${op.name}/${variant.name} in ${type}: ${verdict.fault ?? `error ${verdict.error}`}`);
        } catch (error) {
          wrong.push(`${op.name}/${variant.name} in ${type}: ${(error as Error).message}`);
        }
      }
    }
  }
  for (const sentence of wrong) console.log(sentence);
  figures.push({
    claim: 'every CUDA kernel agrees with its reference in double precision',
    measured: `${right} of ${right + wrong.length}`,
    required: 'all',
    holds: wrong.length === 0,
  });
}

/** The reference is computed by the CPU: shapes that it can do in a second. */
function smaller(op: string): Record<string, number> {
  if (op === 'gemm') return { rows: 1024, columns: 1024, batch: 200 };
  if (op === 'nsa-decode') return { keyLength: 128 };
  if (op.startsWith('attention')) return { context: 1000, tokens: 200, heads: 8, kvHeads: 2 };
  if (op === 'mla-decode') return { context: 500, heads: 16 };
  if (op === 'moe' || op === 'lora') return { tokens: 20, inputs: 1024, outputs: 512 };
  return {};
}

async function compareRoofs(): Promise<void> {
  const bytes = 2 ** 30;
  await roof('copy', 'GB/s', { op: 'copy', bytes }, bytes / 1e9, () => cuda.stream('copy', bytes, REPEATS));
  const size = 8192;
  for (const type of ['f16', 'bf16', 'tf32', 'int8'] as const) {
    const operations = 2 * size ** 3;
    await roof(`matrix ${type}`, 'TFLOP/s', { op: 'matmul', size, type }, operations / 1e12, () =>
      cuda.peak(`matrix-${type}`, REPEATS),
    );
  }
}

/** A roof is what nobody exceeds, and what the best comes near to: at most 5 % below what PyTorch reaches. */
async function roof(
  name: string,
  unit: string,
  job: Record<string, unknown>,
  amount: number,
  measure: () => ReturnType<typeof cuda.launch>,
): Promise<void> {
  const prepared = await peer.ask({ prepare: name, ...job });
  let [ours, theirs, why] = [0, 0, prepared.problem];
  for (let round = 0; round < ROUNDS && why === undefined; round++) {
    const reading = measure();
    if (reading.samples === null) why = reading.reason;
    else ours = Math.max(ours, ...reading.samples.map((value) => value / (unit === 'GB/s' ? 1e9 : 1e12)));
    const { nanoseconds, problem } = await peer.ask({ time: name, repeats: REPEATS });
    why ??= problem;
    theirs = Math.max(theirs, ...(nanoseconds ?? []).map((ns) => amount / (1e-9 * ns)));
  }
  await peer.ask({ drop: name });
  const measured = why ?? `${ours.toFixed(0)} ${unit}, PyTorch reaches ${theirs.toFixed(0)}`;
  figures.push({
    claim: `the roof of ${name} is no lower than what PyTorch reaches`,
    measured,
    required: 'at least 95 % of it',
    holds: why === undefined && ours >= 0.95 * theirs,
  });
}

async function compareOps(): Promise<void> {
  const [rows, columns] = [4096, 14336];
  const linear = { op: 'linear', rows, columns, batch: 1 };
  await pair('gemv f16', 'gemv', 'cuda', { rows, columns }, linear);
  for (const sparsity of [50, 70]) {
    await pair(`bitmap ${sparsity} % f16`, 'sparse-bitmap', 'cuda', { rows, columns, sparsity }, linear);
  }
  await pair('2:4 f16', 'sparse-2of4', 'cuda', { rows, columns }, linear);
  await pair('gemm f16, 512 vectors', 'gemm', 'cuda-tensor', { rows, columns }, { ...linear, batch: 512 });
  const sparse = { ...linear, op: 'linear-2of4', batch: 64 };
  await pair('2:4 f16, 64 vectors', 'sparse-2of4', 'cuda-tensor', { rows, columns, batch: 64 }, sparse);
  const attention = { op: 'attention', batch: 8, heads: 32, kvHeads: 8, length: 128 };
  const decode = { batch: 8, heads: 32, kvHeads: 8, context: 8192 };
  await pair('decode GQA 32:8, 8k', 'attention-decode', 'cuda', decode, {
    ...attention,
    queries: 1,
    context: 8192,
  });
  const prefill = { ...attention, batch: 1, queries: 4096, context: 4096 };
  await pair('prefill GQA 32:8, 4k', 'attention-prefill', 'cuda', { tokens: 4096 }, prefill);
}

/**
 * Ours and PyTorch's in turn; from memory each time. The table says how they compare, and nothing is
 * required.
 */
async function pair(
  name: string,
  op: string,
  variant: string,
  given: Record<string, number>,
  job: Record<string, unknown>,
): Promise<void> {
  const facts = OPS.find((known) => known.name === op);
  if (facts === undefined) return;
  const request: OpRequest = { op, variant, type: 'f16', shape: shapeOf(facts, given), threads: 4, seed: 1 };
  const row: Record<string, string> = { what: name };
  table.push(row);
  let prepared: ReturnType<NativeOps['prepare']>;
  try {
    prepared = ops.prepare(request, 'cold');
  } catch (error) {
    row.ours = (error as Error).message;
    return;
  }
  const theirs = await peer.ask({ prepare: name, ...job });
  const [own, other]: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    own.push(...prepared.measure(REPEATS));
    if (theirs.problem === undefined) {
      other.push(...((await peer.ask({ time: name, repeats: REPEATS })).nanoseconds ?? []));
    }
  }
  prepared.close();
  await peer.ask({ drop: name });
  const seconds = 1e-9 * median(own);
  row.ours = `${(1e6 * seconds).toFixed(1)} us`;
  row['GB/s'] = (prepared.bytes / seconds / 1e9).toFixed(0);
  row['TFLOP/s'] = (prepared.flops / seconds / 1e12).toFixed(1);
  row.torch = theirs.problem ?? `${(1e-3 * median(other)).toFixed(1)} us`;
  row['times as fast'] = other.length > 0 ? (median(other) / median(own)).toFixed(2) : '';
}

function startPeer(): Peer {
  const python = process.env.RIDGEPOINT_PYTHON ?? 'python3';
  const child = spawn(python, [join(import.meta.dirname, 'peers/gpu_peer.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let gone: string | null = null;
  const waiting: ((line: string) => void)[] = [];
  const end = (reason: string) => {
    gone = reason;
    for (const answer of waiting.splice(0)) answer(JSON.stringify({ problem: reason }));
  };
  child.once('error', (error) => end(`${python} does not start: ${error.message}`));
  child.once('exit', () => end(`${python} with torch is needed, and it ended`));
  child.stdin.on('error', () => end(`${python} takes no more questions`));
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line));
  return {
    ask: (job) =>
      new Promise((resolve) => {
        if (gone !== null) return resolve({ problem: gone });
        waiting.push((line) => resolve(JSON.parse(line)));
        child.stdin.write(`${JSON.stringify(job)}\n`);
      }),
    close: () => child.stdin.end(),
  };
}
