import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { readSynthetic } from '../../core/models/synthetic.js';
import type { ModelArchitecture } from '../../core/work/architecture.js';
import { phaseWork, workingSetOf } from '../../core/work/phase-work.js';
import { loadRunner } from '../../engines/runners/index.js';
import type { Generator } from '../../engines/runners/opened.js';
import { open } from '../../engines/runners/runner.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { StepSample } from '../../roofline/factors/sample.js';
import { architectureFromGguf } from '../../roofline/readers/gguf.js';
import { quantileOfSorted, sorted } from '../../statistics/quantile.js';
import { tokenPlan } from '../workloads/tokens.js';
import type { FactorsJob } from './measure.js';

interface Case {
  readonly model: string;
  readonly depths: readonly number[];
}

/** Many small nodes: what they wait for, and attention, take most of a step. */
const CASES: readonly Case[] = [
  {
    // Weights that stay in a cache; depths just beyond multiples of what the cache of keys grows by, and just
    // before.
    model: 'synthetic:llama?layers=12&embedding=256&heads=4&kvHeads=2&feedForward=256&vocabulary=1024',
    depths: [16, 200, 272, 700],
  },
  {
    // Weights that come from memory: 113 MB.
    model: 'synthetic:llama?layers=96&embedding=256&heads=4&kvHeads=2&feedForward=512&vocabulary=1024',
    depths: [16],
  },
];
const SEQUENCES = [1, 2, 4];
const STEPS = 8;
const SECONDS = { usual: 0.2, quick: 0.05 } as const;

export type StepsJob = Pick<FactorsJob, 'runnerKind' | 'deviceClass' | 'deviceId' | 'threads' | 'quick'>;

/**
 * @returns what times steps of small models as the runner takes them, at each number of threads, a few depths
 *   and numbers of sequences.
 */
export function stepTimers(job: StepsJob, files: ModelFiles): (() => Promise<StepSample[]>)[] {
  return SEQUENCES.flatMap((sequences) =>
    CASES.flatMap(({ model, depths }) =>
      job.threads.map((threads) => async () => {
        const written = await files.getOrWrite(model, () => writtenModel(model));
        return await samplesOf(job, written, depths, threads, sequences);
      }),
    ),
  );
}

/** Files of small models: each is made when it is first asked for, and all are removed together. */
export class ModelFiles {
  readonly #made = new Map<string, WrittenModel>();

  async getOrWrite(name: string, make: () => Promise<WrittenModel>): Promise<WrittenModel> {
    const model = this.#made.get(name) ?? (await make());
    this.#made.set(name, model);
    return model;
  }

  remove(): void {
    for (const { folder } of this.#made.values()) rmSync(folder, { recursive: true, force: true });
  }
}

/** A synthetic model as a file in a folder of its own, which whoever asked for it removes. */
export interface WrittenModel {
  readonly folder: string;
  readonly modelPath: string;
  readonly architecture: ModelArchitecture;
}

export async function writtenModel(source: string): Promise<WrittenModel> {
  const reading = readSynthetic(source);
  if (!reading.ok) throw new Error(reading.reason);
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-factors-'));
  try {
    const modelPath = join(folder, 'model.gguf');
    await writeSynthetic(modelPath, reading.model);
    return { folder, modelPath, architecture: architectureOf(modelPath) };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

export function architectureOf(modelPath: string): ModelArchitecture {
  const read = architectureFromGguf(readGgufHeader(modelPath));
  if (!read.ok) throw new Error(read.reason);
  return read.architecture;
}

export async function openedModel(
  { runnerKind, deviceClass, deviceId }: StepsJob,
  modelPath: string,
  threads: number,
  sequences: number,
  contextTokens: number,
): Promise<Generator> {
  return await open(await loadRunner(runnerKind), 'generator', {
    modelPath,
    options: { threads },
    deviceClass,
    deviceId,
    cpus: [],
    contextTokens,
    sequences,
  });
}

async function samplesOf(
  job: StepsJob,
  { modelPath, architecture }: WrittenModel,
  depths: readonly number[],
  threads: number,
  sequences: number,
): Promise<StepSample[]> {
  const model = await openedModel(job, modelPath, threads, sequences, Math.max(...depths) + STEPS);
  try {
    const samples: StepSample[] = [];
    for (const contextDepth of depths) {
      const workload = { promptTokens: 0, generateTokens: STEPS, sequences, contextDepth };
      const [phase] = phaseWork(architecture, { threads }, workload);
      const pass = phase!.passes[Math.floor(phase!.passes.length / 2)]!;
      const { work, tokens, queries } = pass;
      const plan = tokenPlan(model.facts.vocabularySize, workload);
      await model.reset(0);
      await model.prefill(plan.depth);
      const seconds = await secondsOf(
        SECONDS[job.quick ? 'quick' : 'usual'],
        () => model.reset(contextDepth),
        () => model.steps(plan.steps),
      );
      const workingSet = workingSetOf(pass);
      samples.push({ threads, work, tokens, queries, workingSet, seconds: seconds / STEPS });
    }
    return samples;
  } finally {
    model.close();
  }
}

/**
 * @returns seconds of `work`: the low quartile of the rounds that the budget allows, for what disturbs only
 *   adds.
 */
export async function secondsOf(
  budgetSeconds: number,
  before: () => unknown,
  work: () => unknown,
): Promise<number> {
  const rounds: number[] = [];
  const begin = performance.now();
  while (rounds.length === 0 || performance.now() - begin < 1000 * budgetSeconds) {
    await before();
    const start = performance.now();
    await work();
    rounds.push((performance.now() - start) / 1000);
  }
  return quantileOfSorted(sorted(rounds), 0.25);
}
