import type { Experiment } from '../core/experiment/experiment.js';
import { metricsOf } from '../core/metrics/catalogue.js';
import { type Warning, warn, warnIf } from '../core/result/warnings.js';
import { profileOf } from '../core/runners/server/index.js';
import { auditCaches, firstTokensKnown, type Speedup } from '../core/serving/audit.js';
import { generatorProblems, rateShortfall } from '../core/serving/generator.js';
import { knownBefore, prefixHitRatio, sharedByOptions, sharedOfRun } from '../core/serving/prefix-hits.js';
import { requestsOf, type ServingRecord } from '../core/serving/record.js';
import type { RequestRecord } from '../core/serving/requests.js';
import type { ServerMetric } from '../core/serving/server-metrics.js';
import { goodput, type Objective, objectivesOf } from '../core/serving/slo.js';
import { steadyStateOf } from '../core/serving/steady-state.js';
import {
  type LatencySummary,
  type ServingSummary,
  summarizeServing,
  wholeRun,
} from '../core/serving/summary.js';
import { unsteadiness } from '../core/serving/unsteady.js';
import { isScheduled } from '../core/workloads/serving.js';
import { allMissing, type Entries, type Entry, missing, single } from './entries.js';
import type { Evidence, Findings } from './evidence.js';
import { NOT_APPLICABLE } from './not-applicable.js';

const NOT_SERVED = allMissing(metricsOf('serving'), NOT_APPLICABLE.serving);

/**
 * A smaller difference of counts comes from a begin or end token, which one side counts and the other does
 * not.
 */
const COUNTS_DIFFER = 0.01;

/** What a server did under load: rates, latencies from both starts, goodput, and what its own metrics say. */
export function servingFindings({ input }: Evidence): Findings {
  const { serving } = input;
  if (serving === undefined) return { entries: NOT_SERVED, warnings: [] };
  const requests = requestsOf(serving.requests);
  const window = wholeRun(requests);
  if (window === null) return { entries: {}, warnings: [warn('nothing-served', 'no request was sent')] };
  const summary = summarizeServing(requests, window);
  const { options } = input.experiment.workload;
  const objectives = objectivesOf(options.slo);
  const steady = steadyStateOf(requests, options);
  const unsteady = unsteadiness(steady, options);
  const late = lateness(summary, serving);
  const countsDiffer = completionDifference(summary, requests, serving);
  return {
    entries: {
      ...rates(summary, requests, objectives, countsDiffer),
      ...latencies(summary, late.length > 0),
      ...loadEntries(serving),
      steadySeconds: steady.found ? single(steady.window.duration.seconds, '') : missing(steady.reason),
      ...serverEntries(serving, requests.length),
    },
    warnings: [
      ...late,
      ...missedRate(requests, options.arrival),
      ...loadWarnings(summary, serving, countsDiffer, forcesLengths(input.experiment)),
      ...(unsteady === null ? [] : [warn('unsteady', unsteady)]),
      ...cached(serving, input.experiment.runner.options.prefixCaching === true),
      ...known(serving, requests, options),
      ...failures(summary, requests),
    ],
  };
}

/**
 * Rates and latencies of requests alone, as a simulation knows them: the same numbers that are judged of
 * measured ones.
 * @param options of the workload.
 */
export function requestEntries(
  requests: readonly RequestRecord[],
  options: Experiment['workload']['options'],
): Entries {
  const window = wholeRun(requests);
  if (window === null) return {};
  const summary = summarizeServing(requests, window);
  return { ...rates(summary, requests, objectivesOf(options.slo), null), ...latencies(summary, false) };
}

const NOBODY_COUNTED = 'nobody counted the tokens: no tokenizer is known, and the server tells no usage';

