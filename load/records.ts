import { FailureError } from '../core/errors.js';
import type { RequestRecord } from '../core/serving/requests.js';
import { sharedBeginnings } from '../core/serving/shared-beginnings.js';
import type { Tokenizer } from '../core/serving/tokenizer.js';
import type { Exchange } from './client.js';
import { ChunkCounter, chunkCounts, spread } from './count.js';
import { type Endpoint, messagesSent, textSent } from './endpoint.js';

/**
 * What counted the tokens: the model's tokenizer, the server with each chunk, the server only at the end, or
 * nothing.
 */
export type CountedBy = 'tokenizer' | 'chunks' | 'server' | 'nobody';

export interface Counted {
  readonly records: RequestRecord[];
  readonly promptTokensBy: CountedBy;
  readonly outputTokensBy: CountedBy;
  /**
   * Tokens of the texts of complete answers as the tokenizer counts them; null if there is no tokenizer, or
   * if its counts are the ones used.
   */
  readonly retokenized: number | null;
  /**
   * Tokens that prompts of complete requests share with earlier ones of the same load; see the record of
   * serving.
   */
  readonly sharedPromptTokens: number;
}

/**
 * Makes records of exchanges after the run, when nothing has to wait for the tokenizer. If a server reports
 * the number of tokens with each chunk, its counts are used, because it knows what it sent, while tokenizing
 * the text again may give other tokens. The tokenizer's count is recorded beside it.
 * @param origin the time, in seconds, from which times in records count.
 * @param tokenizer null = the server's own counts are taken, and the outcome says so.
 * @throws FailureError `model-unreadable` for a tokenizer or a template that takes too long.
 */
export function recordsOf(
  exchanges: readonly Exchange[],
  { api }: Pick<Endpoint, 'api'>,
  origin: number,
  tokenizer: Tokenizer | null,
): Counted {
  const counter = tokenizer === null ? null : new ChunkCounter(tokenizer);
  const countOwn = promptCounter(api, tokenizer, exchanges);
  const ordered = [...exchanges].sort((a, b) => a.intended - b.intended);
  const byChunks = tellsEach(exchanges);
  const records = ordered.map((exchange, index) => {
    const tokens = (byChunks ? null : counter?.count(exchange.chunks)) ?? serverCounts(exchange);
    const promptTokens = countOwn?.(exchange) ?? exchange.usage?.promptTokens ?? null;
    return recordOf(exchange, index, origin, tokens, promptTokens);
  });
  const countedBy = (counted: (record: RequestRecord) => number | null): CountedBy =>
    records.some((record) => counted(record) !== null) ? 'server' : 'nobody';
  const byOther = counter !== null ? 'tokenizer' : countedBy(({ outputTokens }) => outputTokens);
  return {
    records,
    promptTokensBy: countOwn !== null ? 'tokenizer' : countedBy(({ promptTokens }) => promptTokens),
    outputTokensBy: byChunks ? 'chunks' : byOther,
    retokenized: byChunks && counter !== null ? tokensOf(ordered, counter) : null,
    sharedPromptTokens: sharedTokens(exchanges, api, tokenizer),
  };
}

/**
 * Counts the tokens at the beginnings of prompts that the server had already read or generated. Tokens that
 * it counts in addition to the text, for a begin token or a template, may be the same in all prompts, so they
 * count as shared.
 */
function sharedTokens(
  exchanges: readonly Exchange[],
  api: Endpoint['api'],
  tokenizer: Tokenizer | null,
): number {
  const sent = exchanges.filter(({ dispatched }) => dispatched !== null);
  const ordered = sent.sort((a, b) => a.dispatched! - b.dispatched!);
  const prompts = ordered.map(({ planned, before }) => textSent(api, planned, before));
  const answers = ordered.map(({ chunks }) =>
    chunks.map(({ channel, text }) => (channel === 'answer' ? text : '')).join(''),
  );
  const shared = sharedBeginnings(prompts.map((prompt, i) => ({ prompt, computed: prompt + answers[i] })));
  const count = (text: string) =>
    text === '' ? 0 : (tokenizer?.tokenize(text).length ?? text.match(/\S+/g)?.length ?? 0);
  const begin = api === 'completions' && tokenizer !== null && tokenizer.beginToken !== null ? 1 : 0;
  return ordered.reduce((sum, { planned, before, usage, outcome }, i) => {
    if (outcome !== 'complete') return sum;
    const known = planned.follows && before.length > 0 ? null : planned.promptTokens;
    const text = known ?? count(prompts[i]!);
    const around = Math.max(begin, (usage?.promptTokens ?? 0) - text);
    return sum + around + count(prompts[i]!.slice(0, shared[i]));
  }, 0);
}

