import { z } from 'zod';
import { orElse } from '../../core/or-else.js';
import type { ServerProfile } from '../../core/runners/server/profile.js';
import { whyNoConnection } from '../../load/problems.js';
import { type Answer, type Asked, ask, type Bounds, isSuccess, TooSlow } from '../../proto/http/ask.js';

/** Where a server is asked, and by what key. */
export interface Address {
  readonly url: string;
  readonly apiKey: string | null;
}

/** Of what a server says of itself: whether it is ready, and which models it has. */
export const FACTS = { seconds: 2, mostBytes: 2 ** 20 };
/** Of the answer to a request for one token. */
const MOST_ANSWERED = 2 ** 20;
const MOST_SHOWN = 300;

/** Every request says the name again. */
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string().max(4096) })).min(1) });

/** @returns the headers that every request to it has. */
export function headersOf({ apiKey }: Address): Record<string, string> {
  return apiKey === null ? {} : { authorization: `Bearer ${apiKey}` };
}

/** @returns whether it says that it is ready: 2xx on its health path. Never throws. */
export async function isReady(at: Address, path: string): Promise<boolean> {
  return (await whyNotReady(at, path)) === null;
}

/** @returns why it does not say that it is ready, in few words; null = it does. Never throws. */
export async function whyNotReady(at: Address, path: string): Promise<string | null> {
  try {
    const { status } = await askServer(at, path, FACTS);
    return isSuccess(status) ? null : `it answers ${status}`;
  } catch (error) {
    if (error instanceof TooSlow) return `it says nothing for ${FACTS.seconds} s`;
    return whyNoConnection(error as Error);
  }
}

/** @returns the name of the first model that it lists; null where it lists none. */
export async function firstModel(at: Address, path: string): Promise<string | null> {
  const answer = await askServer(at, path, FACTS).catch(() => null);
  return orElse(() => modelsSchema.parse(JSON.parse(answer?.text ?? '')).data[0]?.id ?? null, null);
}

/**
 * Asks for one token: a server can be healthy and answer nothing.
 * @param seconds after which it is not waited for any longer.
 * @returns null when it answered, or what was wrong.
 */
export async function tryOnce(
  at: Address,
  { completions }: Pick<ServerProfile['paths'], 'completions'>,
  model: string,
  seconds: number,
): Promise<string | null> {
  try {
    const body = { model, prompt: 'Hello', max_tokens: 1, temperature: 0 };
    const { status, text } = await askServer(at, completions, { seconds, mostBytes: MOST_ANSWERED }, body);
    const said = text === '' ? '' : `: ${text.slice(0, MOST_SHOWN)}`;
    return isSuccess(status) ? null : `${completions} answered ${status}${said}`;
  } catch (error) {
    if (error instanceof TooSlow) return `${completions} did not answer for ${seconds} s`;
    return `${completions}: ${whyNoConnection(error as Error)}`;
  }
}

/**
 * Asks a server what is no part of a load.
 * @param body of a POST; left out = a GET.
 * @throws TooSlow; Error for an answer beyond its bounds, or of the connection.
 */
export async function askServer(
  at: Address,
  path: string,
  bounds: Bounds & Pick<Asked, 'heard'>,
  body?: unknown,
): Promise<Answer> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return await ask(new URL(path, at.url), { ...bounds, headers: headersOf(at), ...sent });
}
