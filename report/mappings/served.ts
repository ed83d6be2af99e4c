import { getOrMake } from '../../core/maps.js';
import { latenciesOf } from '../../core/serving/latencies.js';
import { requestsOf } from '../../core/serving/record.js';
import type { RequestRecord } from '../../core/serving/requests.js';
import { wholeRun } from '../../core/serving/summary.js';
import { quantileOfSorted } from '../../statistics/quantile.js';
import type { Row } from '../rows.js';
import type { FieldMapping } from './mapping.js';

/** What tools that ask servers compute their figures from: a run is the first start of a row. Seconds. */
export interface ServedRun {
  readonly requests: readonly RequestRecord[];
  readonly complete: readonly RequestRecord[];
  /** From the first dispatch to the last end. */
  readonly seconds: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** Of complete answers, smallest first, from dispatch. */
  readonly ttft: Float64Array;
  readonly e2e: Float64Array;
  /**
   * All time after the first chunk over all tokens but one: what these tools call TPOT or ITL of a request.
   */
  readonly perToken: Float64Array;
  /** From chunk to chunk. */
  readonly gaps: Float64Array;
}

/** Tens of words ask for the same run. */
const RUNS = new WeakMap<Row, ServedRun | null>();

const runOf = (row: Row): ServedRun | null => getOrMake(RUNS, row, () => readRun(row));

function readRun({ starts }: Row): ServedRun | null {
  const serving = starts[0]?.serving;
  if (serving === undefined) return null;
  const requests = requestsOf(serving.requests);
  const window = wholeRun(requests);
  if (window === null) return null;
  const complete = requests.filter(({ outcome }) => outcome === 'complete');
  const each = complete.map((request) => ({ request, latencies: latenciesOf(request) }));
  return {
    requests,
    complete,
    seconds: window.toSeconds - window.fromSeconds,
    inputTokens: complete.reduce((sum, { promptTokens }) => sum + (promptTokens ?? 0), 0),
    outputTokens: complete.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0),
    ttft: sorted(each.map(({ latencies }) => latencies.service.ttft)),
    e2e: sorted(each.map(({ latencies }) => latencies.service.e2e)),
    perToken: sorted(
      each.map(({ request: { outputTokens }, latencies: { service } }) =>
        outputTokens === null || outputTokens < 2 || service.e2e === null || service.ttft === null
          ? null
          : (service.e2e - service.ttft) / (outputTokens - 1),
      ),
    ),
    gaps: sorted(
      complete.flatMap(({ chunks: { seconds } }) => seconds.slice(1).map((s, i) => s - seconds[i]!)),
    ),
  };
}

/** @returns those that there are, smallest first. */
function sorted(values: readonly (number | null)[]): Float64Array {
  return Float64Array.from(values.filter((value) => value !== null)).sort();
}

/** A word that only rows of servers have. */
export function servedField(
  name: string,
  unit: string,
  meaning: string,
  of: (run: ServedRun) => number | null,
): FieldMapping {
  return {
    name,
    unit,
    meaning,
    mappedValue(row) {
      const run = runOf(row);
      if (run === null) return { value: null, reason: 'the row asked no server' };
      const value = of(run);
      return value === null || !Number.isFinite(value)
        ? { value: null, reason: 'no request came to it' }
        : { value };
    },
  };
}

export function mean(values: Float64Array): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** With n in the denominator, as NumPy's default. */
export function deviation(values: Float64Array): number | null {
  const centre = mean(values);
  if (centre === null) return null;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / values.length);
}

/** Interpolated, as NumPy's default. */
export function percentile(values: Float64Array, share: number): number | null {
  return values.length === 0 ? null : quantileOfSorted(values, share);
}