/** Whether the server reported the number of tokens so far with every chunk of every stream. */
function tellsEach(exchanges: readonly Exchange[]): boolean {
  const streams = exchanges.filter(({ streamed, chunks }) => streamed && chunks.length > 0);
  return streams.length > 0 && streams.every(({ chunks }) => chunkCounts(chunks) !== null);
}

function tokensOf(exchanges: readonly Exchange[], counter: ChunkCounter): number {
  const complete = exchanges.filter(({ outcome }) => outcome === 'complete');
  return complete.flatMap(({ chunks }) => counter.count(chunks)).reduce((a, b) => a + b, 0);
}

function serverCounts({ usage, chunks, streamed }: Exchange): number[] | null {
  const total = usage?.completionTokens ?? null;
  if (total === null) return null;
  return (streamed ? chunkCounts(chunks) : null) ?? spread(total, chunks);
}

/**
 * @returns a function that counts the tokens of prompts; null if only the server can, that is, for chats
 *   whose template is unknown or refuses them.
 */
function promptCounter(
  api: Endpoint['api'],
  tokenizer: Tokenizer | null,
  exchanges: readonly Exchange[],
): ((exchange: Exchange) => number) | null {
  if (tokenizer === null) return null;
  if (api === 'completions') return (exchange) => countPrompt(exchange, tokenizer);
  const { chat } = tokenizer;
  if (chat === null) return null;
  const counts = new Map<Exchange, number>();
  try {
    for (const exchange of exchanges)
      counts.set(exchange, chat.promptTokens(messagesSent(exchange.planned, exchange.before)));
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return null;
  }
  return (exchange) => counts.get(exchange)!;
}

function countPrompt({ planned, before }: Exchange, tokenizer: Tokenizer): number {
  const begin = tokenizer.beginToken === null ? 0 : 1;
  const follows = planned.follows && before.length > 0;
  // The prompt was not changed after it was made, so its count is still right.
  if (!follows && planned.promptTokens !== null) return planned.promptTokens + begin;
  return tokenizer.tokenize(textSent('completions', planned, before)).length + begin;
}

function recordOf(
  exchange: Exchange,
  index: number,
  origin: number,
  tokens: readonly number[] | null,
  promptTokens: number | null,
): RequestRecord {
  const { planned, chunks, usage, outcome, streamed } = exchange;
  const secondsSinceOrigin = (seconds: number | null | undefined) =>
    seconds === null || seconds === undefined ? null : Math.round((seconds - origin) * 1e9) / 1e9;
  const held = streamed ? [...chunks.keys()].filter((i) => tokens === null || tokens[i]! > 0) : [];
  const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
  const outputTokens = tokens === null ? null : sum(tokens);
  const reasoning = chunks.map(({ channel }, i) => (channel === 'reasoning' ? (tokens?.[i] ?? 0) : 0));
  const { conversation, turn, wantedTokens } = planned;
  const given = usage?.completionTokens ?? outputTokens;
  const short = outcome === 'complete' && given !== null && wantedTokens !== null && given < wantedTokens;
  const answer = chunks.find(({ channel, text }) => channel === 'answer' && text !== '');
  return {
    index,
    conversation,
    turn,
    intended: secondsSinceOrigin(exchange.intended)!,
    dispatched: secondsSinceOrigin(exchange.dispatched),
    headers: secondsSinceOrigin(exchange.headers),
    firstByte: secondsSinceOrigin(exchange.firstByte),
    firstToken: streamed ? secondsSinceOrigin(chunks[0]?.seconds) : null,
    firstAnswer: streamed ? secondsSinceOrigin(answer?.seconds) : null,
    lastToken: streamed ? secondsSinceOrigin(chunks.at(-1)?.seconds) : null,
    done: secondsSinceOrigin(exchange.done),
    outcome,
    problem: short
      ? `The server ended after ${given} of the ${wantedTokens} tokens that were asked for.`
      : exchange.problem,
    status: exchange.status,
    bytes: exchange.bytes,
    promptTokens,
    wantedTokens,
    outputTokens,
    reasoningTokens: sum(reasoning),
    chunks: {
      seconds: held.map((i) => secondsSinceOrigin(chunks[i]!.seconds)!),
      tokens: tokens === null ? [] : held.map((i) => tokens[i]!),
    },
    ...(planned.lora != null && { lora: planned.lora }),
    usage,
  };
}
