import { FailureError } from '../../errors.js';
import type { ModelArchitecture } from '../architecture.js';
import type { Ceilings } from '../ceilings.js';
import { passMemory } from '../memory/pass-memory.js';
import { replicasOf } from '../pass/devices.js';
import type { ParallelSetting, PassRequest } from '../pass/setting.js';
import { depthOf } from '../pass/stages.js';
import { stageWorks } from '../pass-work.js';
import { type PlacedPipeline, placePipeline } from '../pipeline.js';
import { linkSecondsOf, placePass } from '../place.js';
import { draftRequest, type Speculation, speculativeStep } from '../speculative.js';
import { fewestDevices, splitsOf, type WantedSplit } from './split.js';

/** What a service has to do, and how a device is believed to do it. */
export interface ServingGoal {
  /** Tokens of a prompt, and of prompt and answer together. */
  readonly promptTokens: number;
  readonly contextTokens: number;
  /** Sequences that decode together. */
  readonly batch: number;
  /** Seconds to the first token of a prompt that finds the service idle; null = as they come. */
  readonly maxFirstTokenSeconds: number | null;
  /** Seconds between tokens of one sequence while the whole batch decodes at full context. */
  readonly maxTokenSeconds: number | null;
  /** Share of the ceilings that is reached: an assumption, and the same for every device. */
  readonly efficiency: number;
  /** Share of the memory that may be used. */
  readonly memoryShare: number;
  /** A small model that proposes tokens; null without one. */
  readonly speculation: (Speculation & { readonly draft: ModelArchitecture }) | null;
  /** How the model is spread over devices, where that is decided already. */
  readonly split: WantedSplit;
  /** The most of the layers, as a share, whose weights may stay with the host when memory is short. */
  readonly maxOffload: number;
  /** Bits and arithmetic. */
  readonly pass: Omit<PassRequest, 'phase' | 'batch' | 'parallel' | 'offloadedLayers'>;
}

/** A device, so many of it, and what they do. */
export interface ServingFit {
  readonly hardware: string;
  readonly devices: number;
  readonly split: ParallelSetting;
  /** Parts of the batch that follow one another through pipeline stages. */
  readonly microBatches: number;
  /** Share of the layers whose weights stay with the host; 0 unless they do not fit. */
  readonly offload: number;
  /** Of the fullest device. */
  readonly memoryBytes: number;
  /** Of each device that may be used; null where nobody says. */
  readonly roomBytes: number | null;
  readonly firstTokenSeconds: number;
  readonly tokenSeconds: number;
  readonly tokensPerSecond: number;
  /** What a device of each stage sends over links in a step of the model. */
  readonly stepLinkBytes: number;
  /** How long that takes at their full rate; null where nobody states it, and it counts as no time. */
  readonly stepLinkSeconds: number | null;
  /** The most sequences that meet the goal on them; 0 when not one does. */
  readonly largestBatch: number;
  /** What the goal lacks there, as words; empty when it is met. */
  readonly misses: readonly string[];
}

/** Prompts are computed in pieces of at most so many tokens, which bounds what is alive at once (chunked prefill, arXiv 2308.16369). */
const CHUNK = 8192;
const LARGEST_BATCH = 4096;

/**
 * Finds how few devices of a kind meet a goal, and how they share the model: of the splits of that number that meet it the one with
 * the shortest time per token.
 * @returns the first number that meets it, or the last one that is possible with what it lacks; null when none is possible.
 * @throws FailureError `impossible-combination` where the model cannot do what is asked, on whatever number
 */
export function fitServing(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  mostDevices: number,
): ServingFit | null {
  let last: ServingFit | null = null;
  const fewest = fewestDevices(goal.split);
  for (let devices = fewest; devices <= mostDevices; devices *= 2) {
    const fit = bestOf(
      splitsOf(architecture, devices, goal.split).flatMap(
        (split) => attempt(architecture, ceilings, goal, split) ?? [],
      ),
    );
    if (fit === null) continue;
    if (fit.misses.length === 0)
      return { ...fit, largestBatch: largestBatch(architecture, ceilings, goal, fit) };
    last = fit;
  }
  return last;
}

