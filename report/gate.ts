import { nearest } from '../core/input/suggest.js';
import { METRIC_NAMES, metricNamed } from '../core/metrics/catalogue.js';
import type { Change } from './compare.js';

/** How far a metric of B may be from A: `decodeTokensPerSecond:-5%` = at most 5 % below. */
export interface Gate {
  readonly text: string;
  readonly metric: string;
  /** Signed: a negative limit is a floor, a positive one a ceiling. */
  readonly limit: number;
  /** The limit is a share of A, and not a difference in the metric's unit. */
  readonly relative: boolean;
}

export type ReadGate =
  | { readonly ok: true; readonly gate: Gate }
  | { readonly ok: false; readonly message: string };

/** @returns the gate of `METRIC:-5%` or `METRIC:+0.02`, or what is wrong with it. */
export function readGate(text: string): ReadGate {
  const [, metric = '', sign = '', number = '', percent = ''] =
    /^([A-Za-z0-9]+):([+-])(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  if (metric === '') {
    const message = `${JSON.stringify(text)} is no gate: write a metric and how far it may move, such as decodeTokensPerSecond:-5% or perplexity:+0.2`;
    return { ok: false, message };
  }
  if (metricNamed(metric) === undefined) {
    const guess = nearest(metric, METRIC_NAMES);
    const message = `there is no metric ${metric}${guess === null ? '' : `: did you mean ${guess}?`}`;
    return { ok: false, message };
  }
  const relative = percent === '%';
  const limit = (sign === '-' ? -1 : 1) * Number(number) * (relative ? 0.01 : 1);
  return { ok: true, gate: { text, metric, limit, relative } };
}

/** What became of a gate, one sentence for each experiment. */
export interface GateOutcome {
  /** Changes beyond the limit that are more than accident; what cannot be compared does not meet a gate either. */
  readonly broken: readonly string[];
  /** Changes beyond the limit that may be accident: their interval holds no change, too, or everything moved as much. */
  readonly undecided: readonly string[];
}

/**
 * Holds the changes of a gate's metric against its limit. One build compared with itself lies beyond a narrow limit now and then: a
 * gate is broken only where the change is beyond it and told from none (after the correction for many comparisons). Where a
 * side has one start nothing tells that, and the number itself decides.
 */
export function judgeGate(gate: Gate, changes: readonly Change[]): GateOutcome {
  const [broken, undecided]: [string[], string[]] = [[], []];
  const own = changes.filter(({ metric }) => metric === gate.metric);
  const moved = (a: number, b: number) => (gate.relative ? b / a - 1 : b - a);
  const isBeyond = (by: number) => (gate.limit < 0 ? by < gate.limit : by > gate.limit);
  const shown = (by: number) =>
    `${by > 0 ? '+' : ''}${gate.relative ? `${(by * 100).toFixed(1)} %` : by.toPrecision(3)}`;
  for (const { label, a, b, verdict, interval, reason, correction } of own) {
    if (a === null || b === null || verdict === 'missing') {
      broken.push(`${gate.text}: ${label}: ${reason ?? 'nothing to compare'}`);
      continue;
    }
    const [measured, corrected] = [moved(a, b), moved(a, b / correction)];
    const sentence = `${gate.text}: ${label}: changed by ${shown(corrected)}`;
    if (!isBeyond(corrected)) {
      if (isBeyond(measured)) {
        undecided.push(
          `${gate.text}: ${label}: changed by ${shown(measured)}, as everything did (× ${correction.toFixed(3)}): the machine, or what no record tells`,
        );
      }
      continue;
    }
    if (interval === null && verdict === 'unclear') {
      broken.push(
        `${sentence}; a side has one start, so that may be accident (\`measure: {starts: 3}\` tells)`,
      );
    } else if (verdict === 'unclear') undecided.push(`${sentence}, which may be accident: ${reason}`);
    else broken.push(sentence);
  }
  return { broken, undecided };
}
