import { FailureError, failure } from '../../../core/errors.js';
import { valueAt } from '../../../core/quality/tasks/template.js';
import { untilStop } from '../../../core/quality/until-stop.js';
import type { LogProbabilitiesAsked } from '../../../core/runners/server/profile.js';
import { askServer } from '../../../engines/servers/ask.js';
import { type ServedEndpoint, withoutLora } from '../../../engines/servers/served.js';
import { refusalOf } from '../../../load/delta.js';
import { whyNoConnection } from '../../../load/problems.js';
import type { Said } from '../respondent.js';

/** Of one answer: a long prompt on a slow machine takes minutes, and a whole vocabulary with its probabilities some 20 MB. */
const BOUNDS = { seconds: 600, mostBytes: 64 * 2 ** 20 };

/** Of a text: so much for each token that is asked for, and for what is around them. */
const TOKEN_BYTES = 4096;
const AROUND_BYTES = 2 ** 20;

/** Why an answer of a server cannot be used: a sentence without its end. */
export class NoAnswer extends Error {}

/** What it answers. */
export type Fields = Readonly<Record<string, unknown>>;

/** What a server is asked: tokens where its vocabulary is known here, else a text. */
export type Prompt = Int32Array | string;

/** Asks for log-probabilities as a profile says. @returns what it answers. @throws NoAnswer; FailureError `run-failed` where nothing comes. */
export async function askLogProbabilities(
  server: ServedEndpoint,
  { path, body }: Pick<LogProbabilitiesAsked, 'path' | 'body'>,
  prompt: Prompt,
): Promise<Fields> {
  const words: Readonly<Record<string, unknown>> = {
    '{prompt}': typeof prompt === 'string' ? prompt : [...prompt],
    '{model}': server.model,
  };
  const filled = Object.entries(body).map(([name, value]) => [name, words[String(value)] ?? value]);
  return await post(server, path, { ...withoutLora(server), ...Object.fromEntries(filled) });
}

/** Has a server say what follows a prompt, by its likeliest tokens. @returns the text up to a stop, with the tokens that it tells. @throws NoAnswer */
export async function askText(
  server: ServedEndpoint,
  prompt: Prompt,
  { maxTokens, stop }: { readonly maxTokens: number; readonly stop: readonly string[] },
): Promise<Said> {
  const { model, profile } = server;
  const body = {
    ...{ model, prompt: typeof prompt === 'string' ? prompt : [...prompt] },
    ...{ max_tokens: maxTokens, temperature: 0, ...withoutLora(server) },
  };
  const answer = await post(server, profile.paths.completions, body, AROUND_BYTES + TOKEN_BYTES * maxTokens);
  const text = valueAt(answer, 'choices.0.text');
  if (typeof text !== 'string') throw new NoAnswer(`${profile.paths.completions} answered without a text`);
  const told = (field: string) => {
    const count = valueAt(answer, `usage.${field}`);
    return Number.isSafeInteger(count) && Number(count) >= 0 ? Number(count) : null;
  };
  return {
    text: untilStop(text, stop) ?? text,
    tokensIn: typeof prompt === 'string' ? told('prompt_tokens') : prompt.length,
    tokensOut: told('completion_tokens'),
    secondsToFirst: null,
  };
}

async function post(
  server: ServedEndpoint,
  path: string,
  body: unknown,
  askedBytes = BOUNDS.mostBytes,
): Promise<Fields> {
  const bounds = { ...BOUNDS, mostBytes: Math.min(BOUNDS.mostBytes, askedBytes) };
  const { status, text } = await askServer(server, path, bounds, body).catch((error: Error) => {
    throw new FailureError(
      failure('run-failed', `the server gave no answer to a question of quality: ${whyNoConnection(error)}`),
    );
  });
  if (status !== 200) throw new NoAnswer(`${path} answered ${status}: ${refusalOf(text) ?? 'nothing'}`);
  let read: unknown = null;
  try {
    read = JSON.parse(text);
  } catch {
    // Said below.
  }
  if (typeof read !== 'object' || read === null)
    throw new NoAnswer(`${path} answered something that is no JSON object`);
  return read as Fields;
}
