import type { ServingOptions } from './load.js';
import { answerServing, type ServingAnswer, type ServingQuestion } from './serving-answer.js';

/** The same load at other rates, numbers of users, or speeds of its trace. */
export interface LoadCurve {
  /** What is raised, as an axis names it. */
  readonly of: string;
  readonly points: readonly { readonly load: number; readonly answer: ServingAnswer }[];
}

/** Requests at each load but the one that is asked about. */
const REQUESTS = 500;
/** Loads that lie closer together are one. */
const APART = 1.06;
const SHARES_OF_HELD = [0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.97];
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const MOST_USERS = 1024;
/** The largest load is so many times the one that is asked about. */
const BEYOND = 4;

/**
 * Answers about a load at a few others, with fewer requests: what a page draws.
 * @returns null for a load that has nothing to raise.
 */
export function loadCurve(question: ServingQuestion, answer: ServingAnswer): LoadCurve | null {
  const found = loadsAround(question.options, answer);
  if (found === null) return null;
  const points = found.loads.flatMap((load) => {
    if (load === found.asked) return [{ load, answer }];
    const asked = { ...question, options: { ...question.options, ...found.at(load) } };
    const one = answerServing(asked);
    return typeof one === 'string' ? [] : [{ load, answer: one.answer }];
  });
  return points.length < 2 ? null : { of: found.of, points };
}

interface Loads {
  readonly of: string;
  readonly asked: number;
  readonly loads: readonly number[];
  at(load: number): Partial<ServingOptions>;
}

function loadsAround(options: ServingOptions, { heldPerSecond }: ServingAnswer): Loads | null {
  const { arrival, concurrency, requestsPerSecond, requests, traceSpeed, turns } = options;
  if (arrival === 'trace')
    return {
      of: 'times the speed of the trace',
      asked: traceSpeed,
      loads: SPEEDS.map((speed) => speed * traceSpeed),
      at: (speed) => ({ traceSpeed: speed }),
    };
  if (arrival === 'closed') {
    const most = Math.min(MOST_USERS, BEYOND * concurrency);
    const doubled = Array.from({ length: 1 + Math.log2(MOST_USERS) }, (_, i) => 2 ** i);
    return {
      of: 'requests at once',
      asked: concurrency,
      loads: apartFrom(
        concurrency,
        doubled.filter((users) => users <= most),
      ),
      at: (users) => ({
        concurrency: users,
        requests: Math.max(Math.min(requests, REQUESTS), BEYOND * users),
      }),
    };
  }
  if (heldPerSecond === null || requestsPerSecond === null) return null;
  const held = heldPerSecond.value / turns;
  return {
    of: turns > 1 ? 'conversations per second' : 'requests per second',
    asked: requestsPerSecond,
    loads: apartFrom(
      requestsPerSecond,
      SHARES_OF_HELD.map((share) => Number((share * held).toPrecision(3))),
    ),
    at: (rate) => ({ requestsPerSecond: rate, requests: Math.min(requests, REQUESTS) }),
  };
}

/** @returns the load that is asked about among others that differ from it, ascending. */
function apartFrom(asked: number, others: readonly number[]): number[] {
  const apart = others.filter((load) => Math.max(load / asked, asked / load) >= APART);
  return [...apart, asked].sort((a, b) => a - b);
}