function rates(
  { throughput, window, requests: count, outcomes, outputLength }: ServingSummary,
  requests: readonly RequestRecord[],
  objectives: readonly Objective[] | null,
  countsDiffer: number | null,
): Entries {
  const seconds = window.toSeconds - window.fromSeconds;
  const good = objectives === null ? null : goodput(requests, objectives, seconds);
  const noObjective = 'the sweep states no slo';
  return {
    requestsPerSecond: single(throughput.requestsPerSecond, 'the run has no length'),
    outputTokensPerSecond: single(throughput.outputTokensPerSecond, NOBODY_COUNTED),
    systemTokensPerSecond: single(throughput.outputTokensPerSecond, NOBODY_COUNTED),
    inputTokensPerSecond: single(throughput.promptTokensPerSecond, NOBODY_COUNTED),
    userTokensPerSecond: single(throughput.tokensPerSecondPerUser, 'no answer came in chunks'),
    goodputRequestsPerSecond: single(good?.requestsPerSecond ?? null, noObjective),
    goodRequestsRatio: single(good?.share ?? null, noObjective),
    failedRequestsRatio: single(1 - outcomes.complete / count, ''),
    outputLengthRatio: single(
      outputLength === null ? null : 1 + outputLength,
      'answers were as long as the model likes, or nobody counted them',
    ),
    usageDifferenceRatio: single(countsDiffer, 'only one of both counted, the server or the tokenizer'),
  };
}

/**
 * Output tokens as the server counts them over those of the tokenizer, minus one; null if only one of the two
 * counted. It does not matter which of the two counts the rates use.
 */
function completionDifference(
  { usage }: ServingSummary,
  requests: readonly RequestRecord[],
  { outputTokensBy, retokenized }: ServingRecord,
): number | null {
  if (outputTokensBy === 'tokenizer') return usage.completion;
  if (retokenized === undefined || retokenized === 0) return null;
  const countedByServer = requests.reduce(
    (sum, { outcome, outputTokens }) => sum + (outcome === 'complete' ? (outputTokens ?? 0) : 0),
    0,
  );
  return countedByServer / retokenized - 1;
}

/**
 * @param late whether the generator was late. Then quoted latencies count from intended starts, because its
 *   delays are part of the time that users wait.
 */
function latencies({ latencies: of }: ServingSummary, late: boolean): Entries {
  const none = 'no request came to it';
  const quoted = late ? of.scheduled : of.service;
  const percentileEntries = (prefix: string, summary: LatencySummary) =>
    Object.fromEntries(
      (['p50', 'p90', 'p99'] as const).map((p) => [
        `${prefix}${p.toUpperCase()}Seconds`,
        percentile(summary, p, none),
      ]),
    ) as Entries;
  return {
    timeToFirstTokenSeconds: percentile(quoted.ttft, 'p50', none),
    timePerOutputTokenSeconds: percentile(of.tpot, 'p50', 'no answer came in chunks'),
    interTokenLatencyP50Seconds: percentile(of.itlPerToken, 'p50', 'no answer came in chunks'),
    interTokenLatencyP90Seconds: percentile(of.itlPerToken, 'p90', 'no answer came in chunks'),
    interTokenLatencyP99Seconds: percentile(of.itlPerToken, 'p99', 'no answer came in chunks'),
    interChunkLatencyP50Seconds: percentile(of.itlPerChunk, 'p50', 'no answer came in chunks'),
    interChunkLatencyP99Seconds: percentile(of.itlPerChunk, 'p99', 'no answer came in chunks'),
    averageLatencySeconds: single(quoted.e2e.mean, none),
    ...percentileEntries('scheduledTimeToFirstToken', of.scheduled.ttft),
    ...percentileEntries('serviceTimeToFirstToken', of.service.ttft),
    ...percentileEntries('requestTimePerOutputToken', of.tpot),
    ...percentileEntries('scheduledLatency', of.scheduled.e2e),
    ...percentileEntries('serviceLatency', of.service.e2e),
  };
}

/** A percentile with too few readings is null, and the reason says how many are needed. */
function percentile(summary: LatencySummary, p: 'p50' | 'p90' | 'p99', none: string): Entry {
  const { value, upper, reason } = summary[p];
  if (value === null) return missing(none);
  if (p === 'p99' && upper === null && summary.count < FEWEST_FOR_P99)
    return missing(reason ?? `${summary.count} requests say nothing of a p99`);
  return { ...(single(value, none) as object), n: summary.count, mean: summary.mean ?? value } as Entry;
}

