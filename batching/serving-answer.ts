import { SaturationWatch } from '../core/serving/saturation.js';
import { type Goodput, goodput, type Objective, objectivesOf, sloText } from '../core/serving/slo.js';
import {
  type LatencySummary,
  type ServingSummary,
  summarizeServing,
  wholeRun,
} from '../core/serving/summary.js';
import { BAND_90 } from '../roofline/step/calls-time.js';
import { heldRate } from './held-rate.js';
import { highestLoad } from './highest-load.js';
import { loadOf, type ServingOptions, type TokenLoad } from './load.js';
import type { PredictedServer } from './predicted-server.js';
import { type BatchingRun, type BatchingSummary, recordsOf, summaryOf } from './run.js';
import type { BatchingServer } from './server.js';
import { type SimulationBounds, simulateBatching } from './simulate.js';

/** A load, and who is to answer it. */
export interface ServingQuestion {
  readonly options: ServingOptions;
  /** The text of the trace that the options name; null = prompts are made up. */
  readonly trace: string | null;
  readonly predicted: PredictedServer;
}

/** A predicted number, and between what nine of ten measured ones are expected. */
export interface Figure {
  readonly value: number;
  readonly low: number;
  /** null = there is no end: with steps so slow the queue would grow for as long as requests come. */
  readonly high: number | null;
}

export const LATENCY_PARTS = ['mean', 'p50', 'p90', 'p95', 'p99'] as const;
/** In seconds; null without a request that came to it, or with too few to tell. */
export type LatencyFigures = Readonly<Record<(typeof LATENCY_PARTS)[number], Figure | null>>;

/** What users of a predicted server meet under a load. */
export interface ServingAnswer {
  /** What was sent and what answers it: clauses that stand beside every number. */
  readonly load: string;
  readonly server: string;
  readonly source: string;
  /** All steps are so many times slower, and faster, at the ends of the band. */
  readonly bandRatio: number;
  readonly widened: readonly string[];
  readonly devices: number;
  readonly requests: number;
  readonly complete: number;
  readonly refusals: readonly { readonly reason: string; readonly requests: number }[];
  /**
   * `ttft` and `e2e` from the intended start, as users wait; `queue` from the engine's door to the first
   * step.
   */
  readonly latencies: Readonly<Record<LatencyName, LatencyFigures>>;
  readonly requestsPerSecond: Figure | null;
  readonly outputTokensPerSecond: Figure | null;
  readonly promptTokensPerSecond: Figure | null;
  /** Above it the queue grows for as long as requests come; null for a load without a rate of its own. */
  readonly heldPerSecond: Figure | null;
  /** That keeps the objectives, where one was searched. */
  readonly highest: { readonly of: string; readonly load: Figure; readonly reason: string } | null;
  /** null where no objective is stated. */
  readonly goodput: {
    readonly slo: string;
    readonly share: Figure;
    readonly perSecond: Figure | null;
  } | null;
  /** Over time, of all replicas together; `most` of samples of the queue. */
  readonly meanQueued: Figure;
  readonly mostQueued: Figure;
  readonly meanRunning: Figure;
  /** Shares of the cache that running requests hold. */
  readonly meanCacheUse: Figure;
  readonly mostCacheUse: Figure;
  /** Share of prompt tokens that were in the cache. */
  readonly cachedShare: Figure;
  readonly preemptions: Figure;
}

export const LATENCY_NAMES = ['ttft', 'tpot', 'itl', 'e2e', 'queue'] as const;
export type LatencyName = (typeof LATENCY_NAMES)[number];

/** An answer with the run in the middle of its band. */
export interface SimulatedServing {
  readonly answer: ServingAnswer;
  readonly run: BatchingRun;
}

/** Enough for loads that commands are asked about; of each token of an answer its time is kept. */
export const MOST_REQUESTS = 100_000;
const MOST_TOKENS = 20_000_000;
const BOUNDS: SimulationBounds = { maxSteps: 20_000_000, maxSeconds: 30 * 86_400 };
/** With fewer requests, the p99 would be the largest of them. */
const FEWEST_FOR_P99 = 100;

