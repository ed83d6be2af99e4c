import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { Pacer } from '../pacer.js';
import { BatchedTiming } from './batched.js';
import { logProbabilities, nextToken, tokensOf } from './log-probabilities.js';
import { type Counters, metricsText, noCounters, observe } from './metrics.js';
import type { SimulatorOptions } from './options.js';
import { type StallingClock, stallingClock } from './stall.js';

export interface Simulator {
  readonly url: string;
  readonly counters: Readonly<Counters>;
  close(): Promise<void>;
  /** Ends when it died of its fault. */
  readonly died: Promise<void>;
}

/** Each word is one token in English vocabularies, together with the blank before it. */
const WORDS = 'the of and to in is that it was for';
/** Tokens before a stream breaks. */
const BEFORE_FAULT = 4;
const REQUEST_BYTES = 64 * 2 ** 20;
/** Prompts whose beginnings it keeps. */
const MOST_KEPT = 200;
/** Of vLLM, whose words it speaks. */
const VLLM_RELEASE = '0.32.0';
/** Block size of vLLM's prefix cache, unless --block-size changes it. */
const VLLM_BLOCK_TOKENS = 16;

/**
 * A server with OpenAI's API and known times, in place of one with a model: every chunk is sent at an
 * absolute time, so that their mean is exact. Its tokens are words, both in prompts and in answers.
 */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const simulated = new Simulated(options);
  const server = createServer((request, response) => {
    simulated.answer(request, response).catch(() => response.destroy());
  });
  // A load generator opens thousands of connections at once.
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, backlog: 4096 }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const close = () => {
    simulated.close();
    return closed(server);
  };
  const { counters, died } = simulated;
  return { url: `http://${host}:${port}`, counters, close, died: died.then(close) };
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** A request that is being answered. */
interface Job {
  readonly asked: Readonly<Record<string, unknown>>;
  readonly response: ServerResponse;
  readonly chat: boolean;
  readonly stream: boolean;
  readonly promptTokens: number;
  /** Prompt tokens that an earlier prompt with its answer begins with, too; null = it has no cache. */
  cachedTokens: number | null;
  readonly tokens: number;
  readonly fails: boolean;
  readonly arrived: number;
  /** The times at which its first and its newest chunk were sent; null = none was sent. */
  sent: { readonly first: number; last: number } | null;
}

class Simulated {
  readonly counters = noCounters();
  readonly died: Promise<void>;
  readonly #options: SimulatorOptions;
  readonly #words: readonly string[];
  readonly #pacer = new Pacer(monotonicSeconds);
  readonly #started = monotonicSeconds();
  readonly #waiting: Job[] = [];
  /** null = by constants. */
  readonly #batched: BatchedTiming | null;
  readonly #prompts = new Set<string>();
  /** The last ones, as tokens. */
  readonly #begun: (readonly (string | number)[])[] = [];
  #die: () => void = () => {};
  #requests = 0;
  #clock: { readonly origin: number; readonly stalling: StallingClock } | null = null;

