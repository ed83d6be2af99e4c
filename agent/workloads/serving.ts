import { FailureError, failure } from '../../core/errors.js';
import type { GeneratorCeiling } from '../../core/serving/generator.js';
import { columnsOf, type ServingRecord } from '../../core/serving/record.js';
import type { Arrival } from '../../core/serving/requests.js';
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
    const warmups = await load('warm-up', { endpoint, tokenizer, wanted, context, input });
    const inside = watchInside(
      served.profile.paths.metrics === null ? null : `${served.url}${served.profile.paths.metrics}`,
      headersOf(served),
      served.profile,
    );
    const outcome = await load('serve', { endpoint, tokenizer, wanted, context, input });
    const read = await inside();
    if (outcome === null)
      throw new FailureError(failure('impossible-combination', 'the workload asks nothing'));
    return {
      repeats: 1,
      warmups: warmups?.records.length ?? 0,
      warmupSettled: true,
      stop: 'load-done',
      halfWidth: null,
      tokenSeconds: [],
      findings: { of: 'serving', record: recordOf(outcome, served, tokenizer, { ceiling, read }) },
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

async function load(
  phase: 'warm-up' | 'serve',
  { endpoint, tokenizer, wanted, context, input }: Load,
): Promise<LoadOutcome | null> {
  const warms = phase === 'warm-up';
  const most = warms ? wanted.warmupRequests : wanted.requests;
  if (most === 0) return null;
  const seed = warms ? wanted.loadSeed ^ WARMUP_SEED : wanted.loadSeed;
  const requests = await plannedRequests({
    ...wanted,
    requests: most,
    seed,
    path: warms ? null : input.promptsPath,
    tokenizer,
  });
  const outcome = await runLoad({
    endpoint,
    requests,
    arrival: warms ? { kind: 'closed', concurrency: 1 } : arrivalOf(wanted, most),
    seed,
    maxSeconds: warms ? null : wanted.loadSeconds,
    maxRequests: most,
    tokenizer,
    now: context.now,
    shouldStop: context.stopReason,
  });
  const reason = context.stopReason();
  if (reason !== null) throw new FailureError(failure('cancelled', `the trial was stopped: ${reason}`));
  const { originSeconds, endSeconds, records } = outcome;
  const tokens = records.reduce((sum, { outputTokens }) => sum + (outputTokens ?? 0), 0);
  context.stamp(phase, 0, originSeconds, originSeconds + endSeconds, tokens);
  return outcome;
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

function recordOf(
  outcome: LoadOutcome,
  { name, startSeconds, weightsLoadSeconds, kept }: ServedEndpoint,
  tokenizer: Tokenizer | null,
  { ceiling, read }: { readonly ceiling: GeneratorCeiling; readonly read: InsideReadings },
): ServingRecord {
  const { records, skippedTurns, promptTokensBy, outputTokensBy, generator } = outcome;
  return {
    server: name,
    startSeconds,
    weightsLoadSeconds,
    kept,
    requests: columnsOf(records),
    skippedTurns,
    promptTokensBy,
    outputTokensBy,
    tokenizer: tokenizer === null ? null : { name: tokenizer.name, digest: tokenizer.digest },
    generator: { ...generator, ceiling },
    ...read,
  };
}