/** With fewer readings, the p99 would be the largest of them. */
const FEWEST_FOR_P99 = 100;

function loadEntries(serving: ServingRecord): Entries {
  const { startSeconds, weightsLoadSeconds, generator, kept, search } = serving;
  const highest = (option: NonNullable<ServingRecord['search']>['of']) =>
    search?.of === option ? single(search.load, search.reason) : missing('the sweep searches no such load');
  const running = kept ? 'the server was running already' : 'the server was not started for this trial';
  return {
    highestRequestsPerSecond: highest('requestsPerSecond'),
    highestConcurrency: highest('concurrency'),
    serverStartSeconds: single(kept ? null : startSeconds, running),
    weightsLoadSeconds: single(
      kept ? null : weightsLoadSeconds,
      kept ? running : 'the log of the server does not say',
    ),
    generatorLagP99Seconds: single(generator.lag?.p99 ?? null, 'nothing was sent'),
  };
}

/** Metrics that the server reports about itself; each reason names what it does not report. */
function serverEntries(serving: ServingRecord, requests: number): Entries {
  const { inside: said, insideAbsent } = serving;
  const growth = (name: ServerMetric) => {
    const metric = said[name];
    return metric !== undefined && 'growth' in metric ? metric.growth : null;
  };
  const gauge = (name: ServerMetric, what: 'mean' | 'max') => {
    const metric = said[name];
    return metric !== undefined && 'mean' in metric ? metric[what] : null;
  };
  const ratioOf = (above: number | null, below: number | null) =>
    above === null || below === null || below === 0 ? null : above / below;
  const entry = (value: number | null, what: string) =>
    single(value, insideAbsent ?? `the server tells nothing of ${what}`);
  const loaded = (value: number | null, what: string) =>
    single(value, insideAbsent ?? `the server told nothing of ${what} while it was loaded`);
  const steps = growth('draftSteps');
  const accepted = growth('acceptedDraftTokens');
  return {
    kvCacheUsageRatio: loaded(gauge('kvCacheUsageRatio', 'max'), 'the use of its KV cache'),
    prefixCacheHitRatio: entry(prefixHitRatio(serving), 'hits of its prefix cache'),
    meanQueuedRequests: loaded(gauge('requestsWaiting', 'mean'), 'its queue'),
    meanRunningRequests: loaded(gauge('requestsRunning', 'mean'), 'the requests it works on'),
    preemptionsPerRequest: entry(ratioOf(growth('preemptions'), requests), 'preemptions'),
    acceptanceLength: entry(
      steps === null || steps === 0 || accepted === null ? null : 1 + accepted / steps,
      'steps of speculative decoding',
    ),
    draftAcceptanceRatio: entry(ratioOf(accepted, growth('draftedTokens')), 'drafted tokens'),
  };
}

function lateness(
  { throughput, latencies: of, chunks, window }: ServingSummary,
  { generator }: ServingRecord,
): Warning[] {
  const seconds = window.toSeconds - window.fromSeconds;
  const problems = generatorProblems(generator, generator.ceiling, {
    medianFirstToken: of.service.ttft.p50.value,
    requestsPerSecond: throughput.requestsPerSecond,
    chunksPerSecond: seconds > 0 ? chunks / seconds : null,
  });
  return problems.map((problem) =>
    warn('generator-late', `${problem}. TTFT and latency count from when requests were meant to start`),
  );
}

function missedRate(requests: readonly RequestRecord[], arrival: unknown): Warning[] {
  const short = isScheduled(arrival) ? rateShortfall(requests) : null;
  return short === null ? [] : [warn('rate-missed', short)];
}

/** Whether the server of an experiment was made to give answers of the lengths that the sweep says. */
function forcesLengths({ runner, workload }: Pick<Experiment, 'runner' | 'workload'>): boolean {
  const forced = profileOf(runner.kind)?.exactLength ?? {};
  return workload.options.exactLength === true && Object.keys(forced).length > 0;
}

