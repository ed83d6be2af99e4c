import { FailureError, failure } from '../../core/errors.js';
import {
  LOAD_SEARCH,
  type LoadRun,
  measured,
  nextLoad,
  startLoadSearch,
} from '../../core/serving/find-rate.js';
import type { GeneratorCeiling } from '../../core/serving/generator.js';
import { columnsOf, type ServingRecord } from '../../core/serving/record.js';
import type { Arrival } from '../../core/serving/requests.js';
import { SaturationWatch } from '../../core/serving/saturation.js';
import { keptBy, objectivesOf } from '../../core/serving/slo.js';
import type { ArrivalName } from '../../core/workloads/serving.js';
import { openTokenizer } from '../runners/tokenizer.js';
import { headersOf } from '../servers/ask.js';
import type { ServedEndpoint } from '../servers/served.js';
import { measureCeiling } from '../serving/ceiling.js';
import type { Endpoint } from '../serving/endpoint.js';
import { type InsideReadings, watchInside } from '../serving/inside.js';
import { type LoadOutcome, runLoad } from '../serving/run-load.js';
import type { Tokenizer } from '../serving/tokenizer.js';
import { plannedRequests } from './serving-requests.js';
import type { ServingInput, Workload, WorkloadContext, WorkloadOutcome } from './workload.js';

/** Requests to a server, timed from outside, while its own metrics are read beside. */
export const serving = {
  kind: 'serving',
  needs: 'endpoint',

  demands: () => ({}),

  async run({ served }, options, context, input): Promise<WorkloadOutcome> {
    const wanted = options as unknown as ServingOptions;
    const tokenizer = input.tokenizerPath === null ? null : await openTokenizer(input.tokenizerPath);
    const endpoint = endpointOf(served, wanted);
    const ceiling = await measureCeiling(context.now);
    const asked = { endpoint, tokenizer, wanted, context, input };
    const warmups = wanted.warmupRequests > 0 ? await load('warm-up', asked) : null;
    const search = wanted.findHighest === 'none' ? null : await searchHighest(wanted.findHighest, asked);
    const found = search === null ? wanted : { ...wanted, [search.of]: search.load ?? wanted[search.of] };
    // Nothing is asked now, nor behind the load: what costs time to read is read, such as on which GPUs the server computes.
    await context.breathe();
    const inside = watchInside(
      served.profile.paths.metrics === null ? null : `${served.url}${served.profile.paths.metrics}`,
      headersOf(served),
      served.profile,
    );
    const outcome = await load('serve', { ...asked, wanted: found });
    const read = await inside();
    await context.breathe();
    return {
      repeats: 1,
      warmups: warmups?.records.length ?? 0,
      warmupSettled: true,
      stop: 'load-done',
      halfWidth: null,
      tokenSeconds: [],
      findings: { of: 'serving', record: recordOf(outcome, served, tokenizer, { ceiling, read, search }) },
    };
  },
} satisfies Workload<'endpoint'>;

/** As core/workloads/serving.ts describes them, checked at the door. */
interface ServingOptions {
  readonly arrival: ArrivalName;
  readonly concurrency: number;
  readonly requestsPerSecond: number | null;
  readonly rampToPerSecond: number | null;
  readonly burstiness: number;
  readonly requests: number;
  readonly warmupRequests: number;
  readonly loadSeconds: number | null;
  readonly inputTokens: number | string;
  readonly outputTokens: number | string;
  readonly exactLength: boolean;
  readonly promptDataset: string | null;
  readonly trace: string | null;
  readonly traceSpeed: number;
  readonly turns: number;
  readonly thinkSeconds: number;
  readonly sharedPrefix: number;
  readonly api: 'completions' | 'chat';
  readonly stream: boolean;
  readonly temperature: number;
  readonly loadSeed: number;
  readonly requestTimeoutSeconds: number;
  readonly slo: string | null;
  readonly findHighest: 'none' | 'requestsPerSecond' | 'concurrency';
}

interface Load {
  readonly endpoint: Endpoint;
  readonly tokenizer: Tokenizer | null;
  readonly wanted: ServingOptions;
  readonly context: WorkloadContext;
  readonly input: ServingInput;
}

function endpointOf(served: ServedEndpoint, wanted: ServingOptions): Endpoint {
  const { api, stream, temperature, exactLength, requestTimeoutSeconds } = wanted;
  return {
    url: served.url,
    api,
    paths: served.profile.paths,
    model: served.model,
    stream,
    headers: headersOf(served),
    body: { temperature, ...(exactLength && served.profile.exactLength) },
    timeoutSeconds: requestTimeoutSeconds,
  };
}

/** Warm-up asks other prompts than those that are measured, so that no cache knows them. */
const WARMUP_SEED = 0x5eed;

interface Loaded extends LoadOutcome {
  /** Why it was ended before its time; null = it was not. */
  readonly endedEarly: string | null;
}

