import type { Message } from '../core/serving/tokenizer.js';
/** A server, as the load generator calls it. */
export interface Endpoint {
  /** Scheme, host and port; a path before those of the API is kept. */
  readonly url: string;
  readonly api: 'chat' | 'completions';
  readonly paths: { readonly chat: string; readonly completions: string };
  /** The model's name on the server. */
  readonly model: string;
  readonly stream: boolean;
  /** `stream_options` of every stream; left out = usage is requested at the end of the stream. */
  readonly streamOptions?: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Fields of every request, as this server spells them: sampling, whether it may stop early.
   * `"{wantedTokens}"` is replaced by the number of requested tokens (and the field is left out if there is
   * none); null removes a field that would otherwise be there.
   */
  readonly body: Readonly<Record<string, unknown>>;
  /** From the start of a request to the end of its answer. */
  readonly timeoutSeconds: number;
  /** The longest wait between two tokens of one answer; null = only the total time is limited. */
  readonly idleSeconds?: number | null;
}

/** A request before it is sent. */
export interface PlannedRequest {
  /** A text, or the messages of a chat. */
  readonly prompt: string | readonly Message[];
  /** Tokens of this prompt alone, counted by the tokenizer that made it; null = not counted. */
  readonly promptTokens: number | null;
  /** null = as many as the model likes. */
  readonly wantedTokens: number | null;
  /** Number of its conversation, whose turns are consecutive in the list; null = it belongs to none. */
  readonly conversation: number | null;
  /** From 0. */
  readonly turn: number;
  /** Whether the earlier turns and their answers are sent before it. */
  readonly follows: boolean;
  /** From the end of the turn before to the start of this one. */
  readonly thinkSeconds: number;
  /** Since the start of the trace; null = there is none. */
  readonly atSeconds: number | null;
  /** The adapter that it requests; null or left out = none. */
  readonly lora?: string | null;
  /** Fields of only this request, such as those that request an adapter. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Fields of a request outside a conversation that is sent as soon as possible. */
export const ALONE = { conversation: null, turn: 0, follows: false, thinkSeconds: 0, atSeconds: null };

/** What was said in a conversation so far. */
export interface EarlierTurn {
  readonly prompt: PlannedRequest['prompt'];
  readonly answer: string;
}

const WANTED = '{wantedTokens}';

/**
 * @returns the body of a request, ready for the wire.
 * @param before earlier turns of its conversation.
 */
export function bodyOf(endpoint: Endpoint, planned: PlannedRequest, before: readonly EarlierTurn[]): Buffer {
  const { api, model, stream, streamOptions = { include_usage: true } } = endpoint;
  const fields: Record<string, unknown> = {
    model,
    stream,
    ...(stream ? { stream_options: streamOptions } : {}),
    max_tokens: WANTED,
    ...endpoint.body,
    ...planned.body,
  };
  for (const [key, value] of Object.entries(fields)) {
    if (value === WANTED) fields[key] = planned.wantedTokens;
    if (fields[key] === null) delete fields[key];
  }
  if (api === 'chat') fields.messages = messagesSent(planned, before);
  else fields.prompt = textSent(api, planned, before);
  return Buffer.from(JSON.stringify(fields));
}

/**
 * @returns the text that a request sends; for a chat, its messages one after the other, without what a
 *   template adds.
 */
export function textSent(
  api: Endpoint['api'],
  planned: PlannedRequest,
  before: readonly EarlierTurn[],
): string {
  if (api === 'chat') return textOf(messagesSent(planned, before));
  return earlierTurns(planned, before)
    .map(({ prompt, answer }) => textOf(prompt) + answer)
    .join('');
}

/** @returns all messages that a request sends. */
export function messagesSent(planned: PlannedRequest, before: readonly EarlierTurn[]): readonly Message[] {
  const turns = earlierTurns(planned, before);
  return turns.flatMap(({ prompt, answer }) => [...messagesOf(prompt), ...reply(answer)]);
}

function earlierTurns({ prompt, follows }: PlannedRequest, before: readonly EarlierTurn[]) {
  return [...(follows ? before : []), { prompt, answer: '' }];
}

/** @returns the messages of a prompt; a text is what a user says. */
export function messagesOf(prompt: PlannedRequest['prompt']): readonly Message[] {
  return typeof prompt === 'string' ? [{ role: 'user', content: prompt }] : prompt;
}

/** @returns the text of a prompt; messages stand below each other. */
export function textOf(prompt: PlannedRequest['prompt']): string {
  return typeof prompt === 'string' ? prompt : prompt.map(({ content }) => content).join('\n');
}

const reply = (answer: string): readonly Message[] =>
  answer === '' ? [] : [{ role: 'assistant', content: answer }];
