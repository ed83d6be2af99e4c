import type { ModelArchitecture } from '../../core/work/architecture.js';
import { passMemory } from '../../core/work/memory/pass-memory.js';
import { devicesOf } from '../../core/work/pass/devices.js';
import { newTokensOf, type PassRequest } from '../../core/work/pass/setting.js';
import { stageWorks } from '../../core/work/pass-work.js';
import { type Arithmetic, type PassWork, timesTraffic } from '../../core/work/work.js';
import { type Ceilings, type Peak, peakFor } from '../ceilings.js';
import { type PlacedPipeline, placePipeline } from '../pipeline.js';
import { type PlacedPass, placePass, unknownCeilings } from '../place.js';
import { draftRequest, speculativeStep } from '../speculative.js';
import type { Predictor } from '../step/predict-stages.js';
import {
  type Analysis,
  type AnalysisRow,
  type MemoryAnalysis,
  type PhaseAnalysis,
  type SpeculativeAnalysis,
  summarize,
} from './analysis.js';
import { withAttention } from './attention-word.js';
import type { Bits } from './bits.js';
import { impossible } from './impossible.js';
import type { AnalysisPoint } from './point.js';
import { PointPredictor, type PredictedOperator, resident, served, servedBits } from './prediction.js';
import { requestsOf } from './request.js';

/**
 * Number of contexts at which the time of a step is computed; between them it is taken as linear in the
 * context, which is nearly true.
 */
const SAMPLES = 16;

/** @returns seconds of the steps after the prefill, by the trapezoidal rule between a few contexts. */
function generationSeconds(
  secondsAt: (context: number) => number,
  context: number,
  tokens: number,
  tokensPerStep: number,
): number {
  const steps = Math.ceil(tokens / tokensPerStep);
  const samples = Math.min(SAMPLES, steps);
  const stepAt = (i: number) => (samples === 1 ? (steps + 1) / 2 : 1 + ((steps - 1) * i) / (samples - 1));
  const times = Array.from({ length: samples }, (_, i) =>
    secondsAt(context + Math.round(stepAt(i) * tokensPerStep)),
  );
  if (samples === 1) return (times[0] ?? 0) * steps;
  const inner = times.reduce((sum, time) => sum + time, 0) - ((times[0] ?? 0) + (times.at(-1) ?? 0)) / 2;
  return (inner / (samples - 1)) * steps;
}

type HeldBytes = Omit<MemoryAnalysis, 'fits'>;

interface AnalysedModels {
  readonly model: ModelArchitecture;
  readonly draft: ModelArchitecture | null;
  /** null where no engine was asked for. */
  readonly predictor: Predictor | null;
}

/** @throws FailureError `impossible-combination` with one sentence about what cannot be */
export function analyzeInCorrectedMode(
  point: AnalysisPoint,
  { model, draft, predictor }: AnalysedModels,
  ceilings: Ceilings,
  bits: Bits,
): Analysis {
  const { batch, context, promptTokens, tokensPerStep, generateTokens, decodes, microBatches } = point;
  const prompt = promptTokens ?? context;
  const { architecture, kernels } = asRun(withAttention(model, point.attention), point);
  checkTokens(point, architecture, prompt);
  const requests = requestsOf(point, architecture, ceilings, bits, kernels);
  const parallelism = {
    tensor: point.tensorParallel,
    pipeline: point.pipelineParallel,
    expert: point.expertParallel,
  };
  const devices = devicesOf(parallelism);
  const predictions = predictor === null ? null : new PointPredictor(predictor, ceilings, devices);
  const placed = (request: PassRequest) => {
    const stages = stageWorks(architecture, request);
    const newTokens = newTokensOf(request.batch);
    return { stages, newTokens, ...placePipeline(stages, microBatches, ceilings) };
  };
  const passes = { prefill: requests.prefill, decode: requests.stepAt(context) };
  const prefill = placed(passes.prefill);
  const decode = placed(passes.decode);
  const peak = peakFor(ceilings, bits.arithmetic);
  const memory = withDraft(
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
    devices,
    prefill: phase(prefill, microBatches, batch * prompt + decodes, predictions),
    decode: phase(decode, microBatches, batch * tokensPerStep, predictions),
    prediction:
      predictions === null || predictor === null || kernels === null
        ? null
        : {
            ...predictions.source(),
            ...resident(architecture, { parallelism, kernels }, predictor, ceilings, context),
          },
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
      ...(architecture.leftOut ?? []).map((part) => `of ${architecture.family} ${part} is not counted`),
      ...new Set([...prefill.stages, ...decode.stages].flatMap((stage) => unknownCeilings(stage, ceilings))),
    ],
  };
}