/** @param forced whether the server was made to give answers of the lengths that were asked for. */
function loadWarnings(
  { serverLength, usage }: ServingSummary,
  serving: ServingRecord,
  countsDiffer: number | null,
  forced: boolean,
): Warning[] {
  const differs = (difference: number) => Math.abs(difference) > COUNTS_DIFFER;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const length = serverLength ?? 0;
  const prompts = serving.chatTemplate !== undefined && serving.promptTokensBy === 'tokenizer';
  const asked = prompts ? (usage.prompt ?? 0) : 0;
  const counts = countsDiffer ?? 0;
  const counted = `${percent(Math.abs(counts))} ${counts > 0 ? 'more' : 'fewer'}`;
  return [
    ...(serving.endedEarly === null ? [] : [warn('over-saturated', serving.endedEarly)]),
    ...(serving.search?.load === null ? [warn('slo-unmet', serving.search.reason)] : []),
    ...warnIf(
      differs(length),
      forced ? 'length-forced' : 'length-mismatch',
      `answers had ${percent(1 + length)} of the tokens that were asked for`,
    ),
    ...warnIf(
      serving.outputTokensBy === 'server',
      'tokens-uncounted',
      'tokens are those that the server says: no tokenizer is known',
    ),
    ...warnIf(
      differs(asked),
      'usage-differs',
      `the server counts ${percent(asked)} more prompt tokens than the model's own chat template makes`,
    ),
    ...warnIf(
      differs(counts),
      'usage-differs',
      `the server counts ${counted} output tokens than the tokenizer`,
    ),
  ];
}

/**
 * Warnings from sending the same prompts twice. @param prefixes whether the sweep asks for a prefix cache.
 */
function cached({ audit }: ServingRecord, prefixes: boolean): Warning[] {
  if (audit === null) return [];
  const { pairs, firstToken, decode } = auditCaches(requestsOf(audit));
  const speedupText = (what: string, { saved, p }: Speedup) =>
    `asked again, ${pairs} prompts ${what} ${(100 * saved).toFixed(0)} % sooner (p ${p.toPrecision(1)})`;
  if (decode?.cached) return [warn('output-cached', speedupText('had each further token', decode))];
  if (!firstToken?.cached || prefixes) return [];
  return [warn('prefix-cached', speedupText('had their first token', firstToken))];
}

/**
 * Whether the server had prompts in its cache before the run, according to its own count of hits or, if it
 * reports none, to how fast it answered.
 */
function known(
  serving: ServingRecord,
  requests: readonly RequestRecord[],
  options: Experiment['workload']['options'],
): Warning[] {
  const shared = sharedOfRun(serving) ?? sharedByOptions(options);
  if (shared === null) return [];
  const hits = prefixHitRatio(serving);
  const told = hits === null ? null : knownBefore(hits, shared);
  if (told !== null) return [warn('prompts-known', told)];
  if (hits !== null || serving.audit === null) return [];
  const found = firstTokensKnown(requests, requestsOf(serving.audit), shared.ratio);
  if (found === null) return [];
  const { pairs, run, again } = found;
  const soonerText = (saved: number) => `${(100 * saved).toFixed(0)} % sooner`;
  return [
    warn(
      'prompts-known',
      `${pairs} requests had their first token ${soonerText(run.saved)} than new prompts of their length (p ${run.p.toPrecision(1)}), as prompts that are asked again have (${soonerText(again.saved)}): the server knew prompts of another run`,
    ),
  ];
}

/** One warning with the number of failures and the sentence of the first one. */
function failures(
  { outcomes, requests: count }: ServingSummary,
  requests: readonly RequestRecord[],
): Warning[] {
  if (outcomes.complete === count) return [];
  const first = requests.find(({ outcome }) => outcome !== 'complete');
  const counted = Object.entries(outcomes)
    .filter(([outcome, n]) => outcome !== 'complete' && n > 0)
    .map(([outcome, n]) => `${n} ${outcome}`);
  const message = `${counted.join(', ')} of ${count} requests; the first: ${first?.problem ?? 'it gave no reason'}`;
  if (outcomes.complete === 0) return [warn('nothing-served', message)];
  const failed = warn('requests-failed', message);
  if (2 * outcomes.complete >= count) return [failed];
  return [failed, warn('most-failed', `${outcomes.complete} of ${count} requests were answered whole`)];
}
