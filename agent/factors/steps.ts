import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSynthetic } from '../../core/models/synthetic.js';
import type { StepSample } from '../../core/roofline/factors/sample.js';
import { phaseWork, workingSetOf } from '../../core/roofline/phase-work.js';
import { architectureFromGguf } from '../../core/roofline/readers/gguf.js';
import { quantileOfSorted, sorted } from '../../core/statistics/quantile.js';
import { readGgufHeader } from '../artifacts/gguf/header.js';
import { writeSynthetic } from '../artifacts/synthetic/model.js';
import { llamaCpp } from '../runners/llama-cpp/index.js';
import { tokenPlan } from '../workloads/tokens.js';

/** Many small nodes, and weights that stay in a cache: what nodes wait for and attention take most of a step. */
const MODEL = 'synthetic:llama?layers=12&embedding=256&heads=4&kvHeads=2&feedForward=256&vocabulary=1024';
const SEQUENCES = [1, 2, 4];
/** Just beyond multiples of what the cache of keys grows by, and just before. */
const DEPTHS = [16, 200, 272, 700];
const STEPS = 8;
const SECONDS = { usual: 0.2, quick: 0.05 } as const;

interface StepsJob {
  readonly deviceClass: string;
  readonly deviceId: string;
  readonly quick: boolean;
}

/** Times steps of a small model as the runner takes them, at a few depths and numbers of sequences. */
export async function timeSteps(job: StepsJob, threads: number): Promise<StepSample[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-factors-'));
  try {
    const modelPath = join(folder, 'model.gguf');
    const reading = readSynthetic(MODEL);
    if (!reading.ok) throw new Error(reading.reason);
    await writeSynthetic(modelPath, reading.model);
    const architecture = architectureFromGguf(readGgufHeader(modelPath));
    if (!architecture.ok) throw new Error(architecture.reason);
    const samples: StepSample[] = [];
    for (const parallel of SEQUENCES) {
      const model = await llamaCpp.load({
        modelPath,
        options: { threads },
        deviceClass: job.deviceClass,
        deviceId: job.deviceId,
        cpus: [],
        contextTokens: Math.max(...DEPTHS) + STEPS,
        sequences: parallel,
      });
      try {
        for (const contextDepth of DEPTHS) {
          const workload = { promptTokens: 0, generateTokens: STEPS, parallel, contextDepth };
          const plan = tokenPlan(model.facts.vocabularySize, workload);
          model.reset(0);
          model.prefill(plan.depth);
          const seconds: number[] = [];
          const begin = performance.now();
          while (performance.now() - begin < 1000 * SECONDS[job.quick ? 'quick' : 'usual']) {
            model.reset(contextDepth);
            const start = performance.now();
            for (const tokens of plan.steps) model.step(tokens);
            seconds.push((performance.now() - start) / 1000 / STEPS);
          }
          const [phase] = phaseWork(architecture.architecture, { threads }, workload);
          const pass = phase!.passes[Math.floor(phase!.passes.length / 2)]!;
          samples.push({
            threads,
            work: pass.work,
            tokens: pass.tokens,
            queries: pass.queries,
            workingSet: workingSetOf(pass),
            seconds: quantileOfSorted(sorted(seconds), 0.25),
          });
        }
      } finally {
        model.close();
      }
    }
    return samples;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
