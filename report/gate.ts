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

/** @returns one sentence for every experiment that does not meet the gate; one that cannot be compared does not. */
export function brokenBy(gate: Gate, changes: readonly Change[]): string[] {
  const own = changes.filter(({ metric }) => metric === gate.metric);
  return own.flatMap(({ label, a, b, verdict, reason }) => {
    if (a === null || b === null || verdict === 'missing') {
      return [`${gate.text}: ${label}: ${reason ?? 'nothing to compare'}`];
    }
    const moved = gate.relative ? b / a - 1 : b - a;
    const beyond = gate.limit < 0 ? moved < gate.limit : moved > gate.limit;
    if (!beyond) return [];
    const shown = gate.relative ? `${(moved * 100).toFixed(1)} %` : moved.toPrecision(3);
    return [`${gate.text}: ${label}: changed by ${moved > 0 ? '+' : ''}${shown}`];
  });
}
