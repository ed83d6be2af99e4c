import type { ModelArchitecture } from '../../core/work/architecture.js';
import { replicasOf } from '../../core/work/pass/devices.js';
import type { OperatorWork, PassWork } from '../../core/work/work.js';
import type { Ceilings } from '../ceilings.js';
import { placeOperator } from '../place.js';
import { isKnown, limitOf, spreadOf } from '../step/calls-time.js';
import { type PredictedTime, type Predictor, predictStages, timeOperators } from '../step/predict-stages.js';
import { reachableCeilings } from '../step/reachable.js';
import { residency, type ServedSplit } from '../step/residency.js';
import { servedAsKept, servedIn } from '../step/served-in.js';
import { kernelsIn, sourceOf } from '../step/setting.js';
import { type ServedBits, servedFormats } from './bits.js';
import { impossible } from './impossible.js';
import type { AnalysisPoint } from './point.js';

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
  /** What the engine has of a device for keys and values; null where nobody says how much memory it has. */
  readonly cacheBytes: number | null;
  /** Of the point's context, that are resident together, on all devices. */
  readonly residentSequences: number | null;
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
  const served = servedFormats(bits);
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

/**
 * @returns the architecture as it is served, and what operators are asked with; null where nobody says in
 *   what an engine would serve the bits that it has.
 */
export function served(architecture: ModelArchitecture, { matrices, cache }: ServedBits) {
  const asServed = matrices === null ? servedAsKept(architecture) : servedIn(architecture, matrices);
  return asServed === null ? null : { architecture: asServed, kernels: kernelsIn(cache) };
}

/** @returns what fits beside the engine, on all groups of devices. */
export function resident(
  architecture: ModelArchitecture,
  { parallelism, kernels }: ServedSplit,
  { engine }: Predictor,
  { memoryBytes }: Ceilings,
  tokens: number,
): Pick<PredictionSource, 'cacheBytes' | 'residentSequences'> {
  if (memoryBytes === null) return { cacheBytes: null, residentSequences: null };
  const { cacheBytes, sequencesOf } = residency(
    architecture,
    { parallelism, kernels },
    engine.memory,
    memoryBytes,
  );
  return {
    cacheBytes: Math.max(0, cacheBytes),
    residentSequences: replicasOf(parallelism) * sequencesOf(tokens),
  };
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
    const time = timeOperators([work], this.#predictor.times);
    if (!isKnown(time) || time.seconds === 0) return null;
    return {
      seconds: time.seconds,
      limit: limitOf(time),
      spread: spreadOf(time, time.seconds, null),
      widened: time.widened,
      reachableSeconds: placeOperator(work, this.#reachable).seconds,
    };
  }

  /**
   * @param stages of one micro-batch, in order.
   * @param newTokens of it.
   * @returns null where some kernel has no table.
   */
  pass(stages: readonly PassWork[], microBatches: number, newTokens: number): PredictedTime | null {
    const time = predictStages(stages, microBatches, newTokens, this.#predictor);
    const predicted = isKnown(time);
    for (const reason of predicted ? time.widened : time)
      (predicted ? this.#widened : this.#untimed).add(reason);
    return predicted ? time : null;
  }

  /** Of all that was asked. */
  source(): Omit<PredictionSource, 'cacheBytes' | 'residentSequences'> {
    const { engine, times } = this.#predictor;
    const { memoryBytesPerSecond, peaks } = this.#reachable;
    return {
      engine: engine.name,
      source: sourceOf(times.source, engine.host),
      reachable: { memoryBytesPerSecond, peaks },
      widened: [...this.#widened],
      untimed: [...this.#untimed],
    };
  }
}
