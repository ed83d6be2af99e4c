/** A refusal of the coordinator, in its own sentence. */
export class Refusal extends Error {
  readonly status: number;
  /** A sentence for each error, where there are several. */
  readonly details: readonly string[];
  constructor(status: number, message: string, details: readonly string[] = []) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

const KEY = 'ridgepoint-token';

export function storeToken(token: string | null): void {
  if (token === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, token);
}

/** Asks the coordinator that served this page. @throws Refusal */
export async function ask(
  path: string,
  signal: AbortSignal,
  headers: Record<string, string> = {},
): Promise<Response> {
  return await send(path, { signal, headers });
}

export async function askJson<T>(path: string, signal: AbortSignal): Promise<T> {
  return (await (await ask(path, signal)).json()) as T;
}

/** Changes something at the coordinator. @throws Refusal, also where it does not answer. */
export async function change<T>(path: string, body: unknown): Promise<T> {
  const headers = { 'content-type': 'application/json' };
  const request = { method: 'POST', headers, body: JSON.stringify(body) };
  const response = await send(path, request).catch((error: unknown) => {
    if (error instanceof Refusal) throw error;
    throw new Refusal(0, 'The coordinator does not answer. Try again when it does.');
  });
  return (await response.json()) as T;
}

interface Request extends RequestInit {
  readonly headers: Record<string, string>;
}

async function send(path: string, { headers, ...request }: Request): Promise<Response> {
  const token = sessionStorage.getItem(KEY);
  const response = await fetch(`api/v1/${path}`, {
    ...request,
    cache: 'no-store',
    headers: { ...headers, ...(token !== null && { authorization: `Bearer ${token}` }) },
  });
  if (!response.ok) throw await refusalOf(response);
  return response;
}

async function refusalOf(response: Response): Promise<Refusal> {
  try {
    const { error } = (await response.json()) as { error: { message: string; details?: string[] } };
    return new Refusal(response.status, error.message, error.details);
  } catch {
    return new Refusal(response.status, `The coordinator answered ${response.status}.`);
  }
}
