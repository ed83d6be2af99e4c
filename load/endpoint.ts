import type { Message } from '../core/serving/tokenizer.js';
/** A server, as the load generator calls it. */
export interface Endpoint {
  /** Scheme, host and port; a path before those of the API is kept. */
  readonly url: string;
  readonly api: 'chat' | 'completions';
  readonly paths: { readonly chat: string; readonly completions: string };
  /** The name that the server knows the model by. */
  readonly model: string;
  readonly stream: boolean;
  /** Of every stream; left out = what it used is asked for at its end. */
  readonly streamOptions?: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, string>>;
  /**
   * Fields of every request, as this server spells them: sampling, whether it may stop early.
   * `"{wantedTokens}"` stands for the tokens that are asked for (left out where none are); null takes away a
   * field that would be there without it.
   */
  readonly body: Readonly<Record<string, unknown>>;
  /** From the start of a request to the end of its answer. */
  readonly timeoutSeconds: number;
  /** The longest wait between two tokens of one answer; null = the whole time alone is limited. */
  readonly idleSeconds?: number | null;
}

/** A request before it is sent. */
export interface PlannedRequest {
  /** A text, or the messages of a chat. */
  readonly prompt: string | readonly Message[];
  /** Of this prompt alone, by the tokenizer that made it; null = nobody counted. */
  readonly promptTokens: number | null;
  /** null = as many as the model likes. */
  readonly wantedTokens: number | null;
  /** Turns of one conversation follow each other in the list; null = it stands alone. */
  readonly conversation: number | null;
  /** From 0. */
  readonly turn: number;
  /** Whether the turns before it, with the answers they got, are sent before it. */
  readonly follows: boolean;
  /** From the end of the turn before to the start of this one. */
  readonly thinkSeconds: number;
  /** Since the start of the trace; null = there is none. */
  readonly atSeconds: number | null;
  /** The adapter that it asks for; null or left out = none. */
  readonly lora?: string | null;
  /** Fields of this request alone, such as those that ask for an adapter. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Of a request that stands alone and is sent as soon as it may be. */
export const ALONE = { conversation: null, turn: 0, follows: false, thinkSeconds: 0, atSeconds: null };

/** What was said in a conversation so far. */
export interface EarlierTurn {
  readonly prompt: PlannedRequest['prompt'];
  readonly answer: string;
}

const WANTED = '{wantedTokens}';

/**
 * @returns the body of a request, ready for the wire.
 * @param before turns of its conversation that go before it.
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
 * @returns the text that a request sends; of a chat its messages one after the other, without what a template
 *   puts around them.
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
