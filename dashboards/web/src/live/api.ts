/** A refusal of the coordinator, in its own sentence. */
export class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const KEY = 'ridgepoint-token';

/** The token that the reader gave, for as long as this tab lives; null = none. */
function storedToken(): string | null {
  return sessionStorage.getItem(KEY);
}

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
  const token = storedToken();
  const response = await fetch(`api/v1/${path}`, {
    signal,
    cache: 'no-store',
    headers: { ...headers, ...(token !== null && { authorization: `Bearer ${token}` }) },
  });
  if (!response.ok) throw new Refusal(response.status, await sentence(response));
  return response;
}

export async function askJson<T>(path: string, signal: AbortSignal): Promise<T> {
  return (await (await ask(path, signal)).json()) as T;
}

async function sentence(response: Response): Promise<string> {
  try {
    const { error } = (await response.json()) as { error: { message: string } };
    return error.message;
  } catch {
    return `The coordinator answered ${response.status}.`;
  }
}
