import type { ModelArchitecture } from '../../core/work/architecture.js';
import { passMemory } from '../../core/work/memory/pass-memory.js';
import { devicesOf, replicasOf } from '../../core/work/pass/devices.js';
import { newTokensOf, type Parallelism, type PassRequest } from '../../core/work/pass/setting.js';
import { depthOf } from '../../core/work/pass/stages.js';
import { stageWorks } from '../../core/work/pass-work.js';
import type { Ceilings } from '../ceilings.js';
import { type PlacedPipeline, placePipeline } from '../pipeline.js';
import { linkSecondsOf, placePass } from '../place.js';
import { draftRequest, speculativeStep } from '../speculative.js';
import { isKnown } from '../step/calls-time.js';
import { type Predictor, predictStages } from '../step/predict-stages.js';
import { engineBytes } from '../step/residency.js';
import { sourceOf } from '../step/setting.js';
import type { ServingFit, ServingGoal } from './serving-goal.js';

/**
 * Prompts are computed in chunks of at most this many tokens, which limits the memory of activations (chunked
 * prefill, arXiv 2308.16369).
 */
const CHUNK = 8192;
/** The passes of a goal with one split, each for one micro-batch of one group of devices. */
interface Passes {
  readonly prefill: PassRequest;
  readonly decode: PassRequest;
  readonly microBatches: number;
}

/**
 * Groups of devices with their own attention divide the batch, and there are as many micro-batches as stages.
 * If the batch cannot be divided evenly, the largest part decides. A draft is verified in one micro-batch.
 */
function passesOf(goal: ServingGoal, parallelism: Parallelism, offloadedLayers: number): Passes {
  const { batch, promptTokens, contextTokens, speculation } = goal;
  const ofGroup = Math.ceil(batch / replicasOf(parallelism));
  const microBatches = speculation === null ? Math.min(parallelism.pipeline, ofGroup) : 1;
  const common = { ...goal.pass, parallelism, offloadedLayers };
  return {
    microBatches,
    prefill: {
      ...common,
      phase: 'prefill',
      batch: [{ sequences: 1, newTokens: promptTokens, cachedTokens: 0 }],
    },
    decode: {
      ...common,
      phase: 'decode',
      batch: [
        { sequences: Math.ceil(ofGroup / microBatches), newTokens: 1, cachedTokens: contextTokens - 1 },
      ],
    },
  };
}

/**
 * What one split of a model does: its memory and its times, and what of the goal it lacks; the largest batch
 * is not looked for.
 * @param predictor where operators of an engine were measured on these devices: the goal's pass has its
 *   kernels then. Where some have no table, times are the assumed share of the ceilings.
 * @throws FailureError `impossible-combination` where the model cannot be split so
 */
export function placeServing(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  split: Parallelism,
  predictor: Predictor | null = null,
): ServingFit {
  const { batch, efficiency, speculation } = goal;
  const roomBytes = ceilings.memoryBytes === null ? null : ceilings.memoryBytes * goal.memoryShare;
  const draft =
    speculation === null
      ? 0
      : passMemory(speculation.draft, draftRequest(passesOf(goal, split, 0).decode)).bytes;
  const besides = draft + (predictor === null ? 0 : engineBytes(predictor.engine.memory, split));
  const memoryAt = (share: number) => memoryOf(architecture, passesOf(goal, split, share)) + besides;
  const offload = offloadOf(
    architecture,
    ceilings,
    goal,
    split,
    (share) => memoryAt(share) <= (roomBytes ?? 0),
  );
  const passes = passesOf(goal, split, offload);
  const memoryBytes = memoryAt(offload);
  const time = (request: PassRequest, parts: number): PlacedPipeline =>
    placePipeline(stageWorks(architecture, request), parts, ceilings);
  const step = time(passes.decode, passes.microBatches);
  const predicted =
    predictor === null || speculation !== null || offload > 0
      ? null
      : predictedFit(architecture, passes, predictor);
  const firstTokenSeconds = predicted?.firstTokenSeconds ?? time(passes.prefill, 1).seconds / efficiency;
  const tokenSeconds =
    predicted?.tokenSeconds ??
    (speculation === null
      ? step.seconds / efficiency
      : speculated(architecture, ceilings, passes.decode, goal));
  const linkSeconds = linkSecondsOf(step.way.operators);
  const exceeds = (value: number, most: number | null) => most !== null && value > most;
  return {
    hardware: ceilings.name,
    devices: devicesOf(split),
    split,
    microBatches: passes.microBatches,
    offload,
    memoryBytes,
    roomBytes,
    firstTokenSeconds,
    tokenSeconds,
    tokensPerSecond: batch / tokenSeconds,
    source: predicted?.source ?? null,
    spread: predicted?.spread ?? null,
    stepLinkBytes:
      passes.microBatches * step.way.operators.reduce((sum, { work }) => sum + work.linkBytes, 0),
    stepLinkSeconds: linkSeconds === null ? null : passes.microBatches * linkSeconds,
    largestBatch: 0,
    misses: [
      ...(exceeds(memoryBytes, roomBytes) ? ['memory'] : []),
      ...(exceeds(firstTokenSeconds, goal.maxFirstTokenSeconds) ? ['time to first token'] : []),
      ...(exceeds(tokenSeconds, goal.maxTokenSeconds) ? ['time per token'] : []),
    ],
  };
}

