import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mergeAdapters } from '../../../artifacts/adapters/merge.js';
import { syntheticAdapter } from '../../../artifacts/adapters/synthetic.js';
import { median } from '../../../core/statistics/quantile.js';
import { PORTABLE_MERGE } from '../../../core/techniques/adapters/merge.js';
import { llamaCpp } from '../../../engines/runners/llama-cpp/index.js';
import type { Generator } from '../../../engines/runners/opened.js';
import { adapterBase } from '../../../formats/adapters/base.js';
import { writeAdapterGguf } from '../../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { prompt } from '../../models/loading.js';

export interface OverheadRequest {
  readonly modelPath: string;
  readonly threads: number;
  readonly rounds: number;
  readonly promptTokens: number;
  readonly generateTokens: number;
  readonly folder: string;
  readonly say: (line: string) => void;
}

export interface OverheadRow {
  readonly name: string;
  readonly prefillSeconds: number;
  /** Of one token. */
  readonly decodeSeconds: number;
  readonly loadSeconds: number | null;
  readonly adapterBytes: number;
  /** What the process grew by while the model and its adapters were loaded. */
  readonly residentBytes: number;
}

/** Ranks of one adapter on every linear matrix, then numbers of them at once. */
const RANKS = [4, 16, 64, 256];
const COUNTS = [2, 4];
const COUNT_RANK = 16;
/** The threads of the model before spin for up to a tenth of a second before they sleep (`poll`), and would take a CPU. */
const ASLEEP_MILLISECONDS = 300;

/** Times a model alone, merged, and with adapters beside it: every variant once in each round, in an order that moves on. */
export async function overhead(request: OverheadRequest): Promise<readonly OverheadRow[]> {
  const { modelPath, threads, rounds, promptTokens, generateTokens, folder, say } = request;
  const base = adapterBase(readGgufHeader(modelPath));
  const write = async (rank: number, seed: number) => {
    const path = join(folder, `r${rank}-${seed}.gguf`);
    await writeAdapterGguf(path, syntheticAdapter({ rank, targets: null, seed }, base));
    return { path, source: path, scale: 1 };
  };
  const merged = await mergedFile(modelPath, (await write(COUNT_RANK, 1)).path, folder);
  const plans: { name: string; path: string; adapters: Awaited<ReturnType<typeof write>>[] }[] = [
    { name: 'none', path: modelPath, adapters: [] },
    ...(merged === null ? [] : [{ name: `merged r${COUNT_RANK}`, path: merged, adapters: [] }]),
  ];
  for (const rank of RANKS)
    plans.push({ name: `r${rank}`, path: modelPath, adapters: [await write(rank, 1)] });
  for (const count of COUNTS) {
    const adapters = [];
    for (let seed = 1; seed <= count; seed++) adapters.push(await write(COUNT_RANK, seed));
    plans.push({ name: `${count} × r${COUNT_RANK}`, path: modelPath, adapters });
  }
  const rows = [];
  for (const { name, path, adapters } of plans) {
    const before = process.memoryUsage.rss();
    const model = await llamaCpp.opens.generator({
      modelPath: path,
      adapters,
      options: { threads, flashAttention: true },
      deviceClass: 'cpu',
      deviceId: 'cpu0',
      cpus: [],
      contextTokens: promptTokens + generateTokens,
      sequences: 1,
    });
    await time(model, promptTokens, generateTokens);
    const residentBytes = process.memoryUsage.rss() - before;
    const adapterBytes = adapters.reduce((sum, adapter) => sum + statSync(adapter.path).size, 0);
    rows.push({ name, model, adapterBytes, residentBytes, prefill: [] as number[], decode: [] as number[] });
  }
  for (let round = 0; round < rounds; round++) {
    say(`round ${round + 1} of ${rounds}`);
    for (let i = 0; i < rows.length; i++) {
      const { model, prefill, decode } = rows[(i + round) % rows.length]!;
      await sleep(ASLEEP_MILLISECONDS);
      // Once untimed: the model's own threads have to wake.
      await model.reset(0);
      await model.prefill([prompt(32, 1)]);
      const times = await time(model, promptTokens, generateTokens);
      prefill.push(times.prefill);
      decode.push(times.decode);
    }
  }
  for (const { model } of rows) model.close();
  return rows.map(({ name, model, adapterBytes, residentBytes, prefill, decode }) => ({
    name,
    prefillSeconds: median(prefill) ?? Number.NaN,
    decodeSeconds: (median(decode) ?? Number.NaN) / generateTokens,
    loadSeconds: model.facts.adapterLoadSeconds ?? null,
    adapterBytes,
    residentBytes,
  }));
}

/** Only a base of floats can be merged into. */
async function mergedFile(model: string, adapter: string, folder: string): Promise<string | null> {
  const { tensors } = readGgufHeader(model);
  if (!tensors.every(({ type }) => ['f32', 'f16', 'bf16'].includes(type))) return null;
  const outputPath = join(folder, 'merged-for-speed.gguf');
  const adapters = [{ source: adapter, place: { form: 'gguf', path: adapter } as const, scale: 1 }];
  await mergeAdapters({ inputPath: model, inputName: model, outputPath, adapters }, PORTABLE_MERGE);
  return outputPath;
}

async function time(model: Generator, promptTokens: number, generateTokens: number) {
  const tokens = prompt(promptTokens, 3);
  await model.reset(0);
  const began = performance.now();
  await model.prefill([tokens]);
  const filled = performance.now();
  await model.steps(Array.from({ length: generateTokens }, (_, i) => tokens.subarray(i, i + 1)));
  return { prefill: (filled - began) / 1000, decode: (performance.now() - filled) / 1000 };
}
