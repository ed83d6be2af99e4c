/**
 * Times the points of one model file and predicts each: one process per file, several short phases per loaded
 * model.
 */

import { writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { FactorsStore } from '../../../agent/factors/store.js';
import { RoofsStore } from '../../../agent/roofs/store.js';
import { tokenPlan } from '../../../agent/workloads/tokens.js';
import { agentConfig } from '../../../cli/node-config.js';
import { readOptions } from '../../../core/experiment/options.js';
import { recordRoofsOf } from '../../../core/result/roofs-record.js';
import { llamaCpp } from '../../../core/runners/llama-cpp.js';
import { phaseWork } from '../../../core/work/phase-work.js';
import { loadModel } from '../../../engines/runners/llama-cpp/load.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { readAffinity } from '../../../process/device/affinity.js';
import { lastCacheBytes } from '../../../process/device/caches.js';
import { factorsAt } from '../../../roofline/factor-at.js';
import { measuredMachine } from '../../../roofline/machine-model.js';
import { placePhase } from '../../../roofline/placement.js';
import { architectureFromGguf } from '../../../roofline/readers/gguf.js';
import { quantileOfSorted, sorted } from '../../../statistics/quantile.js';
import type { ModelFile } from './models.js';

export interface Point {
  readonly model: string;
  readonly type: string;
  readonly phase: 'prefill' | 'decode';
  readonly threads: number;
  readonly parallel: number;
  readonly depth: number;
  /** Of each sequence. */
  readonly tokens: number;
  readonly measuredSeconds: number;
  readonly predictedSeconds: number;
  readonly roofSeconds: number;
  /**
   * Measured is said to lie within predicted / ratio and predicted · ratio 95 times of 100; null where nobody
   * looked.
   */
  readonly errorRatio95: number | null;
  /** Beyond what the error was learned from. */
  readonly extrapolated: boolean;
}

interface Job extends ModelFile {
  readonly quick: boolean;
  readonly state: string;
  readonly deviceClass: string;
  readonly output: string;
}

const job = JSON.parse(process.argv[2] ?? '{}') as Job;
process.env.XDG_STATE_HOME = job.state;
const cpus = readAffinity('self') ?? [];
const { roofsFolder } = agentConfig(undefined);
const deviceId = process.env.DEVICE_ID ?? 'cpu0';
const roofs = await new RoofsStore(roofsFolder).newest(deviceId);
const factors = await new FactorsStore(roofsFolder).find(deviceId);
if (roofs === null || factors === null) throw new Error(`no roofs or factors in ${roofsFolder}`);
const record = recordRoofsOf(roofs.roofs, roofs.id);
const read = architectureFromGguf(readGgufHeader(job.path));
if (!read.ok) throw new Error(read.reason);

/** Prompt, then steps at its end and, after more of it, deeper. */
const PROMPTS = { quick: [64], usual: [64, 256] } as const;
const STEPS = 8;
const DEEP = Math.min(768, read.architecture.contextLength - STEPS);
const all = Math.max(1, availableParallelism());
const threadCounts = job.deviceClass === 'cpu' ? [...new Set([1, Math.min(2, all)])] : [1];
/** A phase is repeated within this budget, twice at least. */
const BUDGET_SECONDS = job.quick ? 0.3 : 0.6;
/**
 * Prefills of more operations than this are left out, and what comes after them: a thread of this CPU takes
 * seconds for each.
 */
const MOST_OPERATIONS = 0.25e12;

const points: Point[] = [];
for (const threads of threadCounts) {
  const machineModel = measuredMachine(
    record,
    { name: 'node', memoryBytes: null },
    threads,
    lastCacheBytes(cpus, '/sys'),
  )!;
  const own = factorsAt(factors.factors.threads, threads);
  for (const parallel of job.quick ? [1, 4] : [1, 2, 4, 8]) {
    const model = await loadModel({
      modelPath: job.path,
      options: readOptions(llamaCpp.options, { threads }),
      deviceClass: job.deviceClass,
      deviceId,
      cpus,
      contextTokens: DEEP + 256 + STEPS,
      sequences: parallel,
    });
    const time = (before: () => void, work: () => void): number => {
      const seconds: number[] = [];
      const begin = performance.now();
      for (let i = 0; i < 2 || (performance.now() - begin < BUDGET_SECONDS * 1000 && i < 50); i++) {
        before();
        const start = performance.now();
        work();
        seconds.push((performance.now() - start) / 1000);
      }
      return quantileOfSorted(sorted(seconds), job.quick ? 0 : 0.25);
    };
    const add = (phase: Point['phase'], tokens: number, depth: number, measuredSeconds: number) => {
      const workload = {
        promptTokens: phase === 'prefill' ? tokens : 0,
        generateTokens: phase === 'decode' ? tokens : 0,
        sequences: parallel,
        contextDepth: depth,
      };
      const [work] = phaseWork(read.architecture, { threads }, workload);
      const placed = placePhase({ work: work!, machineModel, factors: own, measuredSeconds, profiled: null });
      const { predictedSeconds, roofSeconds, predictionError } = placed;
      const errorRatio95 = predictionError?.ratio ?? null;
      const extrapolated = (predictionError?.beyond ?? []).length > 0;
      const where = { model: job.name, type: job.type, phase, threads, parallel, depth, tokens };
      points.push({
        ...where,
        measuredSeconds,
        predictedSeconds: predictedSeconds!,
        roofSeconds,
        errorRatio95,
        extrapolated,
      });
    };
    const plan = tokenPlan(model.facts.vocabularySize, {
      promptTokens: DEEP,
      generateTokens: STEPS,
      sequences: parallel,
      contextDepth: 0,
    });
    const part = (from: number, to: number) => plan.prompt.map((tokens) => tokens.subarray(from, to));
    const steps = () => void model.steps(plan.steps);
    const affordable = (tokens: number) =>
      2 * (model.facts.parameters ?? 0) * tokens * parallel < MOST_OPERATIONS;
    // Warm up: the first pass touches every page.
    model.prefill(part(0, 16));
    for (const tokens of PROMPTS[job.quick ? 'quick' : 'usual'].filter(affordable)) {
      add(
        'prefill',
        tokens,
        0,
        time(
          () => model.reset(0),
          () => model.prefill(part(0, tokens)),
        ),
      );
      // The last prefill is in the cache.
      add(
        'decode',
        STEPS,
        tokens,
        time(() => model.reset(tokens), steps),
      );
    }
    if (!job.quick && parallel <= 2 && affordable(DEEP)) {
      model.reset(0);
      model.prefill(part(0, DEEP - 128));
      add(
        'prefill',
        128,
        DEEP - 128,
        time(
          () => model.reset(DEEP - 128),
          () => model.prefill(part(DEEP - 128, DEEP)),
        ),
      );
      add(
        'decode',
        STEPS,
        DEEP,
        time(() => model.reset(DEEP), steps),
      );
    }
    model.close();
  }
}
writeFileSync(job.output, JSON.stringify(points));
