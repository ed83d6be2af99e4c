import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { OperatorTimes } from '../../core/work/operator-call.js';
import { replicasOf } from '../../core/work/pass/devices.js';
import type { Parallelism } from '../../core/work/pass/setting.js';
import type { ServedBits } from '../analysis/bits.js';
import { servedStep } from '../analysis/served-step.js';
import { isKnown } from '../step/calls-time.js';
import { compileStep, type Step } from '../step/compile.js';
import type { ServingEngine } from '../step/engines.js';
import { residency } from '../step/residency.js';
import { NO_HOST, type StepBatch } from '../step/setting.js';
import type { Way, Yield } from './turn.js';

/** Requests that come in a closed loop: whenever one is answered, the next begins. No queue, no bursts. */
export interface SteadyLoad {
  readonly promptTokens: number;
  readonly answerTokens: number;
}

/** Devices, the engine on them, and how long its operators take. */
export interface ServedOn {
  readonly engine: ServingEngine;
  readonly times: OperatorTimes;
  /** Of one device. */
  readonly memoryBytes: number;
}

/** A way to serve a model. */
export interface WaySetting {
  readonly name: string;
  readonly bits: ServedBits;
  readonly parallelism: Parallelism;
  /** Equal servers beside one another that share the requests. */
  readonly servers: number;
  readonly draft: DraftHead | null;
}

/** A head of one layer, as MTP and EAGLE-3 have it: it proposes so many tokens, one after the other. */
export interface DraftHead {
  readonly tokens: number;
  /** That a step yields in the mean, its own included. */
  readonly acceptedTokens: number;
}

/** Longer prompts are computed in pieces. */
const PIECE_TOKENS = 8192;

/** @returns in clauses why it cannot be timed, or does not fit. */
export function servingWay(
  architecture: ModelArchitecture,
  { name, bits, parallelism, servers, draft }: WaySetting,
  on: ServedOn,
  load: SteadyLoad,
): Way | readonly string[] {
  const { engine, times } = on;
  const found = servedStep(architecture, bits, parallelism, engine, times);
  if (!isKnown(found)) return found;
  const { step, setting } = found;
  // Its passes are launched with the step: the host takes no time of its own for them.
  const head =
    draft === null ? null : compileStep(oneLayerOf(found.architecture), times, { ...setting, host: NO_HOST });
  if (head !== null && !isKnown(head)) return head;
  const groups = servers * replicasOf(parallelism);
  const { sequencesOf } = residency(found.architecture, setting, engine.memory, on.memoryBytes);
  const mostSequences = groups * sequencesOf(load.promptTokens + load.answerTokens);
  if (mostSequences === 0)
    return [`${name} leaves no room for one request of ${load.promptTokens + load.answerTokens} tokens`];
  const devices = groups * parallelism.tensor * parallelism.pipeline;
  return {
    name,
    mostSequences,
    yieldOf: (sequences) => yieldOf(sequences / groups, groups / devices, { step, head, draft }, load),
  };
}

function oneLayerOf(architecture: ModelArchitecture): ModelArchitecture {
  return { ...architecture, layers: [{ ...architecture.layers.at(-1)!, count: 1 }] };
}

interface Steps {
  readonly step: Step;
  readonly head: Step | null;
  readonly draft: DraftHead | null;
}

/**
 * In the mean, each step computes as much of prompts as keeps so many sequences running.
 * @param sequences of a group of devices.
 * @param groups for each device.
 */
function yieldOf(sequences: number, groups: number, { step, head, draft }: Steps, load: SteadyLoad): Yield {
  const contextTokens = load.promptTokens + load.answerTokens / 2;
  const decode: StepBatch = {
    decodes: sequences,
    contextTokens,
    decodeTokens: 1 + (draft?.tokens ?? 0),
    chunks: [],
  };
  const { seconds: verified, spread } = step.timeOf(decode);
  const proposed =
    draft === null ? 0 : draft.tokens * head!.secondsOf({ decodes: sequences, contextTokens, chunks: [] });
  const tokens = sequences * (draft?.acceptedTokens ?? 1);
  const prompts = tokens / load.answerTokens;
  const seconds = verified + proposed + prompts * promptSeconds(step, decode, load.promptTokens);
  return { tokensPerSecond: (groups * tokens) / seconds, spread };
}

/** What a prompt adds to steps that it is computed in, piece by piece. */
function promptSeconds(step: Step, decode: StepBatch, promptTokens: number): number {
  const without = step.secondsOf(decode);
  let seconds = 0;
  for (let cachedTokens = 0; cachedTokens < promptTokens; cachedTokens += PIECE_TOKENS) {
    const newTokens = Math.min(PIECE_TOKENS, promptTokens - cachedTokens);
    seconds += step.secondsOf({ ...decode, chunks: [{ newTokens, cachedTokens }] }) - without;
  }
  return seconds;
}