/**
 * Simulates a load three times: with steps as they are predicted, and with all of them slower or faster by
 * what nine of ten measured steps stay within. An error of a table makes all steps of a run wrong alike, so
 * the ends of the band are such runs, queue and all.
 * @returns a sentence where there is no answer: a load that cannot be read, is too large, is refused as a
 *   whole, or comes faster than the server holds.
 */
export function answerServing({ options, trace, predicted }: ServingQuestion): SimulatedServing | string {
  if (trace === null && options.requests > MOST_REQUESTS)
    return `${options.requests} requests are more than the ${MOST_REQUESTS} that are simulated for an answer.`;
  if (options.loraShares !== null) return 'Adapters that requests choose among are not simulated.';
  if (!options.exactLength && trace === null)
    return 'How long answers are that end where the model does is not known: leave exactLength out.';
  const load = loadOf(options, trace);
  if (typeof load === 'string') return load;
  const { server } = predicted;
  if (options.findHighest !== 'none') return answerHighest({ options, trace, predicted });
  const held = rateOf(options) === null ? null : heldRate(options, server);
  if (typeof held === 'string') return held;
  const faster = held === null ? null : tooFast(options, held);
  if (faster !== null) return faster;
  const run = simulateBatching(load, server, BOUNDS);
  const problem = run.endedEarly ?? tooLarge(run) ?? refusedWhole(run) ?? fallsBehind(load, run);
  if (problem !== null) return problem;
  const bandRatio = Math.exp(BAND_90 * spreadOf(predicted, run));
  const asked: Asked = { options, trace, predicted, load, objectives: objectivesOf(options.slo), held };
  const judgedAt = (factor: number) =>
    judged(simulateBatching(load, slowed(server, factor), BOUNDS), asked, factor);
  const runs: Runs = [judged(run, asked, 1), judgedAt(1 / bandRatio), judgedAt(bandRatio)];
  return { answer: answerOf(asked, run, runs, bandRatio), run };
}

/**
 * Searches the highest load that keeps the objectives with steps as they are predicted, faster and slower,
 * and answers at the one in the middle.
 */
function answerHighest({ options, trace, predicted }: ServingQuestion): SimulatedServing | string {
  const { server } = predicted;
  const objectives = objectivesOf(options.slo) ?? [];
  const held = rateOf(options) === null ? null : heldRate(options, server);
  if (typeof held === 'string') return held;
  const search = (factor: number) =>
    highestLoad(options, objectives, slowed(server, factor), held === null ? null : held / factor, BOUNDS);
  const found = search(1);
  if (typeof found === 'string') return found;
  const { load, reason } = found;
  if (load === null) return `No load keeps ${sloText(objectives)}: ${reason}.`;
  const named = options.findHighest === 'concurrency' ? { concurrency: load } : { requestsPerSecond: load };
  const there = answerServing({ options: { ...options, ...named, findHighest: 'none' }, trace, predicted });
  if (typeof there === 'string') return there;
  const { bandRatio } = there.answer;
  const ends = [bandRatio, 1 / bandRatio].flatMap((factor) => {
    const one = search(factor);
    return typeof one === 'string' ? [] : [one.load ?? 0];
  });
  const highest = { value: load, low: Math.min(load, ...ends), high: Math.max(load, ...ends) };
  return {
    ...there,
    answer: { ...there.answer, highest: { of: options.findHighest, load: highest, reason } },
  };
}

/** @returns the mean rate at which requests are to start; null where the server or a file decides. */
function rateOf({ arrival, requestsPerSecond, turns }: ServingOptions): number | null {
  const steady = arrival === 'poisson' || arrival === 'constant' || arrival === 'gamma';
  return steady && requestsPerSecond !== null ? turns * requestsPerSecond : null;
}

const perSecond = (rate: number) => Number(rate.toPrecision(3));

function tooFast(options: ServingOptions, held: number): string | null {
  const rate = rateOf(options);
  if (rate === null || rate <= held) return null;
  return `${perSecond(rate)} requests/s are more than the ${perSecond(held)} that this server holds: its queue grows for as long as requests come, and so do latencies.`;
}

