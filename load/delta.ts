import { orElse } from '../core/or-else.js';
import { quote } from '../core/quote.js';

/** What tokens of an answer belong to. */
export type Channel = 'answer' | 'reasoning' | 'tool';

/** What the server says it counted. */
export interface Usage {
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  /** Prompt tokens that came from the cache; left out = the server does not report them. */
  readonly cachedTokens?: number;
}

/** The content of one chunk of a stream, or of a whole answer. */
export interface Delta {
  /** Texts that are not empty, in the order they are read. */
  readonly texts: readonly { readonly channel: Channel; readonly text: string }[];
  /** Whether it is part of the answer; a chunk with only usage, or with nothing, is not. */
  readonly answers: boolean;
  /** Why the server stopped; null = it has not. */
  readonly finish: string | null;
  readonly usage: Usage | null;
  /** The server's error message, if it gave up. */
  readonly error: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** The most characters of a server's message that are quoted. */
const LONGEST_MESSAGE = 300;

/**
 * Reads an answer of OpenAI's API, of a chat or a completion, streamed (`delta`) or whole (`message`,
 * `text`), including fields that servers add: `reasoning` (vLLM) or `reasoning_content` (llama.cpp, SGLang).
 * A chunk with usage has no choices.
 * @throws SyntaxError when it is not JSON.
 */
export function readDelta(json: string): Delta {
  const root: unknown = JSON.parse(json);
  if (!isFields(root)) throw new SyntaxError('it is no JSON object');
  const texts: { channel: Channel; text: string }[] = [];
  let finish: string | null = null;
  const choices: readonly unknown[] = Array.isArray(root.choices) ? root.choices : [];
  for (const choice of choices) {
    if (!isFields(choice)) continue;
    readTexts(choice, texts);
    if (typeof choice.finish_reason === 'string') finish = choice.finish_reason;
  }
  const answers = choices.length > 0;
  return { texts, answers, finish, usage: usageOf(root), error: errorOf(root) };
}

function readTexts(choice: Fields, texts: { channel: Channel; text: string }[]): void {
  const add = (channel: Channel, text: unknown) => {
    if (typeof text === 'string' && text !== '') texts.push({ channel, text });
  };
  add('answer', choice.text);
  const said = choice.delta ?? choice.message;
  if (!isFields(said)) return;
  add('reasoning', said.reasoning_content ?? said.reasoning);
  add('answer', said.content);
  add('answer', said.refusal);
  if (!Array.isArray(said.tool_calls)) return;
  for (const call of said.tool_calls) {
    if (!isFields(call) || !isFields(call.function)) continue;
    add('tool', call.function.name);
    add('tool', call.function.arguments);
  }
}

/** OpenAI's `usage` with `prompt_tokens_details`; llama-server has `cache_n` among its timings instead. */
function usageOf({ usage, timings }: Fields): Usage | null {
  if (!isFields(usage)) return null;
  const count = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;
  const details = isFields(usage.prompt_tokens_details) ? usage.prompt_tokens_details : {};
  const cached = count(details.cached_tokens) ?? (isFields(timings) ? count(timings.cache_n) : null);
  return {
    promptTokens: count(usage.prompt_tokens),
    completionTokens: count(usage.completion_tokens),
    ...(cached !== null && { cachedTokens: cached }),
  };
}

/** `{"error": "…"}`, `{"error": {"message": "…"}}`, and vLLM's `{"object": "error", "message": "…"}`. */
function errorOf(root: Fields): string | null {
  const { error } = root;
  if (typeof error === 'string') return message(error);
  const said = isFields(error) ? error : root.object === 'error' ? root : null;
  if (said === null) return null;
  return message(typeof said.message === 'string' ? said.message : JSON.stringify(said));
}

/** @returns the server's message in the body of a refusal: that of its JSON, or else its text. */
export function refusalOf(body: string): string | null {
  // It may be a proxy's page, or a line of text.
  const root: unknown = orElse(() => JSON.parse(body), null);
  if (!isFields(root)) return body.trim() === '' ? null : message(body.trim());
  const detail = root.detail ?? root.message;
  return errorOf(root) ?? message(typeof detail === 'string' ? detail : body);
}

const message = (text: string) => quote(text, LONGEST_MESSAGE);

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
