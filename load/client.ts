import type { IncomingHttpHeaders } from 'node:http';
import type { RequestOutcome } from '../core/serving/requests.js';
import { Gathered } from '../proto/http/gathered.js';
import { type Channel, type Delta, readDelta, refusalOf, type Usage } from './delta.js';
import { bodyOf, type EarlierTurn, type Endpoint, type PlannedRequest } from './endpoint.js';
import { chunksOf, failureOf, type Problem } from './problems.js';
import { EventStream } from './sse.js';
import type { Transport } from './transport.js';

/**
 * A chunk of an answer that contains text, or a token whose text is still to come according to the server,
 * such as a part of a character.
 */
export interface Chunk {
  readonly seconds: number;
  readonly channel: Channel;
  readonly text: string;
  /**
   * Tokens of the answer up to this chunk, if the server was asked to report them with each chunk (vLLM's
   * `continuous_usage_stats`).
   */
  readonly countedUntilHere: number | null;
}

/** A request that is ready for the wire. */
export interface Start extends Pick<Exchange, 'planned' | 'before' | 'intended' | 'due'> {
  readonly body: Buffer;
}

/** A request with everything that was received for it; times are those of the clock. */
export interface Exchange {
  readonly planned: PlannedRequest;
  /** Turns of its conversation that went before it. */
  readonly before: readonly EarlierTurn[];
  readonly intended: number;
  /**
   * The time from which only the generator could delay it: the intended start, or the time at which another
   * request ended and made room for it.
   */
  readonly due: number;
  dispatched: number | null;
  headers: number | null;
  firstByte: number | null;
  done: number | null;
  /**
   * The time at which the next request could take its place. It is later than `done` if the server announced
   * the end but kept the connection.
   */
  freed: number | null;
  outcome: RequestOutcome;
  problem: string | null;
  status: number | null;
  bytes: number;
  usage: Usage | null;
  /** Whether the answer was streamed. */
  readonly streamed: boolean;
  readonly chunks: Chunk[];
}

/** Number of bytes that are kept of the body of a refusal, or of an answer that is not JSON. */
const REFUSAL_BYTES = 65_536;
/**
 * The largest answer, and the bytes allowed for each requested token, since the JSON around a token takes
 * some hundred bytes.
 */
const ANSWER_BYTES = 256 * 2 ** 20;
const TOKEN_BYTES = 4096;
const AROUND_BYTES = 2 ** 20;
/**
 * Each token of a prompt is at least one byte of it, except for those that a template adds; of these there
 * may be this many.
 */
const TEMPLATE_TOKENS = 4096;
/** How long a server may take to close a stream whose end it has announced. */
const CLOSING_SECONDS = 1;
/** How often the time limits of all requests are checked, so that none of them needs a timer of its own. */
const LOOK_MILLISECONDS = 100;

/** Events of the socket, in the order in which they arrived. */
type Event =
  | { readonly kind: 'head'; readonly status: number; readonly headers: IncomingHttpHeaders }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: NodeJS.ErrnoException };

/**
 * Sends requests and stamps what comes back. Everything that sockets deliver in one turn of the loop is
 * stamped before any of it is parsed, so that the stamp of one stream never waits for the JSON of another.
 */
export class Client {
  readonly #endpoint: Endpoint;
  readonly #transport: Transport;
  readonly #now: () => number;
  readonly #open = new Set<Running>();
  #heard: { readonly running: Running; readonly seconds: number; readonly event: Event }[] = [];
  #look: NodeJS.Timeout | null = null;

  constructor(endpoint: Endpoint, transport: Transport, now: () => number) {
    this.#endpoint = endpoint;
    this.#transport = transport;
    this.#now = now;
  }

  /** Requests on their way. */
  get running(): number {
    return this.#open.size;
  }

