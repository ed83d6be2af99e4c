import type { Options } from '../core/experiment/experiment.js';
import type { ModelArchitecture } from '../core/work/architecture.js';
import type { ServedPasses } from '../core/work/engine-passes.js';
import { newTokensOf, type ServedDemand, type ServedSplit } from '../core/work/served-work.js';
import { servedStep } from './analysis/served-step.js';
import type { Ceilings } from './ceilings.js';
import type { Hardware } from './hardware/figure.js';
import { heldToRoofs } from './operators/own-roofs.js';
import { timesOn } from './operators/shipped/index.js';
import { formatsAsked } from './served-formats.js';
import { isKnown } from './step/calls-time.js';
import type { Step, StepTime } from './step/compile.js';
import { servingEngineNamed } from './step/engines.js';
import { parallelismOf } from './step/parallelism.js';
import { type Chunk, type HostTimes, isFitted } from './step/setting.js';

/** What is known of a server on GPUs before any of its times is. */
export interface ServerOnGpus {
  /** As its file has it. */
  readonly architecture: ModelArchitecture;
  /** Of its runner. */
  readonly options: Options;
  readonly passes: ServedPasses;
  readonly split: ServedSplit;
  /** The engine whose tables are asked, and its release; null = the newest that was measured. */
  readonly tables: string;
  readonly release: string | null;
  readonly device: Hardware;
  /** The node's own measured roofs, which no prediction is faster than; null where it measured none. */
  readonly own: Ceilings | null;
}

/** A time by measured operators, and by what the host takes around them where that was fitted. */
export interface TimedPhase {
  readonly seconds: number;
  /** Of them, those of operators, and of gaps and what the host takes; null = nobody fitted that. */
  readonly operatorSeconds: number;
  readonly gapSeconds: number | null;
  /** Standard deviation of ln(predicted / measured). */
  readonly spread: number;
  /** What makes it less sure than tables of one's own: a clause each. */
  readonly widened: readonly string[];
}

export interface ServedPrediction {
  /** `tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB, host times fitted on 2898 measured servers`. */
  readonly source: string;
  /** To the first token of the mean prompt, with the server to itself. */
  firstToken(demand: ServedDemand): TimedPhase;
  /** Of a step as full as they are in the mean, with the prompts that are read in it. */
  perToken(demand: ServedDemand): TimedPhase;
}

/**
 * Predicts a server's phases from the operators that were measured of its engine.
 * @returns in clauses why they cannot be.
 * @throws FailureError `impossible-combination` for a split that the model cannot have.
 */
export function servedPrediction(server: ServerOnGpus): ServedPrediction | readonly string[] {
  const { architecture, options, split, tables, release, device, own } = server;
  const engine = servingEngineNamed(tables);
  if (engine === null) return [`no operators are measured of ${tables}`];
  const formats = formatsAsked(architecture, options);
  if (typeof formats === 'string') return [formats];
  const shipped = timesOn(device, tables, release);
  const times = own === null ? shipped : heldToRoofs(shipped, own);
  const found = servedStep(architecture, formats, parallelismOf(architecture, split), engine, times);
  if (!isKnown(found)) return found;
  return new StepsOfServer(found.step, server, engine.host);
}

const NO_GAPS = 'what the host takes beside operators is not known (`ridge factors --calibrate` fits it)';

class StepsOfServer implements ServedPrediction {
  readonly source: string;
  readonly #step: Step;
  readonly #server: ServerOnGpus;
  readonly #host: HostTimes;

  constructor(step: Step, server: ServerOnGpus, host: HostTimes) {
    this.source = step.source;
    this.#step = step;
    this.#server = server;
    this.#host = host;
  }

  firstToken(demand: ServedDemand): TimedPhase {
    const most = this.#server.passes.passTokens(this.#server.options);
    const newTokens = newTokensOf(demand);
    const cached = Math.max(0, Math.round(demand.promptTokens) - newTokens);
    const pieces: (readonly [number, StepTime])[] = [];
    for (let done = 0; done < newTokens; done += most) {
      const chunk = { newTokens: Math.min(most, newTokens - done), cachedTokens: cached + done };
      pieces.push([1, this.#step.timeOf({ decodes: 0, contextTokens: 0, chunks: [chunk] })]);
    }
    return this.#sum(pieces, this.#host.requestSeconds ?? 0);
  }

  /** Prompts ride on steps where the engine mixes; elsewhere they stop the sequences. */
  perToken(demand: ServedDemand): TimedPhase {
    const { pipeline, replicas } = this.#server.split;
    const shares = pipeline * replicas;
    const { contextTokens, promptsPerStep } = demand;
    // A replica without a sequence in a step has no step.
    const decodes = Math.max(1, demand.stepSequences / shares);
    const decoding = { decodes, contextTokens: Math.max(1, contextTokens), chunks: [] };
    const alone = this.#step.timeOf(decoding);
    const { chunk, together, each } = this.#piece(demand, decodes);
    const chunks = Array.from({ length: together }, () => chunk);
    const passes = (promptsPerStep / shares) * (each / together);
    if (passes === 0) return this.#sum([[1, alone]]);
    if (!this.#server.passes.mixes) {
      const prompts = this.#step.timeOf({ decodes: 0, contextTokens: 0, chunks });
      return this.#sum([
        [1, alone],
        [passes, prompts],
      ]);
    }
    const mixed = this.#step.timeOf({ ...decoding, chunks });
    return this.#sum([
      [1 - passes, alone],
      [passes, mixed],
    ]);
  }

  /** A piece in the middle of prompts that are read together, and how many a prompt has. */
  #piece(demand: ServedDemand, decodes: number): { chunk: Chunk; together: number; each: number } {
    const { passes, options, split } = this.#server;
    const newTokens = newTokensOf(demand);
    const together = Math.max(1, Math.round(demand.promptsAtOnce / split.replicas));
    const room = Math.max(1, passes.passTokens(options) - (passes.mixes ? Math.ceil(decodes) : 0));
    const each = Math.ceil((together * newTokens) / room);
    const own = Math.max(1, Math.round(newTokens / each));
    const cached = Math.max(0, Math.round(demand.promptTokens) - newTokens);
    return {
      chunk: { newTokens: own, cachedTokens: cached + Math.round((newTokens - own) / 2) },
      together,
      each,
    };
  }

  #sum(parts: readonly (readonly [share: number, time: StepTime])[], beside = 0): TimedPhase {
    const known = isFitted(this.#host);
    const total = (of: (time: StepTime) => number) =>
      parts.reduce((sum, [share, time]) => sum + share * of(time), 0);
    const seconds = beside + total((time) => time.seconds);
    const operatorSeconds = total(({ kernelSeconds }) => kernelSeconds);
    return {
      seconds,
      operatorSeconds,
      gapSeconds: known ? seconds - operatorSeconds : null,
      spread: Math.max(...parts.map(([, { spread }]) => spread)),
      widened: [...(known ? [] : [NO_GAPS]), ...grouped(parts.flatMap(([, { widened }]) => widened))],
    };
  }
}

/** `product: taken from …` and `attention: taken from …` are one clause where what follows is the same. */
function grouped(clauses: readonly string[]): string[] {
  const found = new Map<string, Set<string>>();
  for (const clause of clauses) {
    const [family = '', ...rest] = clause.split(': ');
    const why = rest.join(': ');
    found.set(why, (found.get(why) ?? new Set()).add(family));
  }
  return [...found].map(([why, families]) => `${[...families].join(', ')} ${why}`);
}
