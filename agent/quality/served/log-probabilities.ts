import { valueAt } from '../../../core/quality/tasks/template.js';
import type { LogProbabilitiesAsked } from '../../../core/runners/server/profile.js';
import type { ServedEndpoint } from '../../../engines/servers/served.js';
import { askLogProbabilities, type Fields, NoAnswer, type Prompt } from './ask.js';

/** Of each token of a prompt but the first, which nothing predicts: its entry is null. Nats. */
export type PromptLogProbabilities = readonly (number | null)[];

/**
 * Log-probabilities of a text that nobody here can tokenize, and where each of its tokens begins, in
 * characters.
 */
export interface TextLogProbabilities {
  readonly values: PromptLogProbabilities;
  readonly offsets: readonly number[];
}

/**
 * Asks a server for the log-probabilities of a prompt's tokens.
 * @throws NoAnswer where they are not one for each token.
 */
export async function promptLogProbabilities(
  server: ServedEndpoint,
  asked: LogProbabilitiesAsked,
  tokens: Int32Array,
): Promise<PromptLogProbabilities> {
  return read(await askLogProbabilities(server, asked, tokens), asked, tokens.length, tokens);
}

/**
 * The same of a text, by the server's own tokens; how many they are is what it says in `usage`.
 * @throws NoAnswer
 */
export async function textLogProbabilities(
  server: ServedEndpoint,
  asked: LogProbabilitiesAsked,
  text: string,
): Promise<TextLogProbabilities> {
  const answer = await askLogProbabilities(server, asked, text);
  const count = valueAt(answer, 'usage.prompt_tokens');
  const offsets = asked.offsets === undefined ? undefined : valueAt(answer, asked.offsets);
  if (typeof count !== 'number')
    throw new NoAnswer(`${asked.path} does not say how many tokens a prompt has`);
  const values = read(answer, asked, count, null);
  if (!Array.isArray(offsets) || offsets.length < count || !offsets.every((at) => typeof at === 'number')) {
    throw new NoAnswer(`${asked.path} does not say where the tokens of a text begin`);
  }
  return { values, offsets: offsets.slice(0, count) };
}

/**
 * Asks for the likeliest tokens after a prompt.
 * @param fields of the request beside those of the profile.
 * @returns log-probabilities by token.
 * @throws NoAnswer
 */
export async function nextLogProbabilities(
  server: ServedEndpoint,
  asked: LogProbabilitiesAsked,
  prompt: Prompt,
  fields: object = {},
): Promise<ReadonlyMap<number, number>> {
  const answer = await askLogProbabilities(server, asked, prompt, fields);
  const found = new Map<number, number>();
  const named = asked.entry === 'named' ? (valueAt(answer, asked.list) as Fields | null | undefined) : null;
  for (const [name, logprob] of Object.entries(named ?? {})) {
    const id = /^token_id:(\d+)$/.exec(name)?.[1];
    if (id !== undefined && typeof logprob === 'number') found.set(Number(id), logprob);
  }
  for (const entry of asked.entry === 'named' ? [] : listOf(answer, asked)) {
    const { id, logprob } = (entry ?? {}) as Fields;
    if (typeof id === 'number' && typeof logprob === 'number') found.set(id, logprob);
  }
  if (found.size < 2) throw new NoAnswer(`${asked.path} tells the log-probabilities of ${found.size} tokens`);
  return found;
}

function listOf(answer: Fields, { path, list }: LogProbabilitiesAsked): readonly unknown[] {
  const found = valueAt(answer, list);
  if (Array.isArray(found)) return found;
  throw new NoAnswer(`${path} gives no log-probabilities (nothing at ${list})`);
}

/**
 * One entry for each token, and one more where the answer's own token follows those of the prompt. A server
 * that gives others would be scored on what it did not say.
 */
function read(
  answer: Fields,
  asked: LogProbabilitiesAsked,
  count: number,
  tokens: Int32Array | null,
): PromptLogProbabilities {
  const list = listOf(answer, asked);
  if (list.length !== count && list.length !== count + 1) {
    const few = list.length <= 1 ? ': it leaves those of the prompt out' : '';
    throw new NoAnswer(
      `${asked.path} gives ${list.length} log-probabilities for a prompt of ${count} tokens${few}`,
    );
  }
  return list.slice(0, count).map((entry, i) => {
    if (i === 0) return null;
    const value = nats(entry, asked.entry, tokens?.[i]);
    if (value !== null && value <= 0) return value;
    throw new NoAnswer(`${asked.path} gives no log-probability of token ${i + 1} of a prompt`);
  });
}

/** @returns null where an entry is no number, or one of another token. */
function nats(entry: unknown, shape: LogProbabilitiesAsked['entry'], token: number | undefined) {
  const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : null);
  if (shape === 'number') return number(entry);
  if (typeof entry !== 'object' || entry === null) return null;
  if (shape === 'pair') {
    const [value, id] = entry as readonly unknown[];
    return token === undefined || id === token ? number(value) : null;
  }
  const entryOfToken = shape === 'by-token' ? (entry as Fields)[String(token)] : entry;
  if (typeof entryOfToken !== 'object' || entryOfToken === null) return null;
  const { id = token, logprob } = entryOfToken as Fields;
  return id === token ? number(logprob) : null;
}
