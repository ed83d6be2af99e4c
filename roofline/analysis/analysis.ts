import type { PassMemory } from '../../core/work/memory/pass-memory.js';
import type { Arithmetic, OperatorWork } from '../../core/work/work.js';
import type { CeilingOrigin } from '../ceilings.js';
import { type Bound, linkSecondsOf, type PlacedOperator } from '../place.js';
import type { PredictedTime } from '../step/predict-stages.js';
import type { AnalysisPoint } from './point.js';
import type { PredictedOperator, PredictionSource } from './prediction.js';

/** An operator of all layers together, under the roof. */
export interface AnalysisRow
  extends Pick<OperatorWork, 'name' | 'module' | 'calls' | 'flops' | 'traffic' | 'linkBytes'>,
    Omit<PlacedOperator, 'work' | 'peak'> {
  /** What is computed in; null where no ceiling for it is known. */
  readonly arithmetic: Arithmetic | null;
  /** Of the time of all operators. */
  readonly share: number;
  /** FLOP per second that the roof allows; null for what computes nothing. */
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
  /** Of all operators one after the other, which a pipeline overlaps; null as in rows. */
  readonly linkSeconds: number | null;
  /** Until all sequences are through. */
  readonly seconds: number;
  /** The same as it is predicted; null as in rows, or where one of its kernels has no table. */
  readonly predicted: PredictedTime | null;
  /** Share of it in which a pipeline stage waits for others; 0 without stages. */
  readonly idleShare: number;
  /** All sequences together. */
  readonly tokensPerSecond: number;
  /** What decides over the larger part of the time. */
  readonly bound: Bound;
  /** Share of the time that is bound by memory. */
  readonly memoryBoundShare: number;
}

/** Bytes of one device, the fullest; adapters count as weights. */
export interface MemoryAnalysis extends Omit<PassMemory, 'activationsAt'> {
  /** The operator at which most of them are alive; null in a mode that adds up the dead as well. */
  readonly activationsAt: string | null;
  /** null where nobody says how much memory the device has. */
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

/** The lines of the roofline that the point stands under. */
export interface RoofLines {
  readonly name: string;
  readonly origin: CeilingOrigin;
  readonly memoryBytesPerSecond: number;
  readonly arithmetic: Arithmetic | null;
  readonly flopsPerSecond: number | null;
  /** FLOP per byte at which the two meet. */
  readonly ridgePoint: number | null;
  /** Every ceiling that an operator of the point stands under. */
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
  /** Sentences about what the numbers do not show. */
  readonly notes: readonly string[];
}

/** A point that cannot be, and why. */
export interface ImpossiblePoint {
  readonly point: AnalysisPoint;
  readonly reason: string;
  readonly hint: string | null;
}

/**
 * @param given seconds that the phase takes, where they are fewer than those of its rows.
 * @returns the sums of a phase over its rows, whose shares are not known yet.
 */
export function summarize(
  rows: readonly Omit<AnalysisRow, 'share'>[],
  tokens: number,
  given?: number,
): PhaseAnalysis {
  const sum = (of: (row: Omit<AnalysisRow, 'share'>) => number) =>
    rows.reduce((total, row) => total + of(row), 0);
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
