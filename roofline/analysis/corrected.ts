import type { ModelArchitecture } from '../../core/work/architecture.js';
import { devicesOf } from '../../core/work/pass/devices.js';
import type { PassRequest } from '../../core/work/pass/setting.js';
import { stageWorks } from '../../core/work/pass-work.js';
import { type Arithmetic, timesTraffic } from '../../core/work/work.js';
import { type Ceilings, type Peak, peakFor } from '../ceilings.js';
import { type PlacedPipeline, placePipeline } from '../pipeline.js';
import { type PlacedPass, unknownCeilings } from '../place.js';
import { draftRequest } from '../speculative.js';
import {
  type Analysis,
  type AnalysisRow,
  type MemoryAnalysis,
  type PhaseAnalysis,
  summarize,
} from './analysis.js';
import { withAttention } from './attention-word.js';
import type { BitsReading } from './bits.js';
import { generationSeconds } from './generation.js';
import { impossible } from './impossible.js';
import { memoryOf } from './memory.js';
import type { AnalysisPoint } from './point.js';
import { requestsOf } from './request.js';
import { speculate } from './speculate.js';

type HeldBytes = Omit<MemoryAnalysis, 'fits'>;

/** @throws FailureError `impossible-combination` with one sentence about what cannot be */
export function analyzeInCorrectedMode(
  point: AnalysisPoint,
  { model, draft }: { readonly model: ModelArchitecture; readonly draft: ModelArchitecture | null },
  ceilings: Ceilings,
  bits: BitsReading,
): Analysis {
  const { batch, context, promptTokens, tokensPerStep, generateTokens, decodes, microBatches } = point;
  const prompt = promptTokens ?? context;
  const architecture = withAttention(model, point.attention);
  checkTokens(point, architecture, prompt);
  const requests = requestsOf(point, architecture, ceilings, bits);
  const placed = (request: PassRequest) => {
    const stages = stageWorks(architecture, request);
    return { stages, ...placePipeline(stages, microBatches, ceilings) };
  };
  const passes = { prefill: requests.prefill, decode: requests.stepAt(context) };
  const prefill = placed(passes.prefill);
  const decode = placed(passes.decode);
  const peak = peakFor(ceilings, bits.arithmetic);
  const memory = together(
    memoryOf(architecture, passes, microBatches),
    draft === null
      ? null
      : memoryOf(draft, { prefill: draftRequest(passes.prefill), decode: draftRequest(passes.decode) }, 1),
  );
  return {
    point,
    roof: {
      name: ceilings.name,
      origin: ceilings.origin,
      memoryBytesPerSecond: ceilings.memoryBytesPerSecond,
      arithmetic: peak?.arithmetic ?? null,
      flopsPerSecond: peak?.flopsPerSecond ?? null,
      ridgePoint: peak === null ? null : peak.flopsPerSecond / ceilings.memoryBytesPerSecond,
      peaks: peaksOf([prefill.way, decode.way]),
    },
    devices: devicesOf({
      tensor: point.tensorParallel,
      pipeline: point.pipelineParallel,
      expert: point.expertParallel,
    }),
    prefill: phase(prefill, microBatches, batch * prompt + decodes),
    decode: phase(decode, microBatches, batch * tokensPerStep),
    memory: {
      ...memory,
      fits: ceilings.memoryBytes === null ? null : memory.bytes <= ceilings.memoryBytes,
    },
    speculative:
      draft === null
        ? null
        : speculate(point, { model: architecture, draft }, passes.decode, ceilings, decode.seconds),
    generateSeconds:
      generateTokens === 0
        ? null
        : prefill.seconds +
          generationSeconds(
            (tokens) => placed(requests.stepAt(tokens)).seconds,
            context,
            generateTokens,
            tokensPerStep,
          ),
    notes: [
      ...new Set([...prefill.stages, ...decode.stages].flatMap((stage) => unknownCeilings(stage, ceilings))),
    ],
  };
}

function checkTokens(
  { context, tokensPerStep, generateTokens }: AnalysisPoint,
  { contextLength }: ModelArchitecture,
  prompt: number,
): void {
  if (context > contextLength)
    throw impossible(
      `a context of ${context} tokens, and the model has at most ${contextLength}`,
      'Ask for a shorter context, or for another model.',
    );
  if (prompt > context)
    throw impossible(
      `a prompt of ${prompt} tokens in a context of ${context}`,
      'The prompt is the last part of the context: make it shorter.',
    );
  if (tokensPerStep > context)
    throw impossible(
      `a step of ${tokensPerStep} tokens in a context of ${context}`,
      'Ask for fewer tokens per step, or for a longer context.',
    );
  if (context + generateTokens > contextLength)
    throw impossible(
      `${generateTokens} tokens after a context of ${context}, and the model has at most ${contextLength}`,
      'Generate fewer, or start from a shorter context.',
    );
}

/** A model and its draft are held at one time, and compute one after the other. */
function together(model: HeldBytes, draft: HeldBytes | null): HeldBytes {
  if (draft === null) return model;
  const weights = model.weights + draft.weights;
  const kvCache = model.kvCache + draft.kvCache;
  const { activations, activationsAt } = model.activations >= draft.activations ? model : draft;
  return { weights, kvCache, activations, activationsAt, bytes: weights + kvCache + activations };
}

/** The ceilings that operators stand under, the highest first. */
function peaksOf(passes: readonly PlacedPass[]): Peak[] {
  const used = new Map<Arithmetic, Peak>();
  for (const { operators } of passes) {
    for (const { work, peak } of operators)
      if (peak !== null && work.flops > 0) used.set(peak.arithmetic, peak);
  }
  return [...used.values()].sort((a, b) => b.flopsPerSecond - a.flopsPerSecond);
}

/** All micro-batches together; the time is the pipeline's, which is shorter than that of its operators one after the other. */
function phase({ way, seconds, idleShare }: PlacedPipeline, times: number, tokens: number): PhaseAnalysis {
  const rows = way.operators.map(
    ({ work, bytes, intensity, bound, peak, ...row }): Omit<AnalysisRow, 'share'> => ({
      name: work.name,
      module: work.module,
      calls: work.calls * times,
      flops: work.flops * times,
      bytes: bytes * times,
      traffic: timesTraffic(work.traffic, times),
      linkBytes: work.linkBytes * times,
      intensity,
      arithmetic: peak?.arithmetic ?? null,
      bound,
      seconds: row.seconds * times,
      linkSeconds: row.linkSeconds === null ? null : row.linkSeconds * times,
      flopsPerSecond: work.flops === 0 ? null : work.flops / row.seconds,
    }),
  );
  return { ...summarize(rows, tokens, seconds), idleShare };
}
