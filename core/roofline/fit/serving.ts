import { FailureError } from '../../errors.js';
import type { ModelArchitecture } from '../architecture.js';
import type { Ceilings } from '../ceilings.js';
import { passMemory } from '../memory/pass-memory.js';
import { DEFAULT_SETTING, type PassRequest } from '../pass/setting.js';
import { passWork } from '../pass-work.js';
import { placePass } from '../place.js';
import { type Speculation, speculativeStep } from '../speculative.js';

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
  /** Bits and arithmetic. */
  readonly pass: Omit<PassRequest, 'phase' | 'batch' | 'parallel'>;
}

/** A device, so many of it, and what they do. */
export interface ServingFit {
  readonly hardware: string;
  readonly devices: number;
  readonly memoryBytes: number;
  /** Of each device that may be used; null where nobody says. */
  readonly roomBytes: number | null;
  readonly firstTokenSeconds: number;
  readonly tokenSeconds: number;
  readonly tokensPerSecond: number;
  /** The most sequences that meet the goal on them; 0 when not one does. */
  readonly largestBatch: number;
  /** What the goal lacks there, as words; empty when it is met. */
  readonly misses: readonly string[];
}

/** Prompts are computed in pieces of at most so many tokens, which bounds what is alive at once (chunked prefill, arXiv 2308.16369). */
const CHUNK = 8192;
const LARGEST_BATCH = 4096;

/**
 * Finds how few devices of a kind meet a goal: matrices are shared by 1, 2, 4, … of them.
 * @returns the first number that meets it, or the last one that is possible with what it lacks; null when none is possible.
 */
export function fitServing(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  mostDevices: number,
): ServingFit | null {
  let last: ServingFit | null = null;
  for (let devices = 1; devices <= mostDevices; devices *= 2) {
    const fit = attempt(architecture, ceilings, goal, devices);
    if (fit === null) continue;
    if (fit.misses.length === 0)
      return { ...fit, largestBatch: largestBatch(architecture, ceilings, goal, fit) };
    last = fit;
  }
  return last;
}

/** @returns null where matrices cannot be shared by so many. */
function attempt(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  devices: number,
): ServingFit | null {
  try {
    return placed(architecture, ceilings, goal, devices);
  } catch (error) {
    if (error instanceof FailureError && devices > 1) return null;
    throw error;
  }
}

function placed(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  devices: number,
): ServingFit {
  const { batch, promptTokens, contextTokens, efficiency } = goal;
  const parallel = { tensor: devices, pipeline: 1, expert: 1 };
  const prefill: PassRequest = {
    ...goal.pass,
    parallel,
    phase: 'prefill',
    batch: [{ sequences: 1, newTokens: promptTokens, cachedTokens: 0 }],
  };
  const decode: PassRequest = {
    ...goal.pass,
    parallel,
    phase: 'decode',
    batch: [{ sequences: batch, newTokens: 1, cachedTokens: contextTokens - 1 }],
  };
  const seconds = (request: PassRequest) =>
    placePass(passWork(architecture, request), ceilings).seconds / efficiency;
  const draft =
    goal.speculation === null ? 0 : passMemory(goal.speculation.draft, { ...decode, parallel: ALONE }).bytes;
  const memoryBytes = memoryOf(architecture, prefill, decode, promptTokens) + draft;
  const roomBytes = ceilings.memoryBytes === null ? null : ceilings.memoryBytes * goal.memoryShare;
  const firstTokenSeconds = seconds(prefill);
  const tokenSeconds =
    goal.speculation === null ? seconds(decode) : speculated(architecture, ceilings, decode, goal);
  const over = (value: number, most: number | null) => most !== null && value > most;
  return {
    hardware: ceilings.name,
    devices,
    memoryBytes,
    roomBytes,
    firstTokenSeconds,
    tokenSeconds,
    tokensPerSecond: batch / tokenSeconds,
    largestBatch: 0,
    misses: [
      ...(over(memoryBytes, roomBytes) ? ['memory'] : []),
      ...(over(firstTokenSeconds, goal.maxFirstTokenSeconds) ? ['time to first token'] : []),
      ...(over(tokenSeconds, goal.maxTokenSeconds) ? ['time per token'] : []),
    ],
  };
}

const ALONE = { tensor: 1, pipeline: 1, expert: 1 };

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

/** Weights, the cache of the whole batch, and what is alive in a piece of a prompt or in a step. */
function memoryOf(
  architecture: ModelArchitecture,
  prefill: PassRequest,
  decode: PassRequest,
  promptTokens: number,
): number {
  const newTokens = Math.min(promptTokens, CHUNK);
  const piece = passMemory(architecture, {
    ...DEFAULT_SETTING,
    ...prefill,
    batch: [{ sequences: 1, newTokens, cachedTokens: promptTokens - newTokens }],
  });
  const step = passMemory(architecture, decode);
  return step.weights + step.kvCache + Math.max(piece.activations, step.activations);
}

/** Memory and time per token grow with the batch, so halving finds the edge. */
function largestBatch(
  architecture: ModelArchitecture,
  ceilings: Ceilings,
  goal: ServingGoal,
  { devices, roomBytes }: ServingFit,
): number {
  const meets = (batch: number) =>
    attempt(architecture, ceilings, { ...goal, batch }, devices)?.misses.length === 0;
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
