import { failed } from '../../core/errors.js';
import type { OptionsOf } from '../../core/experiment/options.js';
import { arrivalNamed } from '../../core/serving/arrivals.js';
import {
  LOAD_SEARCH,
  type LoadRun,
  loadOf,
  measured,
  nextLoad,
  startLoadSearch,
} from '../../core/serving/find-rate.js';
import { type GeneratorCeiling, needsCeiling } from '../../core/serving/generator.js';
import { columnsOf, type RequestColumns, type ServingRecord } from '../../core/serving/record.js';
import { type Arrival, mostInFlight } from '../../core/serving/requests.js';
import { SaturationWatch } from '../../core/serving/saturation.js';
import { keptBy, objectivesOf } from '../../core/serving/slo.js';
import type { Tokenizer } from '../../core/serving/tokenizer.js';
import { serving as description } from '../../core/workloads/serving.js';
import { openTokenizer } from '../../engines/runners/tokenizer.js';
import { headersOf } from '../../engines/servers/ask.js';
import { type ServedEndpoint, withoutLora } from '../../engines/servers/served.js';
import { measureCeiling } from '../../load/ceiling.js';
import type { Endpoint } from '../../load/endpoint.js';
import { type InsideReadings, watchInside } from '../../load/inside.js';
import { newSalt } from '../../load/prompts/salt.js';
import { type LoadOutcome, runLoad } from '../../load/run-load.js';
import { choosingLoras } from './lora-requests.js';
import { type RequestMaker, requestMaker } from './serving-requests.js';
import { defineWorkload, type WorkloadContext } from './workload.js';

/** Requests to a server, timed from outside, while its own metrics are read beside. */
export const serving = defineWorkload(description, (wanted) => ({
  demands: {},

  async run({ served }, context, input) {
    const tokenizer = input.tokenizerPath === null ? null : await openTokenizer(input.tokenizerPath);
    const endpoint = endpointOf(served, wanted);
    const salt = wanted.promptSalt ?? newSalt();
    const source = { ...wanted, path: input.promptsPath, tokenizer, salt };
    const alone = { path: null, sharedPrefix: 0, turns: 1 };
    const requests = {
      run: choosingLoras(await requestMaker(source), wanted.loraShares, served),
      warmUp: choosingLoras(await requestMaker({ ...source, path: null }), wanted.loraShares, served),
      // The same seed gives the lengths of the run; another salt gives words that nobody has sent.
      audit: await requestMaker({ ...source, ...alone, salt: newSalt() }),
    };
    const asked = { server: served.name, endpoint, tokenizer, wanted, context, requests };
    const warmups = wanted.warmupRequests > 0 ? await load('warm-up', asked) : null;
    const search = wanted.findHighest === 'none' ? null : await searchHighest(wanted.findHighest, asked);
    const found = search === null ? wanted : { ...wanted, [search.of]: search.load ?? wanted[search.of] };
    // Nothing is asked now, nor behind the load: what costs time to read is read, such as on which GPUs the
    // server computes.
    await context.checkStop();
    const inside = await watchInside(
      served.profile.paths.metrics === null ? null : `${served.url}${served.profile.paths.metrics}`,
      headersOf(served),
      served.profile,
      context.now,
    );
    const outcome = await load('serve', { ...asked, wanted: found });
    const { originSeconds, endSeconds } = outcome;
    const read = await inside(originSeconds, originSeconds + endSeconds);
    await context.checkStop();
    const healthy = outcome.records.every((record) => record.outcome === 'complete');
    const audit = found.audit && healthy ? await askTwice({ ...asked, wanted: found }) : null;
    const ceiling = needsCeiling(outcome.generator) ? await measureCeiling(context.now) : null;
    return {
      repeats: 1,
      warmups: warmups?.records.length ?? 0,
      warmupSettled: true,
      stop: 'load-done',
      halfWidth: null,
      tokenSeconds: [],
      findings: {
        of: 'serving',
        record: recordOf(outcome, served, tokenizer, {
          ceiling,
          read,
          search,
          audit,
          chat: wanted.api === 'chat',
          salt,
        }),
      },
    };
  },
}));

type ServingOptions = OptionsOf<typeof description>;

interface Load {
  /** Its name, for sentences. */
  readonly server: string;
  readonly endpoint: Endpoint;
  readonly tokenizer: Tokenizer | null;
  readonly wanted: ServingOptions;
  readonly context: WorkloadContext;
  readonly requests: Readonly<Record<'run' | 'warmUp' | 'audit', RequestMaker>>;
}

function endpointOf(served: ServedEndpoint, wanted: ServingOptions): Endpoint {
  const { api, stream, temperature, exactLength, requestTimeoutSeconds } = wanted;
  return {
    url: served.url,
    api,
    paths: served.profile.paths,
    model: served.model,
    stream,
    streamOptions: served.profile.streamOptions,
    headers: headersOf(served),
    body: { temperature, ...(exactLength && served.profile.exactLength), ...withoutLora(served) },
    timeoutSeconds: requestTimeoutSeconds,
  };
}

/** Warm-up asks other prompts than those that are measured, so that no cache knows them. */
const WARMUP_SEED = 0x5eed;

interface Loaded extends LoadOutcome {
  /** Why it was ended before its time; null = it was not. */
  readonly endedEarly: string | null;
}