  /**
   * @returns the body of a request. It is made before the request is due, so that a long prompt does not make
   *   it late.
   */
  bodyOf(planned: PlannedRequest, before: readonly EarlierTurn[]): Buffer {
    return bodyOf(this.#endpoint, planned, before);
  }

  /** @param onDone is called when the request has ended, in whatever way, but never before `send` returns. */
  send({ body, ...start }: Start, onDone: (exchange: Exchange) => void): Exchange {
    const running = new Running(this.#endpoint, start, body.length, (exchange) => {
      this.#open.delete(running);
      onDone(exchange);
    });
    this.#open.add(running);
    const hear = (event: Event) => {
      if (this.#heard.length === 0) setImmediate(this.#read);
      this.#heard.push({ running, seconds: this.#now(), event });
    };
    running.abort = this.#transport.send(body, {
      head: (status, headers) => hear({ kind: 'head', status, headers }),
      bytes: (bytes) => hear({ kind: 'bytes', bytes }),
      ended: () => hear({ kind: 'ended' }),
      failed: (error) => hear({ kind: 'failed', error }),
    });
    // Making a request takes up to half a millisecond, which counts as delay of the generator, not of the
    // server.
    running.exchange.dispatched = this.#now();
    this.#look ??= setInterval(() => this.#lookAtLimits(), LOOK_MILLISECONDS);
    return running.exchange;
  }

  /** Gives up what is still on its way. */
  stop(reason: string): void {
    this.#read();
    const seconds = this.#now();
    for (const running of this.#open) running.giveUp(seconds, { outcome: 'unfinished', problem: reason });
  }

  close(): void {
    if (this.#look !== null) clearInterval(this.#look);
    this.#look = null;
    this.#transport.close();
  }

  readonly #read = (): void => {
    const heard = this.#heard;
    this.#heard = [];
    for (const { running, seconds, event } of heard) running.hear(seconds, event);
  };

  #lookAtLimits(): void {
    // Received data is read first, because an answer that has arrived is not late.
    this.#read();
    const seconds = this.#now();
    for (const running of this.#open) running.lookAtLimits(seconds);
  }
}

/** One request on its way. */
class Running {
  readonly exchange: Exchange;
  abort: () => void = () => {};
  readonly #endpoint: Endpoint;
  readonly #onDone: (exchange: Exchange) => void;
  /** Reads a stream; null = the answer is kept whole. */
  #events: EventStream | null = null;
  readonly #body = new Gathered(ANSWER_BYTES);
  /** Of the answer, by what was asked for. */
  readonly #mostBytes: number;
  /** Of the prompt, by what was sent. */
  readonly #mostPromptTokens: number;
  /** An impossible count that the server reported; null = none. */
  #countProblem: string | null = null;
  #retryAfter: string | null = null;
  #seconds = 0;
  #finish: string | null = null;
  /** When the stream said that it ends. */
  #closing: number | null = null;
  #over = false;

  constructor(
    endpoint: Endpoint,
    start: Omit<Start, 'body'>,
    sentBytes: number,
    onDone: (exchange: Exchange) => void,
  ) {
    const { wantedTokens } = start.planned;
    this.#endpoint = endpoint;
    this.#onDone = onDone;
    const asked = wantedTokens ?? Number.POSITIVE_INFINITY;
    this.#mostBytes = Math.min(ANSWER_BYTES, AROUND_BYTES + TOKEN_BYTES * asked);
    this.#mostPromptTokens = sentBytes + TEMPLATE_TOKENS;
    const times = { dispatched: null, headers: null, firstByte: null, done: null, freed: null };
    const said = { problem: null, status: null, bytes: 0, usage: null, streamed: endpoint.stream };
    this.exchange = { ...start, ...times, outcome: 'unfinished', ...said, chunks: [] };
  }

