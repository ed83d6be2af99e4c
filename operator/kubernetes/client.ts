import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Gathered } from '../../proto/http/gathered.js';
import type { Access } from './access.js';
import { type KubeObject, pathOf, type Resource } from './objects.js';

/** Refused, or not answered. `message` is the API server's own sentence where it gave one. */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** Status of HTTP; 0 = nobody answered. */
  readonly status: number;
  /** The API's word, as `AlreadyExists`; '' = none. */
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** One line of a watch. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

interface Request {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly type?: string;
}

/** Of a request that is no watch. */
const PATIENCE_SECONDS = 30;
/** Bookmarks come about once a minute; a watch that is silent for longer has lost its other end. */
const SILENCE_SECONDS = 150;
/**
 * Of an answer, and of one line of a watch: etcd holds objects of 1.5 MiB, a page of them is asked for by
 * number.
 */
const MOST_BYTES = 64 * 1024 * 1024;
const PAGE = 500;
/** Who wrote a field, for the API server. */
const FIELD_MANAGER = 'ridgepoint-operator';

/**
 * The few calls of the Kubernetes API that the operator makes (docs/decisions/0063-operator.md says why not
 * by a library). Each method throws KubeError only.
 */
export class KubeClient {
  readonly #access: Access;
  readonly #agent: http.Agent;

  constructor(access: Access) {
    this.#access = access;
    const options = { keepAlive: true, keepAliveMsecs: 15_000 };
    const { ca, certificate, key } = access;
    this.#agent =
      access.server.protocol === 'https:'
        ? new https.Agent({
            ...options,
            ...(ca !== null && { ca }),
            ...(certificate !== null && key !== null && { cert: certificate, key }),
          })
        : new http.Agent(options);
  }

  /** @param labels a selector; '' = all. */
  async list<T extends KubeObject>(
    resource: Resource,
    namespace: string | null,
    labels: string,
  ): Promise<Listed<T>> {
    const items: T[] = [];
    let more = '';
    for (;;) {
      const page = await this.#ask<{ items: T[]; metadata: { resourceVersion: string; continue?: string } }>({
        method: 'GET',
        path: pathOf(resource, namespace),
        query: {
          limit: `${PAGE}`,
          ...(labels !== '' && { labelSelector: labels }),
          ...(more !== '' && { continue: more }),
        },
      });
      // Items of a list say not what they are.
      for (const item of page.items)
        items.push({ ...item, apiVersion: resource.apiVersion, kind: resource.kind });
      more = page.metadata.continue ?? '';
      if (more === '') return { items, resourceVersion: page.metadata.resourceVersion };
    }
  }

  /** Every change after a version, until the server or the signal ends it. */
  async *watch<T extends KubeObject>(
    resource: Resource,
    namespace: string | null,
    labels: string,
    resourceVersion: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>> {
    const response = await this.#open(
      {
        method: 'GET',
        path: pathOf(resource, namespace),
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion,
          timeoutSeconds: '290',
          ...(labels !== '' && { labelSelector: labels }),
        },
      },
      SILENCE_SECONDS,
      signal,
    );
    try {
      for await (const line of linesOf(response)) yield JSON.parse(line) as WatchEvent<T>;
    } catch (error) {
      if (signal.aborted) return;
      throw unanswered(error);
    } finally {
      response.destroy();
    }
  }

  async get<T extends KubeObject>(resource: Resource, namespace: string, name: string): Promise<T> {
    return await this.#ask<T>({ method: 'GET', path: pathOf(resource, namespace, name) });
  }

  async create<T extends KubeObject>(resource: Resource, namespace: string, object: T): Promise<T> {
    return await this.#ask<T>({
      method: 'POST',
      path: pathOf(resource, namespace),
      query: { fieldManager: FIELD_MANAGER },
      body: object,
    });
  }

  /** Writes all of an object; `metadata.resourceVersion` has to be the newest, or the status is 409. */
  async replace<T extends KubeObject>(resource: Resource, namespace: string, object: T): Promise<T> {
    const path = pathOf(resource, namespace, object.metadata.name);
    return await this.#ask<T>({ method: 'PUT', path, query: { fieldManager: FIELD_MANAGER }, body: object });
  }

  /**
   * Server-side apply: the given fields become ours, and fields that we gave before and leave out now are
   * removed. With `metadata.uid` it does not make an object again that is gone: the status is 409.
   */
  async apply<T extends KubeObject>(
    resource: Resource,
    namespace: string,
    object: KubeObject,
    part: '' | '/status' = '',
  ): Promise<T> {
    return await this.#ask<T>({
      method: 'PATCH',
      path: `${pathOf(resource, namespace, object.metadata.name)}${part}`,
      query: { fieldManager: FIELD_MANAGER, force: 'true' },
      body: object,
      type: 'application/apply-patch+yaml',
    });
  }

  /** What it owns goes after it. @param uid of the object that is meant, not of a later one of its name. */
  async delete(resource: Resource, namespace: string, name: string, uid: string): Promise<void> {
    await this.#ask({
      method: 'DELETE',
      path: pathOf(resource, namespace, name),
      body: { propagationPolicy: 'Background', preconditions: { uid } },
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async #ask<T>(request: Request): Promise<T> {
    const response = await this.#open(request, PATIENCE_SECONDS, null);
    return JSON.parse(await textOf(response)) as T;
  }

  async #open(
    request: Request,
    timeoutSeconds: number,
    signal: AbortSignal | null,
  ): Promise<IncomingMessage> {
    const { server } = this.#access;
    const url = new URL(server.pathname.replace(/\/$/, '') + request.path, server);
    for (const [name, value] of Object.entries(request.query ?? {})) url.searchParams.set(name, value);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const token = this.#access.token();
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const sent = (url.protocol === 'https:' ? https : http).request(url, {
        method: request.method,
        agent: this.#agent,
        timeout: timeoutSeconds * 1000,
        ...(signal !== null && { signal }),
        headers: {
          accept: 'application/json',
          'user-agent': 'ridgepoint',
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && {
            'content-type': request.type ?? 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
        },
      });
      sent.on('timeout', () => sent.destroy(new Error(`it said nothing for ${timeoutSeconds} s`)));
      sent.on('response', resolve).on('error', reject).end(body);
    }).catch((error: unknown) => {
      throw unanswered(error);
    });
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw refused(status, await textOf(response));
  }
}

