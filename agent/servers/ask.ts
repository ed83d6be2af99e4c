import { z } from 'zod';
import type { ServerProfile } from '../../core/runners/server/profile.js';
import { whyNoConnection } from '../serving/problems.js';

/** Where a server is asked, and by what key. */
export interface Address {
  readonly url: string;
  readonly apiKey: string | null;
}

const HEALTH_MILLISECONDS = 2000;
const MOST_SHOWN = 300;

const modelsSchema = z.object({ data: z.array(z.object({ id: z.string() })).min(1) });

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
    const answer = await ask(at, path, HEALTH_MILLISECONDS);
    await answer.body?.cancel();
    return answer.ok ? null : `it answers ${answer.status}`;
  } catch (error) {
    const { name, cause } = error as Error;
    if (name === 'TimeoutError') return `it says nothing for ${HEALTH_MILLISECONDS / 1000} s`;
    return whyNoConnection(cause instanceof Error ? cause : (error as Error));
  }
}

/** @returns the name of the first model that it lists; null where it lists none. */
export async function firstModel(at: Address, path: string): Promise<string | null> {
  try {
    const listed = modelsSchema.safeParse(await (await ask(at, path, HEALTH_MILLISECONDS)).json());
    return listed.success ? (listed.data.data[0]?.id ?? null) : null;
  } catch {
    return null;
  }
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
    const answer = await ask(at, completions, 1000 * seconds, {
      model,
      prompt: 'Hello',
      max_tokens: 1,
      temperature: 0,
    });
    const text = await answer.text();
    return answer.ok ? null : `${completions} answered ${answer.status}: ${text.slice(0, MOST_SHOWN)}`;
  } catch (error) {
    const { name, message, cause } = error as Error;
    if (name === 'TimeoutError') return `${completions} did not answer for ${seconds} s`;
    return `${completions}: ${cause instanceof Error ? cause.message : message}`;
  }
}

async function ask(at: Address, path: string, milliseconds: number, body?: unknown): Promise<Response> {
  return await fetch(new URL(path, at.url), {
    redirect: 'error',
    signal: AbortSignal.timeout(milliseconds),
    headers: { ...headersOf(at), ...(body !== undefined && { 'content-type': 'application/json' }) },
    ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
  });
}
