import { rmSync } from 'node:fs';
import { phaseWork } from '../../core/work/phase-work.js';
import type { CheckSample } from '../../roofline/factors/sample.js';
import { tokenPlan } from '../workloads/tokens.js';
import { openedModel, type StepsJob, secondsOf, writtenModel } from './steps.js';

/** Models that no factor is fitted to: another width, other types, weights that a cache holds and weights that come from memory. */
const MODELS = [
  'synthetic:llama?layers=6&embedding=512&heads=8&kvHeads=4&feedForward=1536&vocabulary=4096&type=f16',
  'synthetic:llama?layers=6&embedding=512&heads=8&kvHeads=4&feedForward=1536&vocabulary=4096&type=q4_0',
  'synthetic:llama?layers=8&embedding=1024&heads=16&kvHeads=4&feedForward=2816&vocabulary=16384&type=q8_0',
  'synthetic:llama?layers=20&embedding=1024&heads=16&kvHeads=4&feedForward=2816&vocabulary=16384&type=q4_0',
] as const;
/** So many of them where time is short. */
const FEW = 2;
const SEQUENCES = [1, 4] as const;
const PROMPTS = [32, 128, 384] as const;
/** Prefills of more operations are left out, and what comes after them: a thread would take seconds for each. */
const MOST_OPERATIONS = 0.1e12;
const STEPS = 8;
const SECONDS = { usual: 0.15, quick: 0.03 } as const;

/** Times prefills and steps of a few small models, which the fit does not see: how far predictions lie from them is their error. */
export async function timeChecks(job: StepsJob): Promise<CheckSample[]> {
  const samples: CheckSample[] = [];
  for (const source of job.quick ? MODELS.slice(0, FEW) : MODELS) {
    const model = await writtenModel(source);
    try {
      for (const threads of job.threads)
        for (const parallel of SEQUENCES) samples.push(...(await samplesOf(job, model, threads, parallel)));
    } finally {
      rmSync(model.folder, { recursive: true, force: true });
    }
  }
  return samples;
}

async function samplesOf(
  job: StepsJob,
  { modelPath, architecture }: Awaited<ReturnType<typeof writtenModel>>,
  threads: number,
  parallel: number,
): Promise<CheckSample[]> {
  const most = Math.max(...PROMPTS);
  const model = await openedModel(job, modelPath, threads, parallel, most + STEPS);
  try {
    const budget = SECONDS[job.quick ? 'quick' : 'usual'];
    const plan = tokenPlan(model.facts.vocabularySize, {
      ...{ promptTokens: most, generateTokens: STEPS, parallel, contextDepth: 0 },
    });
    const affordable = (tokens: number) =>
      2 * (model.facts.parameters ?? 0) * tokens * parallel < MOST_OPERATIONS;
    return PROMPTS.filter(affordable).flatMap((promptTokens): CheckSample[] => {
      const prompt = plan.prompt.map((tokens) => tokens.subarray(0, promptTokens));
      const workload = { promptTokens, generateTokens: STEPS, parallel, contextDepth: 0 };
      const [prefill, decode] = phaseWork(architecture, { threads }, workload);
      const ofPrefill = secondsOf(
        budget,
        () => model.reset(0),
        () => model.prefill(prompt),
      );
      // The last prefill is in the cache.
      const ofDecode = secondsOf(
        budget,
        () => model.reset(promptTokens),
        () => model.steps(plan.steps),
      );
      return [
        { threads, work: prefill!, seconds: ofPrefill },
        { threads, work: decode!, seconds: ofDecode },
      ];
    });
  } finally {
    model.close();
  }
}
