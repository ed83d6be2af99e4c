import { join } from 'node:path';
import { pruneFile } from '../../../artifacts/pruning/prune.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { plainQuantization } from '../../../core/techniques/quantization.js';
import { llamaCpp, quantizeFile } from '../../../engines/runners/llama-cpp/index.js';
import type { Generator } from '../../../engines/runners/opened.js';
import { open } from '../../../engines/runners/runner.js';
import { sparseRunner } from '../../../engines/runners/sparse/index.js';

/** A way to run one pruned model. */
export interface Candidate {
  readonly name: string;
  readonly runnerKind: 'sparse' | 'llama-cpp';
  readonly path: string;
  readonly options: Options;
}

/** Steps of a round that are not timed: threads wake up, and caches fill. */
const WARM_STEPS = 2;
const TIMED_STEPS = 8;
const PROMPT_TOKENS = 16;
const LONG_PROMPT = 128;
const PROMPT_ROUNDS = 5;
/** Rounds that fit into the cache of 256 tokens, which every candidate has. */
export const MOST_ROUNDS = Math.floor((256 - PROMPT_TOKENS) / (WARM_STEPS + TIMED_STEPS));

/**
 * Idle threads spin for some 2 ms: over the pause between two tokens, and not into the turn of the next
 * candidate.
 */
const POLL = 1;

/** @returns the path of a pruned copy. @param textPath null for magnitudes. */
export async function pruned(folder: string, inputPath: string, sparsity: string, textPath: string | null) {
  const outputPath = join(folder, `${sparsity.replace(/\W+/g, '-')}.gguf`);
  const order = { inputPath, outputPath, sparsity, textPath, threads: 1 };
  await pruneFile(order, () => {});
  return outputPath;
}

/** Our own two formats in both types, and llama.cpp's types, all of one file. */
export async function candidatesOf(path: string, threads: number): Promise<Candidate[]> {
  const options = { threads, poll: POLL };
  const own = (['bf16', 'int8'] as const).flatMap((sparseType) =>
    (['bitmap', 'none'] as const).map(
      (sparseFormat): Candidate => ({
        name: `${sparseFormat === 'none' ? 'dense' : 'sparse'} ${sparseType}`,
        runnerKind: 'sparse',
        path,
        options: { ...options, sparseFormat, sparseType },
      }),
    ),
  );
  const theirs: Candidate[] = [{ name: 'llama.cpp f16', runnerKind: 'llama-cpp', path, options }];
  for (const type of ['bf16', 'q8_0', 'q4_k_m']) {
    const outputPath = path.replace('.gguf', `-${type}.gguf`);
    const quantization = plainQuantization(type);
    await quantizeFile({ inputPath: path, outputPath, quantization, imatrix: null, threads: 2 });
    theirs.push({ name: `llama.cpp ${type}`, runnerKind: 'llama-cpp', path: outputPath, options });
  }
  return [...own, ...theirs];
}

/** What a candidate did in the rounds. */
export interface Timed {
  readonly name: string;
  readonly megabytes: number;
  /** Seconds of a token, one for each round. */
  readonly seconds: readonly number[];
  /** Seconds of a token of a prompt of 128. */
  readonly promptSeconds: readonly number[];
}

/** Decodes with all candidates in turn, round by round. */
export async function decodeInTurn(candidates: readonly Candidate[], rounds: number): Promise<Timed[]> {
  const models: Generator[] = [];
  try {
    for (const { runnerKind, path, options } of candidates) {
      const runner = runnerKind === 'sparse' ? sparseRunner : llamaCpp;
      const place = { deviceClass: 'cpu', deviceId: 'cpu0', cpus: [] };
      models.push(
        await open(runner, 'generator', {
          modelPath: path,
          options,
          ...place,
          contextTokens: 256,
          sequences: 1,
        }),
      );
    }
    const promptSeconds = models.map((): number[] => []);
    for (let round = 0; round < PROMPT_ROUNDS; round++) {
      for (const [at, model] of models.entries()) promptSeconds[at]!.push(await secondsPerPromptToken(model));
    }
    for (const model of models) {
      await model.reset(0);
      await model.prefill([prompt(PROMPT_TOKENS)]);
    }
    const seconds = models.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      // Another one is first in each round.
      for (let i = 0; i < models.length; i++) {
        const at = (round + i) % models.length;
        seconds[at]!.push(await secondsPerToken(models[at]!));
      }
    }
    return candidates.map(({ name }, i) => ({
      name,
      megabytes: (models[i]!.facts.modelBytes ?? Number.NaN) / 1e6,
      seconds: seconds[i]!,
      promptSeconds: promptSeconds[i]!,
    }));
  } finally {
    for (const model of models) model.close();
  }
}

const prompt = (length: number) => Int32Array.from({ length }, (_, i) => 5 + i);

async function secondsPerPromptToken(model: Generator): Promise<number> {
  await model.reset(0);
  const began = performance.now();
  await model.prefill([prompt(LONG_PROMPT)]);
  return (performance.now() - began) / 1000 / LONG_PROMPT;
}

async function secondsPerToken(model: Generator): Promise<number> {
  const tokens = (count: number) => Array.from({ length: count }, () => Int32Array.of(7));
  await model.steps(tokens(WARM_STEPS));
  const timed = tokens(TIMED_STEPS);
  const began = performance.now();
  await model.steps(timed);
  return (performance.now() - began) / 1000 / TIMED_STEPS;
}