/** An engine fuses matrices, and serves formats of its own. */
function asRun(architecture: ModelArchitecture, point: AnalysisPoint) {
  if (point.engine === null) return { architecture, kernels: null };
  const found = served(architecture, servedBits(point));
  if (found !== null) return found;
  throw impossible(
    `the bits that ${point.model} has name no format that ${point.engine} serves`,
    'Name one with --bits: bf16, fp8, nvfp4, mxfp4 or int4.',
  );
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

/** A model and its draft are in memory together, but compute one after the other. */
function withDraft(model: HeldBytes, draft: HeldBytes | null): HeldBytes {
  if (draft === null) return model;
  const weights = model.weights + draft.weights;
  const kvCache = model.kvCache + draft.kvCache;
  const { activations, activationsAt } = model.activations >= draft.activations ? model : draft;
  return { weights, kvCache, activations, activationsAt, bytes: weights + kvCache + activations };
}

/** The peaks that limit operators, the highest first. */
function peaksOf(passes: readonly PlacedPass[]): Peak[] {
  const used = new Map<Arithmetic, Peak>();
  for (const { operators } of passes) {
    for (const { work, peak } of operators)
      if (peak !== null && work.flops > 0) used.set(peak.arithmetic, peak);
  }
  return [...used.values()].sort((a, b) => b.flopsPerSecond - a.flopsPerSecond);
}

/** A request under the roofs, with the stages that it was counted in. */
interface PlacedRequest extends PlacedPipeline {
  readonly stages: readonly PassWork[];
  /** Of a micro-batch. */
  readonly newTokens: number;
}

/**
 * All micro-batches together. The time is that of the pipeline, which is shorter than the sum over its
 * operators.
 */
function phase(
  { stages, newTokens, way, seconds, idleShare }: PlacedRequest,
  times: number,
  tokens: number,
  predictions: PointPredictor | null,
): PhaseAnalysis {
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
      predicted: timesPredicted(predictions?.operator(work) ?? null, times),
    }),
  );
  return {
    ...summarize(rows, tokens, seconds),
    predicted: predictions?.pass(stages, times, newTokens) ?? null,
    idleShare,
  };
}

function timesPredicted(one: PredictedOperator | null, times: number): PredictedOperator | null {
  if (one === null) return null;
  return {
    ...one,
    seconds: one.seconds * times,
    reachableSeconds: one.reachableSeconds * times,
  };
}

/**
 * Bytes on one device in the pass that needs more memory.
 * @param inFlight micro-batches whose caches are in memory.
 */
function memoryOf(
  architecture: ModelArchitecture,
  { prefill, decode }: { readonly prefill: PassRequest; readonly decode: PassRequest },
  inFlight: number,
): Omit<MemoryAnalysis, 'fits'> {
  const passes = [prefill, decode].map((request) => passMemory(architecture, request, inFlight));
  const largest = (bytesOf: (pass: (typeof passes)[number]) => number) => Math.max(...passes.map(bytesOf));
  const weights = largest((pass) => pass.weights) + adapterBytes(architecture, decode);
  const kvCache = largest((pass) => pass.kvCache);
  const activations = largest((pass) => pass.activations);
  const activationsAt = passes.find((pass) => pass.activations === activations)?.activationsAt ?? null;
  return { weights, kvCache, activations, activationsAt, bytes: weights + kvCache + activations };
}

/**
 * Bytes of attached adapters on the stage that has most of them. A pass reads only those of its tokens, but
 * all are in memory.
 */
function adapterBytes(architecture: ModelArchitecture, request: PassRequest): number {
  const { adapter = null, batch } = request;
  if (adapter === null) return 0;
  const read = Math.min(adapter.distinct, newTokensOf(batch));
  const stages = stageWorks(architecture, request).map(({ operators }) =>
    operators.reduce((sum, { module, traffic }) => sum + (module === 'adapter' ? traffic.weightsRead : 0), 0),
  );
  return (Math.max(...stages) * adapter.distinct) / read;
}

/**
 * A step of speculative decoding with model and draft on one device, each pass with the least time that the
 * ceilings allow.
 * @param plainSeconds time of a decode step without a draft.
 * @throws FailureError `impossible-combination` for a draft with another vocabulary
 */
function speculate(
  { batch, draftTokens, acceptance, tokensPerStep, microBatches }: AnalysisPoint,
  { model, draft }: { readonly model: ModelArchitecture; readonly draft: ModelArchitecture },
  request: PassRequest,
  ceilings: Ceilings,
  plainSeconds: number,
): SpeculativeAnalysis {
  if (draft.vocabulary !== model.vocabulary)
    throw impossible(
      `the draft has ${draft.vocabulary} tokens and the model ${model.vocabulary}`,
      'A draft proposes tokens of the model: name one of the same vocabulary.',
    );
  if (tokensPerStep !== 1)
    throw impossible(
      'a draft and more than one token per step',
      'Leave the tokens per step out: a draft decides how many are verified.',
    );
  if (microBatches !== 1)
    throw impossible(
      'a draft and more than one micro-batch',
      'Leave the micro-batches out: a step of draft and model is counted one after the other.',
    );
  const step = speculativeStep(model, draft, request, { draftTokens, acceptance });
  const draftSeconds = step.draft.reduce((sum, pass) => sum + placePass(pass, ceilings).seconds, 0);
  const verifySeconds = placePass(step.verify, ceilings).seconds;
  const tokensPerSecond = (batch * step.expectedTokens) / (draftSeconds + verifySeconds);
  return {
    draftSeconds,
    verifySeconds,
    expectedTokens: step.expectedTokens,
    tokensPerSecond,
    speedup: tokensPerSecond / (batch / plainSeconds),
  };
}
