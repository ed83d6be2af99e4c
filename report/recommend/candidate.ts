import type { Experiment } from '../../core/experiment/experiment.js';
import { deviceKind } from '../../core/experiment/experiment.js';
import { metricNamed } from '../../core/metrics/catalogue.js';
import { metricValue, type ResultRecord } from '../../core/result/result.js';
import { requestsOf } from '../../core/serving/record.js';
import type { RequestRecord } from '../../core/serving/requests.js';
import { latencyFor, type SloMetric } from '../../core/serving/slo.js';
import { holds } from '../../judgement/holds.js';
import { normalQuantile } from '../../statistics/distributions.js';
import { type Interval, tInterval } from '../../statistics/interval.js';
import { isExact } from '../compare.js';
import { isAsMeasured, quotedOf, reasonOf, UNLIKE_ADVICE } from '../quoted.js';
import type { Row } from '../rows.js';
import { absentFigure, type Figure } from './figure.js';
import type { Quantity } from './quantity.js';

/** A configuration that may be recommended, with what is known of it. */
export interface Candidate extends Pick<Row, 'label' | 'experiment' | 'axes'> {
  /** Its row; 0 = it has none of its own. */
  readonly number: number;
  /** `measured`, `between` two measured loads, or `predicted`. */
  readonly from: 'measured' | 'between' | 'predicted';
  /** Why it cannot be recommended, whatever its figures are; null = it can. */
  readonly problem: string | null;
  readonly starts: number;
  /** A start of it, where it was measured: it tells what ran. */
  readonly record: ResultRecord | null;
  figure(quantity: Quantity): Figure;
}

/** What a price list says of using something; null where it says nothing. */
export interface PriceList {
  readonly currency: string;
  costOf(
    names: readonly string[],
    used: {
      readonly tokensIn: number | null;
      readonly tokensOut: number | null;
      readonly seconds: number | null;
      readonly joules: number | null;
    },
  ): number | null;
}

/** @returns a row as a candidate. */
export function measured(row: Row, prices: PriceList | null): Candidate {
  const { number, label, experiment, axes, state, trial, starts } = row;
  const known = new Map<string, Figure>();
  const candidate: Candidate = {
    number,
    label,
    experiment,
    axes,
    from: 'measured',
    starts: starts.length,
    record: starts[0] ?? trial,
    problem: state === 'valid' ? null : stateText(row),
    figure(quantity) {
      const key = JSON.stringify(quantity);
      const figure = known.get(key) ?? figureOf(row, quantity, prices, (other) => candidate.figure(other));
      known.set(key, figure);
      return figure;
    },
  };
  return candidate;
}

function stateText({ state, trial, warnings }: Row): string {
  if (state === 'failed') return `failed: ${trial.failure?.code ?? 'no reason'}`;
  const codes = warnings.filter(({ severity }) => severity === 'invalid').map(({ code }) => code);
  return `invalid${codes.length === 0 ? '' : `: ${[...new Set(codes)].join(', ')}`}`;
}

function figureOf(
  row: Row,
  quantity: Quantity,
  prices: PriceList | null,
  figure: (other: Quantity) => Figure,
): Figure {
  if (quantity.kind === 'metric') return ofMetric(row, quantity.metric.name);
  if (quantity.kind === 'requests') return ofRequests(row, quantity.latency, quantity.share);
  if (quantity.kind === 'memory') return figure(metric(memoryMetric(row.experiment)));
  return costOf(row, prices, figure);
}

const metric = (name: string): Quantity => ({ kind: 'metric', metric: metricNamed(name)! });

/** @returns the metric that says what a row needs of the memory that runs out first. */
export function memoryMetric({ device }: Pick<Experiment, 'device'>): string {
  return deviceKind(device) === 'cpu' ? 'peakResidentBytes' : 'deviceMemoryPeakBytes';
}

function ofMetric(row: Row, name: string): Figure {
  const quoted = quotedOf(row, name);
  if (quoted === null) return absentFigure(reasonOf(row, name) ?? 'not measured');
  if (!holds(row.trial, name)) return absentFigure(`the row is ${row.state}`);
  if (isAsMeasured(quoted))
    return { ...absentFigure(`as measured only, for ${UNLIKE_ADVICE}`), asMeasured: quoted };
  const { value, interval, asMeasured, calm } = quoted;
  const exact = interval === null && (isExact(name) || isSame(row, name));
  const figure = { value, interval, exact, reason: interval === null && !exact ? noInterval(row) : null };
  return asMeasured === null || calm === null ? figure : { ...figure, adjusted: { asMeasured, calm } };
}

const isSame = ({ starts }: Row, name: string) => {
  const values = starts.map((start) => metricValue(start, name));
  return values.length > 1 && values.every((value) => value !== null && value === values[0]);
};