  constructor(options: SimulatorOptions) {
    this.#options = options;
    this.#words = (options.says || WORDS).split(' ');
    const { timing, 'max-sequences': most } = options;
    const server = timing === null ? null : timing(most > 0 ? most : null);
    if (typeof server === 'string') throw new Error(server);
    this.#batched = server === null ? null : new BatchedTiming(server, this.#pacer, monotonicSeconds);
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  close(): void {
    this.#pacer.close();
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = (request.url ?? '').split('?', 1);
    const ready = monotonicSeconds() - this.#started >= this.#options.ready;
    const json = (status: number, body: unknown) => sendJson(response, status, body);
    if (request.method === 'POST' && /^(\/v1)?\/(chat\/)?completions$/.test(path!)) {
      const text = await bodyOf(request);
      if (ready) this.#complete(path!.includes('chat'), text, response);
      else json(503, LOADING);
    } else if (path === '/completion' && this.#options['log-probabilities'] === 'next') {
      json(200, nextToken(JSON.parse(await bodyOf(request))));
    } else if (path === '/health') json(ready ? 200 : 503, ready ? { status: 'ok' } : LOADING);
    else if (path === '/v1/models') {
      const { model, speaks } = this.#options;
      const owner =
        speaks === 'vLLM' ? { owned_by: speaks.toLowerCase(), root: model } : { owned_by: 'ridgepoint' };
      json(200, { object: 'list', data: [{ id: model, object: 'model', ...owner }] });
    } else if (path === '/version' && this.#options.speaks === 'vLLM') {
      json(200, { version: VLLM_RELEASE });
    } else if (path === '/metrics') {
      const text = metricsText(this.counters, this.#options);
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text);
    } else json(404, problem(404, 'File Not Found', 'not_found_error'));
  }

  #complete(chat: boolean, text: string, response: ServerResponse): void {
    const { fault, tokens } = this.#options;
    const fails = fault.name !== 'none' && this.#requests++ >= fault.after;
    if (fails && this.#failsAtOnce(response)) return;
    let asked: Record<string, unknown>;
    try {
      asked = JSON.parse(text);
    } catch {
      sendJson(response, 400, problem(400, 'the body is no JSON', 'invalid_request_error'));
      return;
    }
    const wanted = typeof asked.max_tokens === 'number' ? asked.max_tokens : tokens;
    const job: Job = {
      asked,
      response,
      chat,
      stream: asked.stream === true,
      promptTokens: tokensOf(asked).length,
      cachedTokens: null,
      tokens: fails && fault.name === 'short' ? Math.max(1, Math.floor(wanted / 2)) : wanted,
      fails,
      arrived: monotonicSeconds(),
      sent: null,
    };
    if (this.#batched !== null) {
      this.#enter(job, this.#batched);
      return;
    }
    const most = this.#options['max-sequences'];
    if (most > 0 && this.counters.processing >= most) {
      this.#waiting.push(job);
      this.counters.deferred += 1;
    } else this.#begin(job);
  }

  /** @returns whether nothing is left to answer. */
  #failsAtOnce(response: ServerResponse): boolean {
    switch (this.#options.fault.name) {
      case 'die':
        this.#die();
        return true;
      case 'hang':
        return true;
      case 'too-many':
        response.setHeader('retry-after', '1');
        sendJson(response, 429, problem(429, 'too many requests', 'rate_limit_error'));
        return true;
      case 'internal-error':
        sendJson(response, 500, problem(500, 'out of memory', 'server_error'));
        return true;
      case 'content-type':
        response.writeHead(200, { 'content-type': 'text/html' }).end('<html>a proxy says hello</html>');
        return true;
      case 'redirect':
        response.writeHead(307, { location: '/v2/completions' }).end();
        return true;
      default:
        return false;
    }
  }

