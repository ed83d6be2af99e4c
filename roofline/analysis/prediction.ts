import type { ModelArchitecture } from '../../core/work/architecture.js';
import type { OperatorTimes } from '../../core/work/operator-call.js';
import type { OperatorWork, PassWork } from '../../core/work/work.js';
import type { Ceilings } from '../ceilings.js';
import { pipelineSeconds } from '../pipeline.js';
import { placeOperator } from '../place.js';
import {
  addedTimes,
  type CallsTime,
  callsTime,
  isTimed,
  limitOf,
  type StepLimit,
  spreadOf,
  uncalled,
} from '../step/calls-time.js';
import type { ServingEngine } from '../step/engines.js';
import { reachableCeilings } from '../step/reachable.js';
import { servedIn } from '../step/served-in.js';
import { kernelsIn } from '../step/setting.js';
import { type ServedBits, servedFormats } from './bits.js';
import { impossible } from './impossible.js';
import type { AnalysisPoint } from './point.js';

/** What predicts the times of a point. */
export interface Predictor {
  readonly engine: ServingEngine;
  readonly times: OperatorTimes;
}

/** A time that was not measured, but follows from measured operators. */
export interface PredictedTime {
  readonly seconds: number;
  readonly limit: StepLimit;
  /** Standard deviation of ln(predicted / measured). */
  readonly spread: number;
}

/** Of one operator, all its calls together. */
export interface PredictedOperator extends PredictedTime {
  /** The least time by what tables reach at best, in place of what the maker publishes. */
  readonly reachableSeconds: number;
}

/** Where the predictions of a point come from. */
export interface PredictionSource {
  readonly engine: string;
  /** `tables of vLLM 0.24.0 on NVIDIA H100 SXM 80GB`. */
  readonly source: string;
  /** What the tables reach at best of what the maker publishes. */
  readonly reachable: Pick<Ceilings, 'memoryBytesPerSecond' | 'peaks'>;
  /** Why spreads are wider than of tables of one's own, and which kernels no table times: a clause each. */
  readonly widened: readonly string[];
  readonly untimed: readonly string[];
}

/** @throws FailureError for a point whose parts no table tells of. */
export function servedBits({
  bits,
  engine,
  sparsity,
  adapterRank,
  offload,
  draft,
  mode,
}: AnalysisPoint): ServedBits {
  const served = servedFormats(bits === 'native' ? 'bf16' : bits);
  const hint = 'Leave the engine out for the roofs alone.';
  if (served === null)
    throw impossible(
      `${engine} serves no ${bits}: its operators are measured in bf16, fp8, fp8-block, nvfp4, mxfp4, mxfp4-mxfp8, int8 and int4`,
      'Name one of these with --bits, or leave the engine out.',
    );
  if (mode === 'llm-viewer') throw impossible("LLM-Viewer's numbers have no predictions beside them", hint);
  const unknown = [
    ...(sparsity === 'none' ? [] : [`weights in ${sparsity}`]),
    ...(adapterRank === 0 ? [] : ['adapters']),
    ...(offload === 0 ? [] : ['weights that stay with the host']),
    ...(draft === null ? [] : ['a draft']),
  ];
  if (unknown.length > 0) throw impossible(`no measured operators tell of ${unknown.join(', ')}`, hint);
  return served;
}

/** @returns the architecture as it is served, and what operators are asked with. */
export function served(architecture: ModelArchitecture, { matrices, cache }: ServedBits) {
  return { architecture: servedIn(architecture, matrices), kernels: kernelsIn(cache) };
}

/** Predicts passes of one point. */
export class PointPredictor {
  readonly #predictor: Predictor;
  readonly #reachable: Ceilings;
  readonly #widened = new Set<string>();
  readonly #untimed = new Set<string>();

  constructor(predictor: Predictor, published: Ceilings, devices: number) {
    this.#predictor = predictor;
    this.#reachable = reachableCeilings(predictor.times, published, devices);
  }

  /** @returns null where an operator runs inside another, or no table times it. */
  operator(work: OperatorWork): PredictedOperator | null {
    const time = this.#timeOf([work]);
    if (time === null || time.seconds === 0) return null;
    return {
      seconds: time.seconds,
      limit: limitOf(time),
      spread: spreadOf(time, time.seconds, null),
      reachableSeconds: placeOperator(work, this.#reachable).seconds,
    };
  }

  /**
   * @param stages of one micro-batch, in order.
   * @returns null where some kernel has no table.
   */
  pass(stages: readonly PassWork[], microBatches: number): PredictedTime | null {
    const { host } = this.#predictor.engine;
    const times = stages.map(({ operators }) => this.#timeOf(operators));
    const known = times.filter((time) => time !== null);
    const [first] = stages;
    if (known.length < times.length || first === undefined) return null;
    const sum = addedTimes(known.map((time) => [1, time]));
    const around = host.stepSeconds ?? 0;
    const each = known.map(({ seconds }) => seconds * (host.kernelFactor ?? 1) + around);
    const seconds = pipelineSeconds(first.phase, each, microBatches);
    return {
      seconds,
      limit: limitOf(sum, around),
      spread: spreadOf(sum, sum.seconds, host.spread),
    };
  }

  /** Of all that was asked. */
  source(): PredictionSource {
    const { engine, times } = this.#predictor;
    const { memoryBytesPerSecond, peaks } = this.#reachable;
    return {
      engine: engine.name,
      source: times.source,
      reachable: { memoryBytesPerSecond, peaks },
      widened: [...this.#widened],
      untimed: [...this.#untimed],
    };
  }

  #timeOf(operators: readonly OperatorWork[]): CallsTime | null {
    for (const reason of uncalled(operators)) this.#untimed.add(reason);
    const time = callsTime(operators, this.#predictor.times, null);
    if (!isTimed(time)) {
      for (const reason of time) this.#untimed.add(reason);
      return null;
    }
    for (const reason of time.widened) this.#widened.add(reason);
    return operators.some(({ kernelCalls }) => kernelCalls === undefined) ? null : time;
  }
}
