import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Kernel = 'copy' | 'triad';
/** Bytes per second of each kernel. */
export type MemoryRates = Readonly<Record<Kernel, number>>;

/** A program that measures memory by STREAM's rules. */
export interface MemoryPeer {
  readonly name: string;
  run(threads: readonly number[]): MemoryRates;
}

const PLAIN = { name: 'STREAM’s rules', flags: [] };
const PAST_CACHES = [
  { name: 'stores past the caches', flags: ['-DSTREAMING'] },
  { name: 'the same, two lines at a time', flags: ['-DSTREAMING', '-DBLOCK=16'] },
];

/**
 * Compiles our own program by those rules, with ordinary stores and with stores past the caches.
 * @returns [] without gcc.
 */
export function compiledPeers(folder: string, elements: number): MemoryPeer[] {
  const source = join(import.meta.dirname, '../peers/memory-rates.c');
  const kinds = process.arch === 'x64' ? [PLAIN, ...PAST_CACHES] : [PLAIN];
  if (spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status !== 0) return [];
  return kinds.map(({ name, flags }) => {
    const program = join(folder, `memory-rates${flags.join('')}`);
    execFileSync('gcc', ['-O3', '-march=native', '-fopenmp', ...flags, source, '-o', program]);
    return {
      name,
      run: (cpus) =>
        JSON.parse(
          execFileSync(program, [String(elements)], { encoding: 'utf8', env: pinned(cpus) }),
        ) as MemoryRates,
    };
  });
}

/** STREAM itself, where RIDGEPOINT_STREAM names a build of it. */
export function streamPeers(): MemoryPeer[] {
  const program = process.env.RIDGEPOINT_STREAM;
  if (program === undefined || program === '') return [];
  if (!existsSync(program)) throw new Error(`RIDGEPOINT_STREAM names no file: ${program}`);
  const run = (cpus: readonly number[]) => {
    const text = execFileSync(program, { encoding: 'utf8', env: pinned(cpus) });
    const rate = (name: string) => {
      // `Copy:  51234.5  0.0031 …`: the best rate in MB/s.
      const megabytes = new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(text)?.[1];
      if (megabytes === undefined) throw new Error(`${program} prints no line ${name}`);
      return Number(megabytes) * 1e6;
    };
    return { copy: rate('Copy'), triad: rate('Triad') };
  };
  return [{ name: `STREAM (${program})`, run }];
}

function pinned(cpus: readonly number[]): NodeJS.ProcessEnv {
  const places = cpus.map((cpu) => `{${cpu}}`).join(',');
  return {
    ...process.env,
    OMP_NUM_THREADS: String(cpus.length),
    OMP_PLACES: places,
    OMP_PROC_BIND: 'close',
    // Large pages where the system gives them on request, as roofs are measured.
    GLIBC_TUNABLES: 'glibc.malloc.hugetlb=1',
  };
}

/**
 * Rates of matrix products of numpy and torch, the best by `<arithmetic> <library>`; {} without
 * RIDGEPOINT_PYTHON. Where the processor has AVX-512, OpenBLAS is also run with its kernels for it, which it
 * does not choose on every such processor.
 */
export function productRates(
  threads: number,
  size: number,
  repeats: number,
): Readonly<Record<string, number>> {
  const python = process.env.RIDGEPOINT_PYTHON;
  if (python === undefined || !existsSync(python)) return {};
  const script = join(import.meta.dirname, 'products.py');
  const words = [script, String(threads), String(size), String(repeats)];
  const env = { ...process.env, OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads) };
  const best: Record<string, number> = {};
  for (const cores of hasAvx512() ? [{}, { OPENBLAS_CORETYPE: 'SKYLAKEX' }] : [{}]) {
    const line = execFileSync(python, words, {
      encoding: 'utf8',
      env: { ...env, ...cores },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const rates = JSON.parse(line) as Record<string, number>;
    for (const [name, rate] of Object.entries(rates)) best[name] = Math.max(best[name] ?? 0, rate);
  }
  return best;
}

/** Rates of matrix products of oneDNN itself, by `<arithmetic> oneDNN`. */
export type OneDnn = (threads: number, size: number, repeats: number) => Readonly<Record<string, number>>;

/**
 * Compiles our program around oneDNN (`apt-get install libdnnl-dev`).
 * @returns null without gcc or oneDNN's headers.
 */
export function compiledOneDnn(folder: string): OneDnn | null {
  const source = join(import.meta.dirname, '../peers/onednn-products.cpp');
  const program = join(folder, 'onednn-products');
  const words = ['-O2', '-std=c++17', source, '-o', program, '-ldnnl'];
  if (spawnSync('g++', words, { stdio: 'ignore' }).status !== 0) return null;
  return (threads, size, repeats) =>
    JSON.parse(
      execFileSync(program, [String(size), String(repeats)], {
        encoding: 'utf8',
        env: { ...process.env, OMP_NUM_THREADS: String(threads) },
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    ) as Record<string, number>;
}

const hasAvx512 = () =>
  existsSync('/proc/cpuinfo') && readFileSync('/proc/cpuinfo', 'utf8').includes('avx512f');