  /** Sends a job's chunks at their times, by a clock that stalls when the options say so. */
  #begin(job: Job): void {
    const { ttft, prefill, keeps, 'chunk-tokens': chunk } = this.#options;
    if (keeps === 'beginnings') job.cachedTokens = this.#common(job);
    const seen = (keeps === 'prefixes' || keeps === 'answers') && this.#seen(job);
    const itl = seen && keeps === 'answers' ? 0 : this.#options.itl;
    const now = monotonicSeconds();
    const { 'stall-at': at, 'stall-for': length } = this.#options;
    this.#clock ??= { origin: now, stalling: stallingClock(at, length) };
    const { origin, stalling } = this.#clock;
    const begin = stalling.serverTime(now - origin);
    const reading = prefill === 0 ? 0 : (job.promptTokens - (job.cachedTokens ?? 0)) / prefill;
    const first = begin + (seen ? 0 : ttft + reading);
    const real = (inside: number) => origin + stalling.realTime(inside);
    this.counters.processing += 1;
    this.counters.promptTokens += job.promptTokens;
    this.counters.cachedTokens += job.cachedTokens ?? 0;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      this.counters.processing -= 1;
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.counters.deferred -= 1;
      this.#begin(next);
    };
    job.response.once('close', end);
    if (!job.stream) {
      const last = first + (job.tokens - 1) * itl;
      this.#pacer.schedule(real(last), () => this.#finish(job));
      return;
    }
    const slowLoris = job.fails && this.#options.fault.name === 'slow-loris';
    const step = (sent: number) => {
      if (over) return;
      if (sent === 0) {
        this.counters.promptSeconds += first - begin;
        job.response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      }
      const count = slowLoris ? 0 : Math.min(chunk, job.tokens - sent);
      const goesOn = this.#chunk(job, sent, count);
      this.counters.outputSeconds += sent === 0 ? 0 : itl * count;
      if (!goesOn) return;
      // A chunk is sent when its last token is due; in endless streams all chunks are full.
      const left = job.tokens - sent - chunk;
      const next = sent + (left > 0 ? Math.min(chunk, left) : chunk);
      this.#pacer.schedule(real(first + next * itl), () => step(sent + chunk));
    };
    this.#pacer.schedule(real(first), () => step(0));
  }

  /** Lets the scheduler decide when its tokens come. */
  #enter(job: Job, batched: BatchedTiming): void {
    const { asked, response, tokens, promptTokens, stream } = job;
    const refusal = batched.server.refusal(promptTokens, tokens);
    if (refusal !== null) {
      sendJson(response, 400, problem(400, refusal, 'BadRequestError'));
      return;
    }
    const { counters } = this;
    const began = monotonicSeconds();
    let sent = 0;
    const leave = batched.arrive(tokensOf(asked), tokens, (cachedTokens) => {
      if (sent === 0) {
        job.cachedTokens = cachedTokens;
        counters.cachedTokens += cachedTokens;
        counters.promptSeconds += monotonicSeconds() - began;
        if (stream)
          response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
      } else if (job.sent !== null) counters.outputSeconds += monotonicSeconds() - job.sent.last;
      if (stream) this.#chunk(job, sent, 1);
      sent += 1;
      if (!stream && sent === tokens) this.#finish(job);
      this.#countRequests(batched);
    });
    counters.promptTokens += promptTokens;
    this.#countRequests(batched);
    response.once('close', () => {
      leave();
      this.#countRequests(batched);
    });
  }

  #countRequests({ server }: BatchedTiming): void {
    this.counters.processing = server.running;
    this.counters.deferred = server.waiting;
  }

  /**
   * @returns how many tokens its prompt has in common with an earlier prompt and its answer, but never the
   *   last token; for vLLM only whole blocks.
   */
  #common({ asked, tokens: answered }: Job): number {
    const tokens = tokensOf(asked);
    if (asked.cache_prompt === false) return 0;
    const common = (other: readonly (string | number)[]) => {
      const differs = tokens.findIndex((token, i) => token !== other[i]);
      return differs < 0 ? tokens.length - 1 : differs;
    };
    const most = Math.max(0, ...this.#begun.map(common));
    this.#begun.push([...tokens, ...tokensOf({ prompt: this.#text(0, answered) })]);
    if (this.#begun.length > MOST_KEPT) this.#begun.shift();
    return this.#options.speaks === 'vLLM' ? most - (most % VLLM_BLOCK_TOKENS) : most;
  }

  /** @returns whether the same prompt was sent before. */
  #seen({ asked: { prompt, messages } }: Job): boolean {
    const key = JSON.stringify(prompt ?? messages);
    const seen = this.#prompts.has(key);
    this.#prompts.add(key);
    return seen;
  }

  /** @returns whether further chunks follow. */
  #chunk(job: Job, sent: number, count: number): boolean {
    const { response, fails, tokens } = job;
    const fault = fails ? this.#options.fault.name : 'none';
    if (fault === 'slow-loris') {
      response.write(': still here\n\n');
      return true;
    }
    this.#countChunk(job, count);
    const tokensOfChunk = fault === 'no-end' ? this.#options['chunk-tokens'] : count;
    const until = sent + tokensOfChunk;
    const vllm = this.#options.speaks === 'vLLM';
    const finish = vllm && fault !== 'no-end' && until >= tokens ? 'length' : null;
    const text = event(this.#fields(job, this.#textOf(job, sent, until), finish, until));
    const breaks = sent + count >= Math.min(BEFORE_FAULT, tokens);
    if (breaks) {
      switch (fault) {
        case 'broken-json':
          response.end(`${text.slice(0, text.length / 2)}\n\n`);
          return false;
        case 'chunk-error':
          response.end(event(problem(500, 'the context is full', 'server_error')));
          return false;
        case 'no-done':
          response.end(text);
          return false;
        case 'half-close':
          response.write(text, () => response.socket?.end());
          return false;
        case 'reset':
          response.write(text, () => response.socket?.resetAndDestroy());
          return false;
        default:
      }
    }
    if (fault === 'no-end' || sent + count < tokens) {
      response.write(text);
      return true;
    }
    this.#countAnswer(job);
    const used = { ...this.#fields(job, '', null, tokens), choices: [], usage: this.#usage(job, tokens) };
    const last = (vllm ? '' : event(this.#fields(job, '', 'length', tokens))) + event(used);
    const end = `${text}${last}data: [DONE]\n\n`;
    if (fault === 'stays-open') response.write(end);
    else response.end(end);
    return false;
  }

  #finish(job: Job): void {
    const { tokens, chat, response, asked } = job;
    if (response.destroyed) return;
    this.counters.outputTokens += tokens;
    this.counters.answered += 1;
    const text = this.#text(0, tokens);
    const logprobs = logProbabilities(asked, text, this.#options['log-probabilities']);
    const ofText = { text, ...(logprobs !== null && { logprobs }) };
    const said = chat ? { message: { role: 'assistant', content: text } } : ofText;
    const choices = [{ index: 0, ...said, finish_reason: 'length' }];
    sendJson(response, 200, { ...this.#head(chat, false), choices, usage: this.#usage(job, tokens) });
  }

  #countChunk(job: Job, tokens: number): void {
    const { counters } = this;
    const now = monotonicSeconds();
    counters.chunks += 1;
    counters.outputTokens += tokens;
    if (job.sent === null) observe(counters.firstToken, now - job.arrived);
    else observe(counters.interChunk, now - job.sent.last);
    job.sent = { first: job.sent?.first ?? now, last: now };
  }

  #countAnswer({ tokens, sent }: Job): void {
    this.counters.answered += 1;
    if (tokens > 1 && sent !== null) observe(this.counters.perToken, (sent.last - sent.first) / (tokens - 1));
  }

  /** The text of a chunk, from one token to another; the text of some tokens comes with the next one. */
  #textOf({ tokens }: Job, from: number, to: number): string {
    const late = this.#options['late-text'];
    const isLate = (until: number) => late > 0 && until < tokens && until % late === 0;
    const reported = (until: number) => Math.max(0, isLate(until) ? until - 1 : until);
    return this.#text(reported(from), reported(to) - reported(from));
  }

  #text(from: number, count: number): string {
    const words = this.#words;
    return Array.from({ length: count }, (_, i) => ` ${words[(from + i) % words.length]}`).join('');
  }

  #head(chat: boolean, stream: boolean) {
    const object = chat ? (stream ? 'chat.completion.chunk' : 'chat.completion') : 'text_completion';
    return { id: 'cmpl-simulated', object, created: 0, model: this.#options.model };
  }

  /** vLLM reports hits only in its metrics, unless it is started with --enable-prompt-tokens-details. */
  #usage({ promptTokens, cachedTokens }: Job, tokens: number) {
    const tells = cachedTokens !== null && this.#options.speaks !== 'vLLM';
    return {
      prompt_tokens: promptTokens,
      completion_tokens: tokens,
      total_tokens: promptTokens + tokens,
      ...(tells && { prompt_tokens_details: { cached_tokens: cachedTokens } }),
    };
  }

  /** @param until tokens of the answer up to and including this chunk. */
  #fields(job: Job, text: string, finish: string | null, until: number): object {
    const said = job.chat ? { delta: text === '' ? {} : { content: text } } : { text };
    const options = job.asked.stream_options as { continuous_usage_stats?: unknown } | undefined;
    const counts = this.#options.speaks === 'vLLM' && options?.continuous_usage_stats === true;
    const choices = [{ index: 0, ...said, finish_reason: finish }];
    return { ...this.#head(job.chat, true), choices, ...(counts && { usage: this.#usage(job, until) }) };
  }
}

const problem = (code: number, message: string, type: string) => ({ error: { code, message, type } });
const LOADING = problem(503, 'Loading model', 'unavailable_error');

const event = (fields: object) => `data: ${JSON.stringify(fields)}\n\n`;

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
  response.writeHead(status, headers).end(text);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes > REQUEST_BYTES) throw new RangeError('the body is too large');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts).toString('utf8');
}