/** @returns whether the status is that an object is not there (any more). */
export const isGone = (error: unknown): boolean => error instanceof KubeError && error.status === 404;

/** @returns whether a version is too old to be watched from, or a page to be continued. */
export const isExpired = (error: unknown): boolean => error instanceof KubeError && error.status === 410;

/** @returns whether an object has changed, or has come, since it was read. */
export const isConflict = (error: unknown): boolean => error instanceof KubeError && error.status === 409;

/** @returns whether the same may be answered otherwise in a moment. */
export const isPassing = (error: unknown): boolean =>
  error instanceof KubeError && (error.status === 0 || error.status === 429 || error.status >= 500);

/** What an API server says of a refusal: an object of the kind Status. */
export function refused(status: number, text: string): KubeError {
  try {
    const { message, reason, code } = JSON.parse(text) as {
      message?: string;
      reason?: string;
      code?: number;
    };
    return new KubeError(code ?? status, reason ?? '', message ?? `the API server answered ${status}`);
  } catch {
    return new KubeError(status, '', `the API server answered ${status}: ${text.slice(0, 200)}`);
  }
}

function unanswered(error: unknown): KubeError {
  if (error instanceof KubeError) return error;
  return new KubeError(0, '', `the Kubernetes API server does not answer: ${(error as Error).message}`);
}

async function textOf(response: IncomingMessage): Promise<string> {
  const gathered = new Gathered(MOST_BYTES);
  try {
    for await (const part of response as AsyncIterable<Buffer>) {
      if (!gathered.push(part)) throw new Error(`the answer has more than ${MOST_BYTES} bytes`);
    }
  } catch (error) {
    throw unanswered(error);
  }
  return gathered.take();
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = '';
  response.setEncoding('utf8');
  for await (const part of response as AsyncIterable<string>) {
    rest += part;
    if (rest.length > MOST_BYTES) throw new Error(`a line has more than ${MOST_BYTES} characters`);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}
