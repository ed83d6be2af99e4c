import type { OperatorTimes } from '../../core/work/operator-call.js';
import type { OperatorWork, PassWork } from '../../core/work/work.js';
import { pipelineSeconds } from '../pipeline.js';
import {
  addedTimes,
  type CallsTime,
  callsTime,
  isKnown,
  limitOf,
  type StepLimit,
  spreadOf,
  uncalled,
} from './calls-time.js';
import type { ServingEngine } from './engines.js';
import { withHost } from './setting.js';

/** What predicts times: an engine, and how long its operators take on a device. */
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
  /** Why it is wider than of tables of one's own: a clause each. */
  readonly widened: readonly string[];
}

/** @returns the time of operators one after the other, or every reason why there is none. */
export function timeOperators(
  operators: readonly OperatorWork[],
  times: OperatorTimes,
): CallsTime | readonly string[] {
  const unknown = uncalled(operators);
  const time = callsTime(operators, times, null);
  if (isKnown(time)) return unknown.length > 0 ? unknown : time;
  return [...unknown, ...time];
}

/**
 * Predicts one pass through pipeline stages, with what the engine's host takes around each of them.
 * @param stages of one micro-batch, in order.
 * @param newTokens of it.
 * @returns in clauses why it cannot be predicted.
 */
export function predictStages(
  stages: readonly PassWork[],
  microBatches: number,
  newTokens: number,
  { engine, times }: Predictor,
): PredictedTime | readonly string[] {
  const all = stages.map(({ operators }) => timeOperators(operators, times));
  const reasons = all.flatMap((time) => (isKnown(time) ? [] : time));
  const [first] = stages;
  if (first === undefined || reasons.length > 0) return [...new Set(reasons)];
  const known = all.filter(isKnown);
  const { host } = engine;
  const sum = addedTimes(known.map((time) => [1, time]));
  const each = known.map(({ seconds }) => withHost(seconds, 1, newTokens, host));
  const hostSeconds = stages.length * withHost(0, 1, newTokens, host);
  return {
    seconds: pipelineSeconds(first.phase, each, microBatches),
    limit: limitOf(sum, hostSeconds),
    spread: spreadOf(sum, sum.seconds + hostSeconds, host.spread),
    widened: sum.widened,
  };
}
