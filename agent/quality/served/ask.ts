import { failed } from '../../../core/errors.js';
import { orElse } from '../../../core/or-else.js';
import { answerSeed } from '../../../core/quality/sampling.js';
import { untilStop } from '../../../core/quality/until-stop.js';
import type { LogProbabilitiesAsked } from '../../../core/runners/server/profile.js';
import type { Message } from '../../../core/serving/tokenizer.js';
import { askServer } from '../../../engines/servers/ask.js';
import { type ServedEndpoint, withoutLora } from '../../../engines/servers/served.js';
import { type Delta, readDelta, refusalOf } from '../../../load/delta.js';
import { whyNoConnection } from '../../../load/problems.js';
import { EventStream } from '../../../load/sse.js';
import { monotonicSeconds, wholeNanoseconds } from '../../../process/isolation/clock.js';
import type { Drawing, GenerationLimits } from '../asking/generation.js';
import type { Reply, Sample } from '../asking/respondent.js';

/**
 * Of one answer: a long prompt on a slow machine takes minutes, and a whole vocabulary with its probabilities
 * some 20 MB.
 */
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

/**
 * Asks for log-probabilities as a profile says.
 * @param fields of the request beside those.
 * @returns what it answers.
 * @throws NoAnswer; FailureError `run-failed` where nothing comes.
 */
export async function askLogProbabilities(
  server: ServedEndpoint,
  { path, body }: Pick<LogProbabilitiesAsked, 'path' | 'body'>,
  prompt: Prompt,
  fields: object = {},
): Promise<Fields> {
  const values: Readonly<Record<string, unknown>> = {
    '{prompt}': typeof prompt === 'string' ? prompt : [...prompt],
    '{model}': server.model,
  };
  const filled = Object.entries(body).map(([name, value]) => [name, values[String(value)] ?? value]);
  return await post(server, path, { ...withoutLora(server), ...Object.fromEntries(filled), ...fields });
}

const GREEDY: Drawing = { sampling: null, samples: 1, item: 0 };

/**
 * Has a server say what follows a prompt, by its likeliest tokens or drawn; messages, whose template is known
 * to nobody here, become a prompt by its own.
 * @param fields of the request beside those.
 * @returns the texts up to a stop, with the tokens that it tells. @throws NoAnswer
 */
export async function askText(
  server: ServedEndpoint,
  prompt: Prompt | readonly Message[],
  limits: GenerationLimits,
  drawing = GREEDY,
  fields: object = {},
): Promise<Reply> {
  const samples: Sample[] = [];
  let tokensIn: number | null = null;
  let secondsToFirst: number | null = null;
  for (let i = 0; i < drawing.samples; i++) {
    const began = monotonicSeconds();
    const { text, tokensOut, ...spent } = await askOnce(server, prompt, limits, drawing, i, fields);
    if (i === 0) ({ tokensIn, secondsToFirst } = spent);
    samples.push({ text, tokensOut, seconds: wholeNanoseconds(monotonicSeconds() - began) });
  }
  const counted = samples.every(({ tokensOut }) => tokensOut !== null);
  return {
    text: samples[0]!.text,
    samples,
    tokensIn,
    secondsToFirst,
    tokensOut: counted ? samples.reduce((sum, { tokensOut }) => sum + tokensOut!, 0) : null,
  };
}

async function askOnce(
  server: ServedEndpoint,
  prompt: Prompt | readonly Message[],
  { maxTokens, stop, stops }: GenerationLimits,
  { sampling, item }: Drawing,
  sample: number,
  fields: object,
) {
  const { model, profile } = server;
  const chats = Array.isArray(prompt);
  const path = chats ? profile.paths.chat : profile.paths.completions;
  const asked = chats ? { messages: prompt } : { prompt: ArrayBuffer.isView(prompt) ? [...prompt] : prompt };
  const { temperature = 0, topP, topK, minP } = sampling ?? {};
  const body = {
    model,
    ...asked,
    max_tokens: maxTokens,
    temperature,
    ...withoutLora(server),
    ...fields,
    ...(topP !== undefined && { top_p: topP }),
    ...(topK !== undefined && { top_k: topK }),
    ...(minP !== undefined && { min_p: minP }),
    ...(sampling !== null && { seed: answerSeed(sampling, item, sample) & 0x7fffffff }),
  };
  const said = await saidBy(server, path, body, AROUND_BYTES + TOKEN_BYTES * maxTokens);
  return {
    ...said,
    text: untilStop(said.text, stop, stops) ?? said.text,
    tokensIn: ArrayBuffer.isView(prompt) ? (prompt as Int32Array).length : said.tokensIn,
  };
}

/**
 * Has a server say something, and reads it as it comes: its first text is the first token. One that does not
 * stream is read whole, and the time to its first token is not known.
 * @throws NoAnswer; FailureError `run-failed` where nothing comes.
 */
async function saidBy(
  server: ServedEndpoint,
  path: string,
  body: object,
  mostBytes: number,
): Promise<Omit<Reply, 'samples'>> {
  const deltas: Delta[] = [];
  let first: number | null = null;
  const began = monotonicSeconds();
  const events = new EventStream((data) => {
    // Servers end with [DONE].
    const delta = deltaOf(data);
    if (delta === null) return;
    if (delta.texts.length > 0) first ??= monotonicSeconds() - began;
    deltas.push(delta);
  });
  const streamed = { ...body, stream: true, stream_options: server.profile.streamOptions };
  const bounds = { ...BOUNDS, mostBytes, heard: (part: Buffer) => events.push(part) };
  const whole = await posted(server, path, streamed, bounds);
  events.end();
  if (deltas.length === 0) {
    const delta = deltaOf(whole);
    if (delta !== null) deltas.push(delta);
  }
  const { error = null } = deltas.find((delta) => delta.error !== null) ?? {};
  if (error !== null) throw new NoAnswer(`${path} gave up: ${error}`);
  if (!deltas.some(({ answers }) => answers)) throw new NoAnswer(`${path} answered without a text`);
  const usage = deltas.findLast((delta) => delta.usage !== null)?.usage;
  const texts = deltas.flatMap((delta) => delta.texts).filter(({ channel }) => channel === 'answer');
  return {
    text: texts.map(({ text }) => text).join(''),
    tokensIn: usage?.promptTokens ?? null,
    tokensOut: usage?.completionTokens ?? null,
    secondsToFirst: first,
  };
}

function deltaOf(data: string): Delta | null {
  return orElse(() => readDelta(data), null);
}

async function post(server: ServedEndpoint, path: string, body: unknown): Promise<Fields> {
  const text = await posted(server, path, body, BOUNDS);
  const read = orElse((): unknown => JSON.parse(text), null);
  if (typeof read !== 'object' || read === null)
    throw new NoAnswer(`${path} answered something that is no JSON object`);
  return read as Fields;
}

/**
 * @returns the body of a success.
 * @throws NoAnswer for what is none; FailureError `run-failed` where nothing comes.
 */
async function posted(
  server: ServedEndpoint,
  path: string,
  body: unknown,
  bounds: Parameters<typeof askServer>[2],
): Promise<string> {
  const { status, text } = await askServer(server, path, bounds, body).catch((error: Error) => {
    const why = whyNoConnection(error);
    throw failed('run-failed', `the server gave no answer to a question of quality: ${why}`);
  });
  if (status !== 200) throw new NoAnswer(`${path} answered ${status}: ${refusalOf(text) ?? 'nothing'}`);
  return text;
}
