import { wilsonInterval } from '../../statistics/proportion.js';
import { type Reading, refused } from '../input/reading.js';
import { nearest } from '../input/suggest.js';
import { quote } from '../quote.js';
import { latenciesOf } from './latencies.js';
import type { RequestRecord } from './requests.js';

/**
 * Service level objectives: the limits that a request must keep to be good, and the share of requests that
 * must be good. `ttft:p90<=500ms,tpot:p90<=50ms,e2e:max<=10s` requires that 90 % of requests have their first
 * token within 500 ms of their intended start, and so on. `<` says the same as `<=`: times are continuous.
 */
export interface Objective {
  readonly metric: SloMetric;
  /** The share of requests that must keep it: 0.9 for p90, 1 for max. */
  readonly share: number;
  readonly seconds: number;
}

/** Latencies that an objective may limit, from the scheduled start, in canonical order. */
const METRICS = {
  ttft: (request) => latenciesOf(request).scheduled.ttft,
  ttfa: (request) => latenciesOf(request).scheduled.firstAnswer,
  tpot: (request) => latenciesOf(request).tpot,
  e2e: (request) => latenciesOf(request).scheduled.e2e,
} as const satisfies Readonly<Record<string, (request: RequestRecord) => number | null>>;
export type SloMetric = keyof typeof METRICS;
export const SLO_METRICS = Object.keys(METRICS) as SloMetric[];

/** @returns a latency of a complete request, in seconds; null if it has none, or did not end well. */
export function latencyFor(metric: SloMetric, request: RequestRecord): number | null {
  return request.outcome === 'complete' ? METRICS[metric](request) : null;
}

const UNITS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, min: 60 };
const OBJECTIVE = /^([a-z0-9]+):(?:p(\d{1,2}(?:\.\d{1,4})?)|max)<=?(\d+(?:\.\d+)?)([a-z]*)$/;
const OF_A_MEAN = /^[a-z0-9]+:(mean|avg|average)</;
const EXAMPLE = 'ttft:p90<=500ms';

/**
 * @returns the objectives that an option states; null if it states none. Text that cannot be read was refused
 *   with the sweep.
 */
export function objectivesOf(slo: unknown): readonly Objective[] | null {
  const reading = typeof slo === 'string' ? parseSlo(slo) : null;
  return reading?.ok === true ? reading.value : null;
}

/** @returns the objectives of a text, in canonical order, or one sentence about the first invalid one. */
export function parseSlo(text: string): Reading<readonly Objective[]> {
  const found = new Map<string, Objective>();
  for (const written of text.split(',')) {
    const word = written.replace(/\s+/g, '').toLowerCase();
    if (word === '')
      return refused(
        `an objective is missing in ${quote(text)}: write such as ${EXAMPLE}, with a comma between`,
      );
    const match = OBJECTIVE.exec(word.replace('≤', '<='));
    if (OF_A_MEAN.test(word)) {
      return refused(
        `${quote(written.trim())} asks for a mean, which no single request keeps or misses: write a percentile, such as ${word.replace(/:[a-z]+/, ':p50')}`,
      );
    }
    if (match === null) {
      return refused(
        `${quote(written.trim())} is no objective: write metric:percentile<=time, such as ${EXAMPLE} or e2e:max<=10s`,
      );
    }
    const [, name, percentile, amount, unit] = match;
    const metric = SLO_METRICS.find((known) => known === name);
    if (metric === undefined) {
      const meant = nearest(name!, SLO_METRICS);
      return refused(
        `${quote(name!)} in ${quote(written.trim())} is no latency: there are ${SLO_METRICS.join(', ')}${meant === null ? '' : ` (did you mean ${meant}?)`}`,
      );
    }
    if (unit === '')
      return refused(`${quote(written.trim())} has no unit: say ${amount}ms or ${Number(amount) / 1e3}s`);
    const scale = UNITS[unit!];
    if (scale === undefined) {
      return refused(
        `${quote(unit!)} in ${quote(written.trim())} is no unit of time: there are ${Object.keys(UNITS).join(', ')}`,
      );
    }
    const [share, seconds] = [
      percentile === undefined ? 1 : Number(percentile) / 100,
      Number(amount) * scale,
    ];
    if (share === 0 || seconds === 0) {
      return refused(
        `${quote(written.trim())} asks for nothing that could be kept: percentile and time must be above 0`,
      );
    }
    const key = `${metric}:${share}`;
    if (found.has(key)) return refused(`${quote(written.trim())} says once more what ${metric} must keep`);
    found.set(key, { metric, share, seconds });
  }
  const objectives = [...found.values()].sort(
    (a, b) => SLO_METRICS.indexOf(a.metric) - SLO_METRICS.indexOf(b.metric) || a.share - b.share,
  );
  return { ok: true, value: objectives };
}