/** The one that lacks least, and of these the quickest; of two that are alike the first, which has the fewest stages. */
function bestOf(fits: readonly ServingFit[]): ServingFit | null {
  const order = (a: ServingFit, b: ServingFit) =>
    a.misses.length - b.misses.length || a.offload - b.offload || a.tokenSeconds - b.tokenSeconds;
  return [...fits].sort(order)[0] ?? null;
}

/** @returns null where the model cannot be split so. */
function attempt(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  split: ParallelSetting,
): ServingFit | null {
  try {
    return placed(architecture, ceilings, goal, split);
  } catch (error) {
    if (error instanceof FailureError && Object.values(split).some((degree) => degree > 1)) return null;
    throw error;
  }
}

/** The passes of a goal on one split, each of one micro-batch of one group of devices. */
interface Passes {
  readonly prefill: PassRequest;
  readonly decode: PassRequest;
  readonly microBatches: number;
}

/**
 * Groups that have the attention each share the batch, and stages get as many micro-batches as there are of them; where the batch
 * cannot be shared evenly, the fullest decides. A draft is verified in one.
 */
function passesOf(goal: ServingGoal, parallel: ParallelSetting, offloadedLayers: number): Passes {
  const { batch, promptTokens, contextTokens, speculation } = goal;
  const ofGroup = Math.ceil(batch / replicasOf(parallel));
  const microBatches = speculation === null ? Math.min(parallel.pipeline, ofGroup) : 1;
  const common = { ...goal.pass, parallel, offloadedLayers };
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

function placed(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  split: ParallelSetting,
): ServingFit {
  const { batch, efficiency, speculation } = goal;
  const roomBytes = ceilings.memoryBytes === null ? null : ceilings.memoryBytes * goal.memoryShare;
  const draft =
    speculation === null
      ? 0
      : passMemory(speculation.draft, draftRequest(passesOf(goal, split, 0).decode)).bytes;
  const memoryAt = (share: number) => memoryOf(architecture, passesOf(goal, split, share)) + draft;
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
  const firstTokenSeconds = time(passes.prefill, 1).seconds / efficiency;
  const step = time(passes.decode, passes.microBatches);
  const tokenSeconds =
    speculation === null
      ? step.seconds / efficiency
      : speculated(architecture, ceilings, passes.decode, goal);
  const linkSeconds = linkSecondsOf(step.way.operators);
  const over = (value: number, most: number | null) => most !== null && value > most;
  return {
    hardware: ceilings.name,
    devices: fewestDevices(split),
    split,
    microBatches: passes.microBatches,
    offload,
    memoryBytes,
    roomBytes,
    firstTokenSeconds,
    tokenSeconds,
    tokensPerSecond: batch / tokenSeconds,
    stepLinkBytes:
      passes.microBatches * step.way.operators.reduce((sum, { work }) => sum + work.linkBytes, 0),
    stepLinkSeconds: linkSeconds === null ? null : passes.microBatches * linkSeconds,
    largestBatch: 0,
    misses: [
      ...(over(memoryBytes, roomBytes) ? ['memory'] : []),
      ...(over(firstTokenSeconds, goal.maxFirstTokenSeconds) ? ['time to first token'] : []),
      ...(over(tokenSeconds, goal.maxTokenSeconds) ? ['time per token'] : []),
    ],
  };
}

/** @returns the least share of the layers, in whole ones of a stage, that has to stay with the host; 0 when that does not help. */
function offloadOf(
  { layers }: ModelArchitecture,
  { hostBytesPerSecond, memoryBytes }: Ceilings,
  { maxOffload }: ServingGoal,
  { pipeline }: ParallelSetting,
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

/** Weights, the cache of the whole batch, and what is alive in a piece of a prompt or in a step, on the fullest device. */
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

/** Memory and time per token grow with the batch, so halving finds the edge. */
function largestBatch(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  { split, roomBytes }: ServingFit,
): number {
  const meets = (batch: number) =>
    attempt(architecture, ceilings, { ...goal, batch }, split)?.misses.length === 0;
  // Without a bound there is no edge.
  if (roomBytes === null && goal.maxTokenSeconds === null) return goal.batch;
  let low = goal.batch;
  let high = LARGEST_BATCH;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (meets(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}
