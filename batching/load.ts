import type { OptionsOf } from '../core/experiment/options.js';
import { arrivalNamed } from '../core/serving/arrivals.js';
import { type DrawnLoad, drawRequests } from '../core/serving/drawn-requests.js';
import { type Lengths, parseLengths } from '../core/serving/lengths.js';
import type { Arrival } from '../core/serving/requests.js';
import { BLOCK_TOKENS, readTrace, type TracedUnit, traceFormatOf } from '../core/serving/trace.js';
import type { serving } from '../core/workloads/serving.js';
import type { Passage, TokenRequest } from './request.js';

/** What is sent to a server, in the words of the load generator's orders. */
export interface TokenLoad {
  /** In the order in which they are sent, with the turns of a conversation together. */
  readonly requests: Iterable<TokenRequest>;
  readonly arrival: Arrival;
  readonly seed: number;
  /** No request is sent after this time; null = until all were sent. */
  readonly maxSeconds: number | null;
  readonly maxRequests: number | null;
  /** The most requests in flight, whatever the arrival is; null = no limit. */
  readonly maxConcurrency: number | null;
  /** Law of lengths, way of arriving, number of requests: a clause that stands beside every answer. */
  readonly says: string;
}

/** Of a workload `serving` at one point. */
export type ServingOptions = OptionsOf<typeof serving>;

/**
 * @param options of a sweep's `serving` workload.
 * @param trace the text of the file that they name; null = prompts are made up.
 * @returns what its load generator sends, as counted tokens: the same lengths and starts of the same
 *   `loadSeed`; or a sentence on what cannot be read.
 */
export function loadOf(options: ServingOptions, trace: string | null): TokenLoad | string {
  const { loadSeed: seed, loadSeconds: maxSeconds, requests: count } = options;
  if (options.promptDataset !== null)
    return 'Prompts of a file have no lengths without a tokenizer: leave promptDataset out, or name a trace.';
  const arrival = arrivalNamed(options.arrival, {
    atOnce: options.concurrency,
    perSecond: options.requestsPerSecond,
    toPerSecond: options.rampToPerSecond,
    burstiness: options.burstiness,
    count,
    seconds: maxSeconds,
  });
  const limits = { arrival, seed, maxSeconds, maxRequests: count, maxConcurrency: null };
  if (trace !== null) {
    const requests = tracedRequests(trace, options.traceSpeed, count);
    if (typeof requests === 'string') return requests;
    const more = requests.length >= count && tracedRequests(trace, options.traceSpeed, count + 1);
    const isCut = Array.isArray(more) && more.length > requests.length;
    const said = `${isCut ? 'the first ' : ''}${requests.length} requests of a trace`;
    return { ...limits, requests, says: `${said}, ${arrivalWords(options)}` };
  }
  const [promptTokens, outputTokens] = [
    parseLengths(options.inputTokens),
    parseLengths(options.outputTokens),
  ];
  if (typeof promptTokens === 'string') return promptTokens;
  if (typeof outputTokens === 'string') return outputTokens;
  const { sharedPrefix, turns, thinkSeconds } = options;
  const drawn = { count, seed, promptTokens, outputTokens, sharedPrefix, turns, thinkSeconds };
  return {
    ...limits,
    requests: { [Symbol.iterator]: () => drawnRequests(drawn) },
    says: drawnWords(options, promptTokens, outputTokens),
  };
}

/** @returns requests of a trace's counts, or a sentence that names the first wrong line. */
export function tracedRequests(text: string, speed: number, most: number): TokenRequest[] | string {
  const units = readTrace(text, traceFormatOf(text), most);
  if (typeof units === 'string') return units;
  const texts = new Texts();
  return units.flatMap((unit) => tracedUnit(unit, speed, texts));
}

/** Numbers of texts: those of a trace's blocks are its own, and others are negative. */
class Texts {
  #next = -2;
  next(): number {
    return this.#next--;
  }
}