/** @returns the canonical spelling of these objectives. */
export function sloText(objectives: readonly Objective[]): string {
  return objectives
    .map(({ metric, share, seconds }) => {
      const percentile = share === 1 ? 'max' : `p${Number((100 * share).toPrecision(8))}`;
      const time =
        seconds >= 1 ? `${Number(seconds.toPrecision(8))}s` : `${Number((1e3 * seconds).toPrecision(8))}ms`;
      return `${metric}:${percentile}<=${time}`;
    })
    .join(',');
}

/**
 * @returns whether a request is good: complete, and within the time of every objective. A request without
 *   such a latency has not kept the objective.
 */
export function keepsSlo(request: RequestRecord, objectives: readonly Objective[]): boolean {
  return request.outcome === 'complete' && objectives.every((objective) => keeps(request, objective));
}

function keeps(request: RequestRecord, { metric, seconds }: Objective): boolean {
  const latency = latencyFor(metric, request);
  return latency !== null && latency <= seconds;
}

export type SloVerdict = 'met' | 'missed' | 'undecided';

/** How many requests kept an objective. */
export interface Kept {
  readonly objective: Objective;
  readonly kept: number;
  readonly requests: number;
}

/**
 * Counts the requests that kept each objective. Failed and unfinished requests count as having kept none,
 * because a server must not look better by rejecting requests.
 */
export function keptBy(requests: readonly RequestRecord[], objectives: readonly Objective[]): Kept[] {
  return objectives.map((objective) => ({
    objective,
    kept: requests.filter((request) => request.outcome === 'complete' && keeps(request, objective)).length,
    requests: requests.length,
  }));
}

/** @returns the counts of several runs at the same load as if they were one. */
export function pooled(runs: readonly (readonly Kept[])[]): Kept[] {
  const [first = [], ...rest] = runs;
  return first.map(({ objective, kept, requests }, i) => ({
    objective,
    kept: rest.reduce((sum, run) => sum + run[i]!.kept, kept),
    requests: rest.reduce((sum, run) => sum + run[i]!.requests, requests),
  }));
}

/**
 * Whether a run meets its objectives: `met` if the Wilson interval of every share is at or above the required
 * share, `missed` if one is below it, and `undecided` if there are too few requests. `max` is met only if all
 * requests keep it.
 */
export function sloVerdict(counts: readonly Kept[], confidence = 0.95): SloVerdict {
  const verdicts = counts.map(({ objective, kept, requests }): SloVerdict => {
    if (requests === 0) return 'undecided';
    if (objective.share === 1) return kept === requests ? 'met' : 'missed';
    const [low, high] = wilsonInterval(kept, requests, confidence);
    return low >= objective.share ? 'met' : high < objective.share ? 'missed' : 'undecided';
  });
  if (verdicts.includes('missed')) return 'missed';
  return verdicts.length === 0 || verdicts.includes('undecided') ? 'undecided' : 'met';
}

/**
 * The share of requests that were good in every way, with its 95 % interval (Wilson), and how many came in a
 * second.
 */
export interface Goodput {
  readonly good: number;
  readonly requests: number;
  /** null without a request. */
  readonly share: number | null;
  readonly interval: readonly [number, number];
  /** null without a duration. */
  readonly requestsPerSecond: number | null;
}

/** @param seconds that the requests are counted over */
export function goodput(
  requests: readonly RequestRecord[],
  objectives: readonly Objective[],
  seconds: number,
): Goodput {
  const good = requests.filter((request) => keepsSlo(request, objectives)).length;
  return {
    good,
    requests: requests.length,
    share: requests.length === 0 ? null : good / requests.length,
    interval: wilsonInterval(good, requests.length),
    requestsPerSecond: seconds > 0 ? good / seconds : null,
  };
}
