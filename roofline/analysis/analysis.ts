import type { PassMemory } from '../../core/work/memory/pass-memory.js';
import type { Arithmetic, OperatorWork } from '../../core/work/work.js';
import type { CeilingOrigin } from '../ceilings.js';
import { type Bound, linkSecondsOf, type PlacedOperator } from '../place.js';
import type { PredictedTime } from '../step/predict-stages.js';
import type { AnalysisPoint } from './point.js';
import type { PredictedOperator, PredictionSource } from './prediction.js';

/** An operator, summed over all layers, under its roof. */
export interface AnalysisRow
  extends Pick<OperatorWork, 'name' | 'module' | 'calls' | 'flops' | 'traffic' | 'linkBytes'>,
    Omit<PlacedOperator, 'work' | 'peak'> {
  /** The data type of the computation; null if no ceiling for it is known. */
  readonly arithmetic: Arithmetic | null;
  /** Of the time of all operators. */
  readonly share: number;
  /** FLOP per second that the roof allows; null for an operator without FLOPs. */
  readonly flopsPerSecond: number | null;
  /** null where no engine was asked for, it runs inside another's kernel, or no table times it. */
  readonly predicted: PredictedOperator | null;
}

export interface PhaseAnalysis {
  readonly rows: readonly AnalysisRow[];
  readonly flops: number;
  readonly bytes: number;
  readonly intensity: number;
  readonly linkBytes: number;
  /** Seconds on links of all operators one after the other, which a pipeline overlaps; null as in rows. */
  readonly linkSeconds: number | null;
  /** Until all sequences are through. */
  readonly seconds: number;
  /** The same as it is predicted; null as in rows, or where one of its kernels has no table. */
  readonly predicted: PredictedTime | null;
  /** Share of it in which a pipeline stage waits for others; 0 without stages. */
  readonly idleShare: number;
  /** All sequences together. */
  readonly tokensPerSecond: number;
  /** What limits most of the time. */
  readonly bound: Bound;
  /** Share of the time that is bound by memory. */
  readonly memoryBoundShare: number;
}

/** Bytes on the fullest device; adapters count as weights. */
export interface MemoryAnalysis extends Omit<PassMemory, 'activationsAt'> {
  /**
   * The operator at which most activations are needed at the same time; null in a mode that adds up all of
   * them.
   */
  readonly activationsAt: string | null;
  /** null if the device's memory is not known. */
  readonly fits: boolean | null;
}

/** A step of speculative decoding: a draft proposes, the model verifies. */
export interface SpeculativeAnalysis {
  readonly draftSeconds: number;
  readonly verifySeconds: number;
  /** That a step yields for each sequence. */
  readonly expectedTokens: number;
  /** All sequences together. */
  readonly tokensPerSecond: number;
  /** Over decoding without a draft. */
  readonly speedup: number;
}

/** The lines of the roofline for this point. */
export interface RoofLines {
  readonly name: string;
  readonly origin: CeilingOrigin;
  readonly memoryBytesPerSecond: number;
  readonly arithmetic: Arithmetic | null;
  readonly flopsPerSecond: number | null;
  /** FLOP per byte at which the two meet. */
  readonly ridgePoint: number | null;
  /** Every peak that limits an operator of the point. */
  readonly peaks: readonly { readonly arithmetic: Arithmetic; readonly flopsPerSecond: number }[];
}

export interface Analysis {
  readonly point: AnalysisPoint;
  readonly roof: RoofLines;
  /** All that the model is spread over. */
  readonly devices: number;
  /** What one device of each pipeline stage does. */
  readonly prefill: PhaseAnalysis;
  /** One step. */
  readonly decode: PhaseAnalysis;
  readonly memory: MemoryAnalysis;
  /** null where no engine was asked for. */
  readonly prediction: PredictionSource | null;
  /** null without a draft. */
  readonly speculative: SpeculativeAnalysis | null;
  /** Prefill and all steps of `generateTokens`; null when none were asked for. */
  readonly generateSeconds: number | null;
  /** Sentences about the limits of the numbers. */
  readonly notes: readonly string[];
}

/** A point that cannot be, and why. */
export interface ImpossiblePoint {
  readonly point: AnalysisPoint;
  readonly reason: string;
  readonly hint: string | null;
}

/**
 * @param given seconds of the phase, if it takes less time than the sum of its rows.
 * @returns the sums of a phase over its rows, whose shares are not known yet.
 */
export function summarize(
  rows: readonly Omit<AnalysisRow, 'share'>[],
  tokens: number,
  given?: number,
): PhaseAnalysis {
  const sum = (numberOf: (row: Omit<AnalysisRow, 'share'>) => number) =>
    rows.reduce((total, row) => total + numberOf(row), 0);
  const total = sum((row) => row.seconds);
  const seconds = given ?? total;
  const boundBy = (bound: Bound) => sum((row) => (row.bound === bound ? row.seconds : 0));
  const memory = boundBy('memory');
  const largest = Math.max(memory, boundBy('compute'), boundBy('link'));
  const flops = sum((row) => row.flops);
  const bytes = sum((row) => row.bytes);
  return {
    rows: rows.map((row) => ({ ...row, share: row.seconds / total })),
    flops,
    bytes,
    intensity: flops / bytes,
    linkBytes: sum((row) => row.linkBytes),
    linkSeconds: linkSecondsOf(rows),
    seconds,
    predicted: null,
    idleShare: 0,
    tokensPerSecond: tokens / seconds,
    bound: largest === memory ? 'memory' : largest === boundBy('compute') ? 'compute' : 'link',
    memoryBoundShare: memory / total,
  };
}