/** @returns times that follow from measured operators; null where some have no table. */
function predictedFit(
  architecture: ModelArchitecture,
  { prefill, decode, microBatches }: Passes,
  predictor: Predictor,
): Pick<ServingFit, 'firstTokenSeconds' | 'tokenSeconds' | 'source' | 'spread'> | null {
  const first = predictStages(stageWorks(architecture, prefill), 1, newTokensOf(prefill.batch), predictor);
  const step = predictStages(
    stageWorks(architecture, decode),
    microBatches,
    newTokensOf(decode.batch),
    predictor,
  );
  if (!isKnown(first) || !isKnown(step)) return null;
  const { host } = predictor.engine;
  return {
    firstTokenSeconds: first.seconds + (host.requestSeconds ?? 0),
    tokenSeconds: step.seconds,
    source: sourceOf(predictor.times.source, host),
    spread: step.spread,
  };
}

/**
 * @returns the smallest share of layers, in whole layers of a stage, that must stay in the host's memory; 0
 *   if that would not help.
 */
function offloadOf(
  { layers }: ModelArchitecture,
  { hostBytesPerSecond, memoryBytes }: Ceilings,
  { maxOffload }: ServingGoal,
  { pipeline }: Parallelism,
  fits: (share: number) => boolean,
): number {
  if (maxOffload === 0 || hostBytesPerSecond === null || memoryBytes === null || fits(0)) return 0;
  const ofStage = Math.ceil(depthOf(layers) / pipeline);
  const most = Math.floor(maxOffload * ofStage);
  if (!fits(most / ofStage)) return 0;
  let [low, high] = [1, most];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle / ofStage)) high = middle;
    else low = middle + 1;
  }
  return low / ofStage;
}

/** Seconds of a step of draft and target, over the tokens that it is expected to yield. */
function speculated(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  decode: PassRequest,
  { speculation, efficiency }: ServingGoal,
): number {
  const { draft, ...rest } = speculation!;
  const before = decode.batch.map((group) => ({
    ...group,
    cachedTokens: Math.max(0, group.cachedTokens - rest.draftTokens),
  }));
  const step = speculativeStep(architecture, draft, { ...decode, batch: before }, rest);
  const passes = [...step.draft, step.verify];
  const seconds = passes.reduce((sum, pass) => sum + placePass(pass, ceilings).seconds, 0);
  return seconds / (step.expectedTokens * efficiency);
}

/**
 * Weights, the cache of the whole batch, and the activations of a chunk of a prompt or of a step, on the
 * fullest device.
 */
function memoryOf(architecture: ModelArchitecture, { prefill, decode, microBatches }: Passes): number {
  const [prompt] = prefill.batch;
  const promptTokens = prompt?.newTokens ?? 1;
  const newTokens = Math.min(promptTokens, CHUNK);
  const piece = passMemory(architecture, {
    ...prefill,
    batch: [{ sequences: 1, newTokens, cachedTokens: promptTokens - newTokens }],
  });
  const step = passMemory(architecture, decode, microBatches);
  return step.weights + step.kvCache + Math.max(piece.activations, step.activations);
}