/** As the load generator watches a server that is measured. */
function fallsBehind({ arrival }: TokenLoad, { requests, refusals }: BatchingRun): string | null {
  if (arrival.kind !== 'trace') return null;
  const events: { at: number; starts: boolean }[] = [];
  let last = 0;
  for (let i = 0; i < requests.count; i++) {
    const start = requests.intended.at(i);
    last = Math.max(last, start);
    events.push({ at: start, starts: true });
    if (!refusals.has(i)) events.push({ at: requests.done.at(i), starts: false });
  }
  events.sort((a, b) => a.at - b.at);
  const watch = new SaturationWatch();
  for (const { at, starts } of events) {
    if (at > last) break;
    if (starts) watch.started(at);
    else watch.ended(at);
  }
  const { state, reason } = watch.decide(last);
  return state === 'saturated' ? `This server does not keep up with the trace: ${reason}.` : null;
}

function tooLarge({ requests: { count, outputTokens } }: BatchingRun): string | null {
  let tokens = 0;
  for (let i = 0; i < count; i++) tokens += outputTokens.at(i);
  if (count > MOST_REQUESTS)
    return `${count} requests are more than the ${MOST_REQUESTS} that are simulated for an answer.`;
  return tokens > MOST_TOKENS
    ? `${tokens} tokens of answers are more than the ${MOST_TOKENS} whose times are kept for an answer: ask for fewer requests.`
    : null;
}

function refusedWhole({ requests, refusals }: BatchingRun): string | null {
  if (requests.count === 0) return 'Not one request is sent.';
  const [reason] = refusals.values();
  return refusals.size < requests.count ? null : `The server refuses every request: ${reason}.`;
}

/**
 * Standard deviation of ln(predicted / measured) of a step as full as they are, or of a mean prompt: the
 * larger.
 */
function spreadOf({ step, server }: PredictedServer, { means, requests }: BatchingRun): number {
  const decodes = Math.max(1, Math.round(means.running / server.replicas));
  const context = Math.max(1, Math.round(means.cacheTokens / Math.max(1, means.running)));
  let prompt = 0;
  for (let i = 0; i < requests.count; i++) prompt += requests.promptTokens.at(i);
  const { stepTokens } = server.scheduler;
  const newTokens = Math.max(1, Math.round(Math.min(stepTokens, prompt / requests.count)));
  const decoding = step.timeOf({ decodes, contextTokens: context, chunks: [] });
  const reading = step.timeOf({ decodes: 0, contextTokens: 0, chunks: [{ newTokens, cachedTokens: 0 }] });
  return Math.max(decoding.spread, reading.spread);
}

function slowed(server: BatchingServer, factor: number): BatchingServer {
  const { step, requestSeconds } = server;
  return {
    ...server,
    step: { secondsOf: (batch) => factor * step.secondsOf(batch) },
    requestSeconds: factor * requestSeconds,
  };
}

/** What is asked of each of the runs. */
interface Asked extends ServingQuestion {
  readonly load: TokenLoad;
  readonly objectives: readonly Objective[] | null;
  /** Requests per second with steps as they are predicted; null = the load has no rate of its own. */
  readonly held: number | null;
}

/** What of a run the answer needs, without its millions of times. */
interface Judged {
  readonly latencies: Readonly<Record<LatencyName, LatencyParts>>;
  readonly summary: ServingSummary;
  readonly batching: BatchingSummary;
  readonly means: BatchingRun['means'];
  readonly mostQueued: number;
  readonly mostCacheTokens: number;
  readonly good: Goodput | null;
  readonly held: number | null;
  readonly keepsUp: boolean;
}

type LatencyParts = Readonly<Record<(typeof LATENCY_PARTS)[number], number | null>> & {
  readonly count: number;
};

/** @param factor how many times as long as predicted all steps took. */
function judged(run: BatchingRun, { options, load, objectives, held }: Asked, factor: number): Judged {
  const records = recordsOf(run);
  const window = wholeRun(records)!;
  const summary = summarizeServing(records, window);
  const batching = summaryOf(run);
  const { scheduled, tpot, itlPerToken } = summary.latencies;
  // All that a server does takes so many times as long, so it holds as many times less.
  const ownHeld = held === null ? null : held / factor;
  return {
    latencies: {
      ttft: partsOf(scheduled.ttft),
      tpot: partsOf(tpot),
      itl: partsOf(itlPerToken),
      e2e: partsOf(scheduled.e2e),
      queue: batching.queue,
    },
    summary,
    batching,
    means: run.means,
    mostQueued: run.series.reduce((most, { waiting }) => Math.max(most, waiting), 0),
    mostCacheTokens: run.series.reduce((most, { cacheTokens }) => Math.max(most, cacheTokens), 0),
    good: objectives === null ? null : goodput(records, objectives, window.toSeconds - window.fromSeconds),
    held: ownHeld,
    keepsUp: (ownHeld === null || tooFast(options, ownHeld) === null) && fallsBehind(load, run) === null,
  };
}