/**
 * @param run of a search, whose requests are others each time.
 * @throws FailureError `cancelled`, `crashed`, and what reading requests throws.
 */
async function load(
  phase: 'warm-up' | 'serve',
  { server, endpoint, tokenizer, wanted, context, requests }: Load,
  run = 0,
): Promise<Loaded> {
  const warms = phase === 'warm-up' && run === 0;
  const most = warms ? wanted.warmupRequests : wanted.requests;
  const seed = warms ? wanted.loadSeed ^ WARMUP_SEED : wanted.loadSeed + run;
  const arrival: Arrival = warms ? { kind: 'closed', concurrency: 1 } : arrivalOf(wanted, most);
  const saturation = watchSaturation(arrival, context.now);
  const outcome = await runLoad({
    endpoint,
    requests: (warms ? requests.warmUp : requests.run)(most, seed),
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
  refuseUnlessWhole(outcome, context, server);
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

/**
 * Searches the highest load that keeps the objectives; the runs of a search are warm-up to the row, which is
 * measured after them.
 */
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
      return { of, load: highest, above, reason, runs: search.runs.map(summaryOf) };
    }
    const wanted = { ...asked.wanted, [of]: next.load };
    const { records, endedEarly } = await load('warm-up', { ...asked, wanted }, search.runs.length + 1);
    search = measured(search, {
      load: next.load,
      ...(!rates && { inFlight: mostInFlight(records) }),
      kept: keptBy(records, objectives),
      saturated: endedEarly !== null,
    });
  }
}

function summaryOf(run: LoadRun) {
  const { kept, saturated } = run;
  return {
    load: loadOf(run),
    requests: kept[0]?.requests ?? 0,
    kept: kept.map((one) => one.kept),
    saturated,
  };
}

/** Prompts of the audit. */
const AUDITED = 8;
/** Enough to tell how long one takes. */
const AUDIT_TOKENS = 16;
/** No prompt of it is asked later; with fewer pairs nothing can be told. */
const AUDIT_SECONDS = 60;

/**
 * Asks for short answers to prompts as long as those of the run, each twice in a row, alone.
 * @throws FailureError `cancelled`, `crashed`.
 */
async function askTwice({
  server,
  endpoint,
  tokenizer,
  wanted,
  context,
  requests,
}: Load): Promise<RequestColumns> {
  const seed = wanted.loadSeed;
  const prompts = requests.audit(AUDITED, seed).flatMap((prompt) => {
    const wantedTokens = Math.min(AUDIT_TOKENS, prompt.wantedTokens ?? AUDIT_TOKENS);
    const short = { ...prompt, wantedTokens };
    return [short, short];
  });
  const outcome = await runLoad({
    endpoint,
    requests: prompts,
    arrival: { kind: 'closed', concurrency: 1 },
    seed,
    maxSeconds: AUDIT_SECONDS,
    maxRequests: prompts.length,
    tokenizer,
    now: context.now,
    shouldStop: context.stopReason,
  });
  refuseUnlessWhole(outcome, context, server);
  return columnsOf(outcome.records);
}

/** @throws FailureError of a run that was stopped from outside, or whose server went away. */
function refuseUnlessWhole({ lost }: LoadOutcome, context: WorkloadContext, server: string): void {
  const reason = context.stopReason();
  if (reason !== null) throw failed('cancelled', `the trial was stopped: ${reason}`);
  if (lost === null) return;
  throw failed(
    'crashed',
    `the server ${server} went away while it was measured: ${lost}`,
    'Its own log says why. Start it again; the same command goes on where it was.',
  );
}

function arrivalOf(wanted: ServingOptions, count: number): Arrival {
  const { arrival, concurrency: atOnce, burstiness, loadSeconds: seconds } = wanted;
  const { requestsPerSecond: perSecond, rampToPerSecond: toPerSecond } = wanted;
  return arrivalNamed(arrival, { atOnce, perSecond, toPerSecond, burstiness, count, seconds });
}

interface Around extends Pick<ServingRecord, 'search' | 'audit'> {
  readonly ceiling: GeneratorCeiling | null;
  /** Whether messages of chats were sent. */
  readonly chat: boolean;
  readonly salt: string;
  readonly read: InsideReadings;
}

function recordOf(
  outcome: Loaded,
  { name, startSeconds, weightsLoadSeconds, kept }: ServedEndpoint,
  tokenizer: Tokenizer | null,
  { ceiling, read, search, audit, chat, salt }: Around,
): ServingRecord {
  const { records, skippedTurns, generator, endedEarly } = outcome;
  const { promptTokensBy, outputTokensBy, retokenized, sharedPromptTokens } = outcome;
  return {
    server: name,
    startSeconds,
    weightsLoadSeconds,
    kept,
    requests: columnsOf(records),
    skippedTurns,
    endedEarly,
    search,
    promptSalt: salt,
    sharedPromptTokens,
    promptTokensBy,
    outputTokensBy,
    ...(retokenized !== null && { retokenized }),
    tokenizer: tokenizer === null ? null : { name: tokenizer.name, digest: tokenizer.digest },
    ...(chat && tokenizer?.chat != null && { chatTemplate: { digest: tokenizer.chat.digest } }),
    audit,
    generator: { ...generator, ceiling },
    ...read,
  };
}
