import { isPresent, type ResultRecord } from '../../../core/result/result.js';
import { requestsOf } from '../../../core/serving/record.js';
import { median } from '../../../statistics/quantile.js';
import { startRidge } from '../../support/ridge.js';
import type { Figure } from '../figure.js';
import { rowsOf, runner, sweepFiles } from './rows.js';
import type { Place } from './server.js';

const STARTS = 3;
const CONCURRENCY = [1, 4];
const LOAD = { kind: 'serving', inputTokens: 256, outputTokens: 16, requests: 16, warmupRequests: 2 };
/**
 * A block of vLLM's cache is 16 tokens, so that of prompts of 256 words that begin alike by chance none hits.
 */
const MOST_HITS = 0.001;
/** Half of each prompt but the first, in whole blocks. */
const LEAST_SHARED = 0.3;
/**
 * Over that of new prompts which are asked alone, right after it. Of prompts that it knows vLLM has the first
 * token here in a fifth of the time.
 */
const LEAST_OF_NEW = 0.5;

/**
 * A server that runs already, with its prefix cache on, is asked by a sweep of two points and three starts,
 * twice: no start knows a prompt of another, so that each has its first tokens as late as prompts that are
 * new, whatever else the machine does; and what a load shares still hits.
 */
export async function prefix(place: Place, attach: string): Promise<Figure[]> {
  const rows = {
    first: await run(place, attach, 'prefix-first', {}),
    again: await run(place, attach, 'prefix-again', {}),
    shared: await run(place, attach, 'prefix-shared', { sharedPrefix: 0.5 }),
  };
  for (const [name, all] of Object.entries(rows)) show(name, all);
  const alone = [...rows.first, ...rows.again];
  const hits = Math.max(...alone.map((row) => hitsOf(row) ?? Number.NaN));
  const shared = rows.shared.map((row) => hitsOf(row) ?? Number.NaN);
  const known = [...alone, ...rows.shared].filter(({ warnings }) =>
    warnings.some(({ code }) => code === 'prompts-known'),
  );
  const expected = STARTS * CONCURRENCY.length;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    {
      claim: 'prefix: largest share of hits of a start, of two points with three starts, twice',
      measured: `${percent(hits)} of ${alone.length} starts`,
      required: `0 % of ${2 * expected} starts`,
      holds: alone.length === 2 * expected && hits <= MOST_HITS,
    },
    ...CONCURRENCY.map((concurrency): Figure => {
      const starts = alone.filter((row) => concurrencyOf(row) === concurrency);
      const least = Math.min(...starts.map((row) => firstTokenOf(row) / newFirstTokenOf(row)));
      return {
        claim: `prefix: least TTFT of ${starts.length} starts over that of new prompts asked right after, at ${concurrency}`,
        measured: least.toFixed(2),
        required: `at least ${LEAST_OF_NEW}`,
        holds: starts.length === 2 * STARTS && least >= LEAST_OF_NEW,
      };
    }),
    {
      claim: 'prefix: hits of a load that shares half of its prompts',
      measured: shared.map(percent).join(', '),
      required: `${percent(LEAST_SHARED)} to 50 %`,
      holds: shared.length === expected && shared.every((share) => share >= LEAST_SHARED && share <= 0.5),
    },
    {
      claim: 'prefix: starts that are invalid for prompts that were known',
      measured: String(known.length),
      required: '0',
      holds: known.length === 0,
    },
  ];
}

async function run(place: Place, attach: string, name: string, load: object): Promise<ResultRecord[]> {
  const workloads = { ...LOAD, concurrency: CONCURRENCY, ...load };
  const measure = { starts: STARTS, retryInvalid: 0 };
  const words = sweepFiles(place, name, { runners: runner(), workloads, measure }, { attach });
  const { code, stderr } = await startRidge(words).ended;
  if (code !== 0) console.log(stderr);
  return rowsOf(place, name).toSorted((a, b) => a.startedAt.localeCompare(b.startedAt));
}

function show(name: string, rows: readonly ResultRecord[]): void {
  for (const concurrency of CONCURRENCY) {
    const starts = rows.filter((row) => concurrencyOf(row) === concurrency);
    const each = (of: (row: ResultRecord) => string) => starts.map(of).join(', ');
    console.log(
      `  ${name} at ${concurrency}: TTFT ${each((row) => (1000 * firstTokenOf(row)).toFixed(0))} ms ` +
        `(of new prompts ${each((row) => (1000 * newFirstTokenOf(row)).toFixed(0))}), ` +
        `hits ${each((row) => (100 * (hitsOf(row) ?? Number.NaN)).toFixed(1))} %, ` +
        `${each((row) => (row.measurements.systemTokensPerSecond?.value ?? Number.NaN).toFixed(0))} output tokens/s`,
    );
  }
}

const concurrencyOf = ({ experiment }: ResultRecord) => experiment.workload.options.concurrency;

const numberOf = ({ measurements }: ResultRecord, name: string): number | null => {
  const entry = measurements[name];
  return entry !== undefined && isPresent(entry) ? entry.value : null;
};
const hitsOf = (row: ResultRecord) => numberOf(row, 'prefixCacheHitRatio');
const firstTokenOf = (row: ResultRecord) => numberOf(row, 'serviceTimeToFirstTokenP50Seconds') ?? Number.NaN;

/** Of the audit, which asks each prompt twice. */
function newFirstTokenOf({ serving }: ResultRecord): number {
  const asked = requestsOf(serving!.audit!).filter((_, i) => i % 2 === 0);
  return median(asked.map(({ firstToken, dispatched }) => firstToken! - dispatched!));
}