function partsOf({ count, mean, p50, p90, p95, p99 }: LatencySummary): LatencyParts {
  return { count, mean, p50: p50.value, p90: p90.value, p95: p95.value, p99: p99.value };
}

type Runs = readonly [expected: Judged, faster: Judged, slower: Judged];

function answerOf(asked: Asked, run: BatchingRun, runs: Runs, bandRatio: number): ServingAnswer {
  const { load, predicted, objectives } = asked;
  const cacheTokens = predicted.server.cacheTokens * predicted.server.replicas;
  const [{ summary }] = runs;
  const known = (of: (one: Judged) => number) => figure(runs, of)!;
  const throughput = (name: 'requestsPerSecond' | 'outputTokensPerSecond' | 'promptTokensPerSecond') =>
    figure(runs, (one) => one.summary.throughput[name]);
  return {
    load: load.says,
    server: predicted.says,
    source: predicted.source,
    bandRatio,
    widened: predicted.widened,
    devices: predicted.devices,
    requests: summary.requests,
    complete: summary.outcomes.complete,
    refusals: refusalsOf(run),
    latencies: Object.fromEntries(
      LATENCY_NAMES.map((name) => [name, latencyFigures(runs, name)]),
    ) as ServingAnswer['latencies'],
    requestsPerSecond: throughput('requestsPerSecond'),
    outputTokensPerSecond: throughput('outputTokensPerSecond'),
    promptTokensPerSecond: throughput('promptTokensPerSecond'),
    heldPerSecond: figure(runs, ({ held }) => held),
    highest: null,
    goodput:
      objectives === null
        ? null
        : {
            slo: sloText(objectives),
            share: known(({ good }) => good?.share ?? 0),
            perSecond: figure(runs, ({ good }) => good?.requestsPerSecond ?? null),
          },
    meanQueued: endless(
      runs,
      known(({ means }) => means.waiting),
    ),
    mostQueued: endless(
      runs,
      known(({ mostQueued }) => mostQueued),
    ),
    meanRunning: known(({ means }) => means.running),
    meanCacheUse: known(({ means }) => means.cacheTokens / cacheTokens),
    mostCacheUse: known(({ mostCacheTokens }) => mostCacheTokens / cacheTokens),
    cachedShare: known(({ batching }) => batching.cachedShare),
    preemptions: known(({ batching }) => batching.preemptions),
  };
}

function latencyFigures(runs: Runs, latency: LatencyName): LatencyFigures {
  const part = (name: (typeof LATENCY_PARTS)[number]) => {
    const found = figure(runs, ({ latencies }) => {
      const { [name]: value, count } = latencies[latency];
      return name === 'p99' && count < FEWEST_FOR_P99 ? null : value;
    });
    // However slow steps are, time per token is theirs; what waits has no end.
    return found === null || latency === 'tpot' || latency === 'itl' ? found : endless(runs, found);
  };
  return Object.fromEntries(LATENCY_PARTS.map((name) => [name, part(name)])) as LatencyFigures;
}

/** @returns null where the run in the middle has none. */
function figure(runs: Runs, of: (one: Judged) => number | null): Figure | null {
  const values = runs.map(of).filter((value) => value !== null && Number.isFinite(value)) as number[];
  const [value] = values;
  if (value === undefined || of(runs[0]) === null) return null;
  return { value, low: Math.min(...values), high: Math.max(...values) };
}

const endless = ([, , slower]: Runs, found: Figure): Figure =>
  slower.keepsUp ? found : { ...found, high: null };

function refusalsOf({ refusals }: BatchingRun): ServingAnswer['refusals'] {
  const counts = new Map<string, number>();
  for (const reason of refusals.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, requests]) => ({ reason, requests }))
    .sort((a, b) => b.requests - a.requests);
}
