import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { plainQuantization } from '../../core/techniques/quantization.js';
import { phaseWork } from '../../core/work/phase-work.js';
import { quantizerOf } from '../../engines/runners/index.js';
import type { CheckSample } from '../../roofline/factors/sample.js';
import { tokenPlan } from '../workloads/tokens.js';
import {
  architectureOf,
  type ModelFiles,
  openedModel,
  type StepsJob,
  secondsOf,
  type WrittenModel,
  writtenModel,
} from './steps.js';

/**
 * Shapes of another width than operators are benched with: weights that a cache holds, and weights that come
 * from memory.
 */
const NARROW = 'synthetic:llama?layers=6&embedding=512&heads=8&kvHeads=4&feedForward=1536&vocabulary=4096';
const WIDE = 'synthetic:llama?layers=8&embedding=1024&heads=16&kvHeads=4&feedForward=2816&vocabulary=16384';
const DEEP = 'synthetic:llama?layers=20&embedding=1024&heads=16&kvHeads=4&feedForward=2816&vocabulary=16384';

interface CheckedModel {
  /** As the engine quantizes to. */
  readonly fileType: string;
  readonly source: string;
}
const narrow = (fileType: string): CheckedModel => ({ fileType, source: NARROW });

/**
 * Of each kind of file that is common, for kernels of one type are predicted too fast and those of another
 * too slow.
 */
const MODELS = {
  usual: [
    ...['f16', 'q8_0', 'q6_k', 'q5_k_m', 'q4_k_m', 'q4_0'].map(narrow),
    { fileType: 'q8_0', source: WIDE },
    { fileType: 'q4_k_m', source: WIDE },
    { fileType: 'q4_0', source: DEEP },
  ],
  quick: ['f16', 'q8_0', 'q6_k', 'q4_k_m'].map(narrow),
} as const satisfies Record<string, readonly CheckedModel[]>;
const SEQUENCES = [1, 4] as const;
const PROMPTS = [32, 128, 384] as const;
/**
 * Prefills of more operations are left out, and what comes after them: a thread would take seconds for each.
 */
const MOST_OPERATIONS = 0.1e12;
const STEPS = 8;
const SECONDS = { usual: 0.15, quick: 0.03 } as const;

/**
 * @returns what times prefills and steps of a few small models, which the fit does not see: how far
 *   predictions lie from them is their error.
 */
export function checkTimers(job: StepsJob, files: ModelFiles): (() => Promise<CheckSample[]>)[] {
  return MODELS[job.quick ? 'quick' : 'usual'].flatMap(({ source, fileType }) =>
    job.threads.flatMap((threads) =>
      SEQUENCES.map((sequences) => async () => {
        const of = `${fileType} ${source}`;
        const model = await files.getOrWrite(of, () => quantizedModel(job, source, fileType));
        return await samplesOf(job, model, of, threads, sequences);
      }),
    ),
  );
}

/** The model as a file of this type, made as those of a sweep are. */
async function quantizedModel(
  { runnerKind }: StepsJob,
  source: string,
  fileType: string,
): Promise<WrittenModel> {
  const written = await writtenModel(source);
  if (fileType === 'f16') return written;
  const quantize = (await quantizerOf(runnerKind))!;
  const modelPath = join(written.folder, `${fileType}.gguf`);
  try {
    await quantize({
      runnerKind,
      inputPath: written.modelPath,
      outputPath: modelPath,
      imatrix: null,
      quantization: plainQuantization(fileType),
      threads: availableParallelism(),
    });
    return { ...written, modelPath, architecture: architectureOf(modelPath) };
  } catch (error) {
    rmSync(written.folder, { recursive: true, force: true });
    throw error;
  }
}

async function samplesOf(
  job: StepsJob,
  { modelPath, architecture }: WrittenModel,
  of: string,
  threads: number,
  sequences: number,
): Promise<CheckSample[]> {
  const most = Math.max(...PROMPTS);
  const model = await openedModel(job, modelPath, threads, sequences, most + STEPS);
  try {
    const budget = SECONDS[job.quick ? 'quick' : 'usual'];
    const workloadOf = (promptTokens: number) =>
      ({ promptTokens, generateTokens: STEPS, sequences, contextDepth: 0 }) as const;
    const plan = tokenPlan(model.facts.vocabularySize, workloadOf(most));
    const affordable = (tokens: number) =>
      2 * (model.facts.parameters ?? 0) * tokens * sequences < MOST_OPERATIONS;
    const samples: CheckSample[] = [];
    for (const promptTokens of PROMPTS.filter(affordable)) {
      const prompt = plan.prompt.map((tokens) => tokens.subarray(0, promptTokens));
      const [prefill, decode] = phaseWork(architecture, { threads }, workloadOf(promptTokens));
      const ofPrefill = await secondsOf(
        budget,
        () => model.reset(0),
        () => model.prefill(prompt),
      );
      // The last prefill is in the cache.
      const ofDecode = await secondsOf(
        budget,
        () => model.reset(promptTokens),
        () => model.steps(plan.steps),
      );
      samples.push(
        { model: of, threads, work: prefill!, seconds: ofPrefill },
        { model: of, threads, work: decode!, seconds: ofDecode },
      );
    }
    return samples;
  } finally {
    model.close();
  }
}