const noInterval = ({ starts }: Row) =>
  starts.length === 1 ? 'one start: nothing is known of how starts differ' : 'it has no interval';

/**
 * A percentile of all requests of its starts: those that failed have none, and count as later than all
 * others.
 */
function ofRequests({ starts }: Row, latency: SloMetric, share: number): Figure {
  const each = starts.flatMap(({ serving }) => {
    if (serving === undefined) return [];
    const values = requestsOf(serving.requests).map(
      (request) => latencyFor(latency, request) ?? Number.POSITIVE_INFINITY,
    );
    return values.length === 0 ? [] : [values.sort((a, b) => a - b)];
  });
  if (each.length === 0) return absentFigure('no server was asked');
  const all = each.flat().sort((a, b) => a - b);
  const value = all[rankOf(share, all.length)]!;
  if (!Number.isFinite(value))
    return absentFigure(`more than ${Math.round(100 * (1 - share))} % of the requests have no ${latency}`);
  const interval = each.length > 1 ? overStarts(each, share, value) : overRequests(all, share);
  return {
    value,
    interval,
    exact: false,
    reason: interval === null ? 'too few requests for an interval' : null,
  };
}

/** @returns of requests that all count, the latency that so many keep; null where too few have one. */
export function percentileOf(
  requests: readonly RequestRecord[],
  latency: SloMetric,
  share: number,
): number | null {
  const all = requests.map((request) => latencyFor(latency, request) ?? Number.POSITIVE_INFINITY);
  const value = all.sort((a, b) => a - b)[rankOf(share, all.length)];
  return value === undefined || !Number.isFinite(value) ? null : value;
}

/** The smallest reading that so many keep: what `ttft:p95<=…` asks of. */
const rankOf = (share: number, count: number) => Math.max(0, Math.ceil(share * count - 1e-9) - 1);

/** Student's t interval of the logarithms of each start's own percentile, around that of all. */
function overStarts(each: readonly (readonly number[])[], share: number, value: number): Interval | null {
  const logs = each.map((values) => Math.log(values[rankOf(share, values.length)]!));
  const interval = logs.every(Number.isFinite) ? tInterval(logs) : null;
  if (interval === null) return null;
  const half = (interval[1] - interval[0]) / 2;
  return [value * Math.exp(-half), value * Math.exp(half)];
}

/**
 * Order statistics, by the normal approximation of the binomial (Conover, "Practical Nonparametric
 * Statistics", §3.2).
 */
function overRequests(all: readonly number[], share: number): Interval | null {
  const [n, z] = [all.length, normalQuantile(0.975)];
  const spread = z * Math.sqrt(n * share * (1 - share));
  const [low, high] = [Math.floor(n * share - spread) - 1, Math.ceil(n * share + spread)];
  const ends = [all[low], all[high]] as const;
  return ends[0] === undefined || ends[1] === undefined || !Number.isFinite(ends[1])
    ? null
    : [ends[0], ends[1]];
}

const THROUGHPUT = ['systemTokensPerSecond', 'decodeTokensPerSecond'] as const;
const MILLION = 1e6;

/**
 * What a million output tokens cost, with the prompts, the time and the joules that they take at the
 * throughput of the row.
 */
function costOf(row: Row, prices: PriceList | null, figure: (other: Quantity) => Figure): Figure {
  if (prices === null) return absentFigure('no price list was given (--prices)');
  const rate = THROUGHPUT.map((name) => figure(metric(name))).find(({ value }) => value !== null);
  if (rate === undefined || rate.value === null)
    return absentFigure('its output tokens per second are not known');
  const joules = figure(metric('energyPerOutputTokenJoules')).value;
  const read = figure(metric('inputTokensPerSecond')).value;
  const { promptTokens, generateTokens } = row.experiment.workload.options;
  const perAnswer = Number(promptTokens) / Number(generateTokens);
  const tokensIn = read === null ? (Number.isFinite(perAnswer) ? perAnswer : null) : read / rate.value;
  const names = [row.label, String(row.number), row.experiment.model.name];
  const costAt = (perSecond: number) =>
    prices.costOf(names, {
      tokensIn: tokensIn === null ? null : MILLION * tokensIn,
      tokensOut: MILLION,
      seconds: MILLION / perSecond,
      joules: joules === null ? null : MILLION * joules,
    });
  const value = costAt(rate.value);
  if (value === null)
    return absentFigure('the price list says nothing of it, or asks for what was not measured');
  const [dear, cheap] =
    rate.interval === null ? [null, null] : [costAt(rate.interval[0]), costAt(rate.interval[1])];
  const interval: Interval | null = dear === null || cheap === null ? null : [cheap, dear];
  return { value, interval, exact: false, reason: interval === null ? rate.reason : null };
}
