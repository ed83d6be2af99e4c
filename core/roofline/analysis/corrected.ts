import type { ModelArchitecture } from '../architecture.js';
import { type Ceilings, type Peak, peakFor } from '../ceilings.js';
import { type AttentionKernel, FLASH, type PassRequest, UNFUSED } from '../pass/setting.js';
import { passWork } from '../pass-work.js';
import { type PlacedPass, placePass, unknownCeilings } from '../place.js';
import type { Arithmetic } from '../work.js';
import {
  type Analysis,
  type AnalysisRow,
  type MemoryAnalysis,
  type PhaseAnalysis,
  summarize,
} from './analysis.js';
import { type BitsReading, storedIn } from './bits.js';
import { impossible } from './impossible.js';
import { memoryOf } from './memory.js';
import type { AnalysisPoint } from './point.js';
import { speculate } from './speculate.js';

type HeldBytes = Omit<MemoryAnalysis, 'fits'>;

/** Steps at which generation is looked at; between them the time of a step is taken for linear in the context, as it nearly is. */
const GENERATION_SAMPLES = 16;

/** @throws FailureError `impossible-combination` with one sentence about what cannot be */
export function analyzeInCorrectedMode(
  point: AnalysisPoint,
  {
    model: architecture,
    draft,
  }: { readonly model: ModelArchitecture; readonly draft: ModelArchitecture | null },
  ceilings: Ceilings,
  bits: BitsReading,
): Analysis {
  const { batch, context, promptTokens, tokensPerStep, generateTokens } = point;
  const prompt = promptTokens ?? context;
  checkTokens(point, architecture, prompt);
  const common = requestOf(point, bits, attentionOf(point, architecture, ceilings, bits));
  const prefillRequest: PassRequest = {
    ...common,
    phase: 'prefill',
    batch: [{ sequences: batch, newTokens: prompt, cachedTokens: context - prompt }],
  };
  const stepAt = (tokens: number): PassRequest => ({
    ...common,
    phase: 'decode',
    batch: [
      { sequences: batch, newTokens: tokensPerStep, cachedTokens: Math.max(0, tokens - tokensPerStep) },
    ],
    logits: 'all',
  });
  const decodeRequest = stepAt(context);
  const prefill = placePass(passWork(architecture, prefillRequest), ceilings);
  const decodeWork = passWork(architecture, decodeRequest);
  const decode = placePass(decodeWork, ceilings);
  const secondsAt = (tokens: number) => placePass(passWork(architecture, stepAt(tokens)), ceilings).seconds;
  const peak = peakFor(ceilings, bits.arithmetic);
  const passes = { prefill: prefillRequest, decode: decodeRequest };
  const memory = together(
    memoryOf(architecture, passes),
    draft === null ? null : memoryOf(draft, { prefill: alone(prefillRequest), decode: alone(decodeRequest) }),
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
      peaks: peaksOf([prefill, decode]),
    },
    prefill: phase(prefill, batch * prompt),
    decode: phase(decode, batch * tokensPerStep),
    memory: {
      ...memory,
      fits: ceilings.memoryBytes === null ? null : memory.bytes <= ceilings.memoryBytes,
    },
    speculative:
      draft === null
        ? null
        : speculate(point, { model: architecture, draft }, decodeRequest, ceilings, decode.seconds),
    generateSeconds:
      generateTokens === 0
        ? null
        : prefill.seconds + generation(secondsAt, context, generateTokens, tokensPerStep),
    notes: unknownCeilings({ phase: 'decode', operators: decodeWork.operators }, ceilings),
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

/**
 * Blocks of queries of one head run side by side, and share its K and V where the last cache holds them; where it does not, each
 * block reads them again. A cache of unknown size is taken for large enough.
 */
function attentionOf(
  { flashAttention, context }: AnalysisPoint,
  { layers }: ModelArchitecture,
  { onChipBytes }: Ceilings,
  { cache }: BitsReading,
): AttentionKernel {
  if (!flashAttention) return UNFUSED;
  const widest = Math.max(
    ...layers.map(({ attention }) =>
      attention.kind === 'latent'
        ? attention.headLength + attention.ropeLength + attention.valueLength
        : attention.keyLength + attention.valueLength,
    ),
  );
  const held = (context * widest * cache) / 8 <= (onChipBytes ?? Number.POSITIVE_INFINITY);
  return held ? { ...FLASH, queryBlock: null } : FLASH;
}

function requestOf(
  { tensorParallel }: AnalysisPoint,
  bits: BitsReading,
  attention: AttentionKernel,
): Omit<PassRequest, 'phase' | 'batch'> {
  return {
    ...storedIn(bits),
    attention,
    parallel: { tensor: tensorParallel, pipeline: 1, expert: 1 },
  };
}

/** Seconds of the steps after the prefill: trapezoids between a few contexts. */
function generation(
  secondsAt: (context: number) => number,
  context: number,
  tokens: number,
  tokensPerStep: number,
): number {
  const steps = Math.ceil(tokens / tokensPerStep);
  const samples = Math.min(GENERATION_SAMPLES, steps);
  const at = (i: number) => (samples === 1 ? (steps + 1) / 2 : 1 + ((steps - 1) * i) / (samples - 1));
  const times = Array.from({ length: samples }, (_, i) =>
    secondsAt(context + Math.round(at(i) * tokensPerStep)),
  );
  if (samples === 1) return (times[0] ?? 0) * steps;
  const inner = times.reduce((sum, time) => sum + time, 0) - ((times[0] ?? 0) + (times.at(-1) ?? 0)) / 2;
  return (inner / (samples - 1)) * steps;
}

/** A draft keeps its own bits, and is whole on each device. */
function alone(request: PassRequest): PassRequest {
  return { ...request, weights: null, parallel: { tensor: 1, pipeline: 1, expert: 1 } };
}

/** A model and its draft are held at one time, and compute one after the other. */
function together(model: HeldBytes, draft: HeldBytes | null): HeldBytes {
  if (draft === null) return model;
  const weights = model.weights + draft.weights;
  const kvCache = model.kvCache + draft.kvCache;
  const activations = Math.max(model.activations, draft.activations);
  return { weights, kvCache, activations, bytes: weights + kvCache + activations };
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

function phase(placed: PlacedPass, tokens: number): PhaseAnalysis {
  const rows = placed.operators.map(
    ({ work, bytes, intensity, bound, seconds, peak }): Omit<AnalysisRow, 'share'> => ({
      name: work.name,
      module: work.module,
      calls: work.calls,
      flops: work.flops,
      bytes,
      traffic: work.traffic,
      intensity,
      arithmetic: peak?.arithmetic ?? null,
      bound,
      seconds,
      flopsPerSecond: work.flops === 0 ? null : work.flops / seconds,
    }),
  );
  return summarize(rows, tokens);
}