  hear(seconds: number, event: Event): void {
    if (this.#over) return;
    this.#seconds = seconds;
    if (event.kind === 'head') this.#head(event.status, event.headers);
    else if (event.kind === 'bytes') this.#bytes(event.bytes);
    else if (event.kind === 'ended') this.#ended();
    else this.#failed(event.error);
  }

  lookAtLimits(seconds: number): void {
    const { dispatched, headers, chunks } = this.exchange;
    const { timeoutSeconds, idleSeconds = null } = this.#endpoint;
    const lasts = seconds - dispatched!;
    if (this.#closing !== null) {
      if (seconds - this.#closing <= CLOSING_SECONDS) return;
      this.#seconds = seconds;
      this.#end(this.#closing, null);
    } else if (lasts > timeoutSeconds) {
      const sofar =
        headers === null
          ? 'without any answer'
          : chunks.length === 0
            ? 'without a token'
            : this.#inTheMiddle();
      const problem = `The request was given up after ${timeoutSeconds} s, ${sofar}.`;
      this.giveUp(seconds, { outcome: 'timed-out', problem });
    } else if (idleSeconds !== null && chunks.length > 0 && seconds - chunks.at(-1)!.seconds > idleSeconds) {
      const problem = `The server sent no token for ${idleSeconds} s ${this.#inTheMiddle()}.`;
      this.giveUp(seconds, { outcome: 'timed-out', problem });
    }
  }
  #inTheMiddle(): string {
    return `in the middle of its answer, after ${chunksOf(this.exchange.chunks.length)}`;
  }

  giveUp(seconds: number, problem: Problem): void {
    if (this.#over) return;
    this.abort();
    this.#end(seconds, problem);
  }

  #end(seconds: number, problem: Problem | null): void {
    if (this.#over) return;
    this.#over = true;
    // The stream announced its end but stayed open, so its socket cannot be used again.
    if (this.#closing !== null) this.abort();
    const { exchange } = this;
    exchange.done = seconds;
    exchange.freed = Math.max(seconds, this.#seconds);
    exchange.outcome = problem?.outcome ?? 'complete';
    exchange.problem = problem?.problem ?? this.#countProblem;
    this.#onDone(exchange);
  }

  #broken(problem: string): void {
    this.giveUp(this.#seconds, { outcome: 'broken', problem });
  }

  #head(status: number, headers: IncomingHttpHeaders): void {
    const { exchange } = this;
    exchange.headers = this.#seconds;
    exchange.status = status;
    if (status >= 300 && status < 400) {
      const to = headers.location === undefined ? '' : ` to ${headers.location.slice(0, 200)}`;
      const problem = `The server redirects (${status})${to}; redirects are not followed.`;
      this.giveUp(this.#seconds, { outcome: 'rejected', problem });
    }
    this.#retryAfter = headers['retry-after'] ?? null;
    if (status !== 200) return;
    const type = (headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
    if (!this.#endpoint.stream) return;
    if (type === 'text/event-stream') this.#events = new EventStream((data) => this.#data(data));
    // A server may refuse with status 200 and a JSON body, so the body is read.
    else if (type !== 'application/json') {
      const what = type === '' ? 'something without a content type' : type;
      this.#broken(`A stream of events was asked for, and the server answers ${what}.`);
    }
  }

  #bytes(bytes: Buffer): void {
    const { exchange } = this;
    exchange.firstByte ??= this.#seconds;
    exchange.bytes += bytes.length;
    if (exchange.status === 200 && exchange.bytes > this.#mostBytes) {
      const { wantedTokens } = exchange.planned;
      const asked = wantedTokens === null ? '' : `, and ${wantedTokens} tokens were asked for`;
      this.#broken(`The answer has more than ${this.#mostBytes} bytes${asked}.`);
    } else if (this.#events !== null) {
      try {
        this.#events.push(bytes);
      } catch (error) {
        this.#broken(`The server's stream cannot be read: ${(error as Error).message}.`);
      }
    } else {
      this.#body.push(bytes);
      if (exchange.status !== 200 && this.#body.length > REFUSAL_BYTES) {
        this.abort();
        this.#refused();
      }
    }
  }

  #data(data: string): void {
    if (this.#over || this.#closing !== null) return;
    if (data === '[DONE]') this.#closing = this.#seconds;
    const delta = this.#closing === null ? this.#parse(data, 'a chunk of its stream') : null;
    if (delta === null) return;
    const problem = `The server gave up in the middle of its stream: ${delta.error}.`;
    if (delta.error === null) this.#take(delta);
    else this.giveUp(this.#seconds, { outcome: 'server-error', problem });
  }

  #take({ texts, answers, finish, ...said }: Delta): void {
    const { exchange } = this;
    const usage = said.usage === null ? null : this.#believed(said.usage);
    const countedUntilHere = usage?.completionTokens ?? null;
    const come = texts.length > 0 || !answers ? texts : this.#textless(countedUntilHere);
    for (const text of come) exchange.chunks.push({ seconds: this.#seconds, ...text, countedUntilHere });
    this.#finish = finish ?? this.#finish;
    exchange.usage = usage ?? exchange.usage;
  }

  /**
   * An answer cannot have more tokens than were requested, or than it has bytes; a prompt cannot have more
   * than were sent.
   */
  #believed({ promptTokens, completionTokens, cachedTokens }: Usage): Usage {
    const { planned, bytes } = this.exchange;
    const most = planned.wantedTokens ?? bytes;
    const countWithin = (count: number | null, limit: number, what: string) => {
      if (count === null || count <= limit) return count;
      this.#countProblem = `The server counts ${count} tokens of ${what}, which had ${limit} at most: that is not used.`;
      return null;
    };
    return {
      promptTokens: countWithin(promptTokens, this.#mostPromptTokens, 'the prompt'),
      completionTokens: countWithin(completionTokens, most, 'the answer'),
      ...(cachedTokens !== undefined && cachedTokens <= (promptTokens ?? 0) && { cachedTokens }),
    };
  }

  /**
   * Only for a server that counts with each chunk. Others report their total with the last chunk, which may
   * contain no token.
   */
  #textless(counted: number | null): Delta['texts'] {
    const last = this.exchange.chunks.at(-1);
    const before = last === undefined ? 0 : last.countedUntilHere;
    if (counted === null || before === null || counted <= before) return [];
    return [{ channel: last?.channel ?? 'answer', text: '' }];
  }

  #parse(json: string, what: string): Delta | null {
    try {
      return readDelta(json);
    } catch (error) {
      this.#broken(`The server sent JSON in ${what} that cannot be read: ${(error as Error).message}.`);
      return null;
    }
  }

  #ended(): void {
    const { status } = this.exchange;
    if (status !== 200) this.#refused();
    else if (this.#events === null) this.#finishWhole();
    else {
      this.#events.end();
      if (this.#over) return;
      const closing = this.#closing;
      this.#closing = null;
      if (closing !== null || this.#finish !== null) this.#end(closing ?? this.#seconds, null);
      else {
        const after = `after ${chunksOf(this.exchange.chunks.length)}`;
        this.#broken(`The stream ended without [DONE] and without a finish_reason, ${after}.`);
      }
    }
  }

  #refused(): void {
    const { status } = this.exchange;
    const said = refusalOf(this.#body.take());
    const wait =
      this.#retryAfter === null ? '' : `, to be asked again after ${this.#retryAfter.slice(0, 40)}`;
    const problem = `The server answered ${status}${said === null ? '' : `: ${said}`}${wait}.`;
    this.#end(this.#seconds, { outcome: status! >= 500 ? 'server-error' : 'rejected', problem });
  }

  #finishWhole(): void {
    const delta = this.#parse(this.#body.take(), 'its answer');
    if (delta === null) return;
    const problem = `The server answered with an error: ${delta.error}.`;
    if (delta.error !== null) this.#end(this.#seconds, { outcome: 'server-error', problem });
    else if (this.#endpoint.stream) {
      this.#broken('A stream of events was asked for, and the server answers application/json.');
    } else {
      this.#take(delta);
      this.#end(this.#seconds, null);
    }
  }

  #failed(error: NodeJS.ErrnoException): void {
    const { headers, chunks } = this.exchange;
    // The server announced the end before the connection broke.
    if (this.#closing !== null) this.#end(this.#closing, null);
    else this.giveUp(this.#seconds, failureOf(error, this.#endpoint.url, headers !== null, chunks.length));
  }
}