function tracedUnit({ session, turns }: TracedUnit, speed: number, texts: Texts): TokenRequest[] {
  let before: readonly Passage[] = [];
  return turns.map((one, turn): TokenRequest => {
    const { blocks, promptTokens, outputTokens, atSeconds, thinkSeconds } = one;
    // A turn without blocks of its own is sent behind what was said before.
    const follows = turn > 0 && blocks.length === 0;
    const own: readonly Passage[] =
      blocks.length > 0
        ? blocks.map((id, place) => ({
            id,
            tokens: Math.min(BLOCK_TOKENS, promptTokens - place * BLOCK_TOKENS),
          }))
        : turns.length > 1
          ? [{ id: texts.next(), tokens: promptTokens }]
          : [];
    const beginning = follows ? [...before, ...own] : own;
    const answerId = turn + 1 < turns.length ? texts.next() : null;
    before = answerId === null ? [] : [...beginning, { id: answerId, tokens: outputTokens }];
    return {
      promptTokens: follows ? tokensOf(beginning) : promptTokens,
      outputTokens,
      beginning,
      answerId,
      conversation: session,
      turn,
      thinkSeconds: thinkSeconds / speed,
      atSeconds: atSeconds === null ? null : atSeconds / speed,
    };
  });
}

/** The text that all first turns share. */
const SHARED = 0;

/** @returns requests that are drawn as the load generator draws them. */
export function* drawnRequests(load: DrawnLoad): Generator<TokenRequest> {
  const { turns = 1 } = load;
  const texts = new Texts();
  let before: readonly Passage[] = [];
  for (const { textTokens, sharedTokens, outputTokens, ...place } of drawRequests(load).requests) {
    const own = textTokens - sharedTokens;
    const passages: Passage[] = sharedTokens === 0 ? [] : [{ id: SHARED, tokens: sharedTokens }];
    if (turns > 1 && own > 0) passages.push({ id: texts.next(), tokens: own });
    const earlier = place.turn === 0 ? [] : before;
    const beginning = [...earlier, ...passages];
    const answerId = place.turn + 1 < turns ? texts.next() : null;
    before = answerId === null ? [] : [...beginning, { id: answerId, tokens: outputTokens }];
    const { conversation, turn, thinkSeconds } = place;
    yield {
      promptTokens: tokensOf(earlier) + textTokens,
      outputTokens,
      beginning,
      answerId,
      conversation,
      turn,
      thinkSeconds,
      atSeconds: null,
    };
  }
}

const tokensOf = (passages: readonly Passage[]) => passages.reduce((sum, { tokens }) => sum + tokens, 0);

function drawnWords(options: ServingOptions, prompt: Lengths, output: Lengths): string {
  const { requests, sharedPrefix, turns, thinkSeconds } = options;
  return [
    `${requests} requests of ${lengthWords(prompt)} in and ${lengthWords(output)} out`,
    arrivalWords(options),
    ...(sharedPrefix > 0 ? [`${100 * sharedPrefix} % of each prompt shared`] : []),
    ...(turns > 1 ? [`${turns} turns with ${thinkSeconds} s to think`] : []),
  ].join(', ');
}

function lengthWords(lengths: Lengths): string {
  switch (lengths.kind) {
    case 'fixed':
      return `${lengths.tokens} tokens`;
    case 'uniform':
      return `${lengths.from} to ${lengths.to} tokens (uniform)`;
    case 'normal':
      return `${lengths.mean} ± ${lengths.deviation} tokens (normal)`;
    case 'lognormal':
      return `${lengths.median} tokens in the median (lognormal, sigma ${lengths.sigma})`;
  }
}

function arrivalWords({
  arrival,
  concurrency,
  requestsPerSecond,
  rampToPerSecond,
  burstiness,
  traceSpeed,
}: ServingOptions): string {
  const rate = `${Number(requestsPerSecond?.toPrecision(4))} requests/s`;
  switch (arrival) {
    case 'closed':
      return `${concurrency} at once from the first moment on`;
    case 'constant':
      return `${rate} at equal gaps`;
    case 'poisson':
      return `${rate} (Poisson)`;
    case 'gamma':
      return `${rate} (gamma gaps of shape ${burstiness})`;
    case 'ramp':
      return `from ${requestsPerSecond} to ${rampToPerSecond} requests/s`;
    case 'offline':
      return 'all at once';
    case 'trace':
      return traceSpeed === 1 ? 'at its times' : `at ${traceSpeed} times its speed`;
  }
}