/** @param run of a search, whose requests are others each time. @throws FailureError `cancelled`, and what reading requests throws. */
async function load(
  phase: 'warm-up' | 'serve',
  { endpoint, tokenizer, wanted, context, input }: Load,
  run = 0,
): Promise<Loaded> {
  const warms = phase === 'warm-up' && run === 0;
  const most = warms ? wanted.warmupRequests : wanted.requests;
  const seed = warms ? wanted.loadSeed ^ WARMUP_SEED : wanted.loadSeed + run;
  const requests = await plannedRequests({
    ...wanted,
    requests: most,
    seed,
    path: warms ? null : input.promptsPath,
    tokenizer,
  });
  const arrival: Arrival = warms ? { kind: 'closed', concurrency: 1 } : arrivalOf(wanted, most);
  const saturation = watchSaturation(arrival, context.now);
  const outcome = await runLoad({
    endpoint,
    requests,
    arrival,
    seed,
    maxSeconds: warms ? null : wanted.loadSeconds,
    maxRequests: most,
    tokenizer,
    now: context.now,
    shouldStop: () => context.stopReason() ?? saturation.reason(),
    onSent: saturation.started,
    onRequest: saturation.ended,
  });
  const reason = context.stopReason();
  if (reason !== null) throw new FailureError(failure('cancelled', `the trial was stopped: ${reason}`));
  const { originSeconds, endSeconds, records } = outcome;
  const tokens = records.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0);
  context.stamp(phase, run, originSeconds, originSeconds + endSeconds, tokens);
  return { ...outcome, endedEarly: saturation.reason() };
}

/** An open loop that sends more than the server ends has nothing to tell but its own length: it is ended. */
function watchSaturation(arrival: Arrival, now: () => number) {
  const watch = arrival.kind === 'open' ? new SaturationWatch() : null;
  const begun = now();
  let found: string | null = null;
  return {
    started: () => watch?.started(now() - begun),
    ended: () => watch?.ended(now() - begun),
    reason() {
      const decision = found === null ? watch?.decide(now() - begun) : undefined;
      if (decision?.state === 'saturated') found = decision.reason;
      return found;
    },
  };
}

/** Requests of a rate or a concurrency beyond which nobody searches. */
const MOST_LOAD = 65_536;
const LEAST_RATE = 0.01;

/** Searches the highest load that keeps the objectives; the runs of a search are warm-up to the row, which is measured after them. */
async function searchHighest(
  of: 'requestsPerSecond' | 'concurrency',
  asked: Load,
): Promise<NonNullable<ServingRecord['search']>> {
  const objectives = objectivesOf(asked.wanted.slo) ?? [];
  const rates = of === 'requestsPerSecond';
  let search = startLoadSearch({
    ...LOAD_SEARCH,
    of: rates ? 'rate' : 'concurrency',
    start: asked.wanted[of] ?? 1,
    least: rates ? LEAST_RATE : 1,
    most: MOST_LOAD,
  });
  for (;;) {
    const next = nextLoad(search);
    if (next.kind !== 'measure') {
      const { load: highest, above, reason } = next;
      return { of, load: highest, above, reason, runs: search.runs.map(told) };
    }
    const wanted = { ...asked.wanted, [of]: next.load };
    const { records, endedEarly } = await load('warm-up', { ...asked, wanted }, search.runs.length + 1);
    const run = { load: next.load, kept: keptBy(records, objectives), saturated: endedEarly !== null };
    search = measured(search, run);
  }
}

function told({ load: tried, kept, saturated }: LoadRun) {
  return { load: tried, requests: kept[0]?.requests ?? 0, kept: kept.map((one) => one.kept), saturated };
}

/** The door asks for the numbers that each takes. */
function arrivalOf(wanted: ServingOptions, requests: number): Arrival {
  const { arrival, concurrency, burstiness } = wanted;
  const requestsPerSecond = wanted.requestsPerSecond ?? 0;
  const toPerSecond = wanted.rampToPerSecond ?? 0;
  switch (arrival) {
    case 'closed':
      return { kind: 'closed', concurrency };
    case 'constant':
      return { kind: 'open', requestsPerSecond, shape: Number.POSITIVE_INFINITY };
    case 'poisson':
      return { kind: 'open', requestsPerSecond, shape: 1 };
    case 'gamma':
      return { kind: 'open', requestsPerSecond, shape: burstiness };
    case 'ramp':
      return {
        kind: 'ramp',
        fromPerSecond: requestsPerSecond,
        toPerSecond,
        // As long as so many requests take at the mean of both rates.
        seconds: wanted.loadSeconds ?? (2 * requests) / (requestsPerSecond + toPerSecond),
      };
    case 'offline':
    case 'trace':
      return { kind: arrival };
  }
}

interface Around extends Pick<ServingRecord, 'search'> {
  readonly ceiling: GeneratorCeiling;
  readonly read: InsideReadings;
}

function recordOf(
  outcome: Loaded,
  { name, startSeconds, weightsLoadSeconds, kept }: ServedEndpoint,
  tokenizer: Tokenizer | null,
  { ceiling, read, search }: Around,
): ServingRecord {
  const { records, skippedTurns, promptTokensBy, outputTokensBy, generator, endedEarly } = outcome;
  return {
    server: name,
    startSeconds,
    weightsLoadSeconds,
    kept,
    requests: columnsOf(records),
    skippedTurns,
    endedEarly,
    search,
    promptTokensBy,
    outputTokensBy,
    tokenizer: tokenizer === null ? null : { name: tokenizer.name, digest: tokenizer.digest },
    generator: { ...generator, ceiling },
    ...read,
  };
}
