import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import { connect, isIP, type LookupFunction } from 'node:net';
import type { Endpoint } from './endpoint.js';

/** Callbacks for a request, in the order in which they are called; the last is either `ended` or `failed`. */
export interface Listener {
  head(status: number, headers: http.IncomingHttpHeaders): void;
  bytes(bytes: Buffer): void;
  ended(): void;
  failed(error: NodeJS.ErrnoException): void;
}

/**
 * Idle connections are closed before the server closes them, because uvicorn (vLLM, SGLang) and llama-server
 * do so after 5 s, and a request that is sent at that moment is lost. If a server reports its own time, that
 * is used.
 */
const IDLE_MILLISECONDS = 4000;
/** How long an address may take to accept the connection by which it is tried. */
const CONNECT_MILLISECONDS = 10_000;

/**
 * HTTP/1.1 for one run: as many connections as there are requests in flight, kept alive, one request at a
 * time on each, no redirects, no proxies. It uses Node's own client: undici's `dispatch` (7.30) costs as much
 * or more, and would be a further dependency. CPU seconds of both on a Xeon with other work beside it: 1.9
 * against 2.1 to 2.5 for 5,000 requests of 8 chunks at 1,000 requests per second, 3.9 to 4.6 against 4.0 for
 * 2,000 streams at once of 60 chunks each.
 */
export class Transport {
  readonly #request: typeof http.request;
  readonly #agent: http.Agent;
  readonly #options: http.RequestOptions;
  readonly #headers: Readonly<Record<string, string>>;

  private constructor(endpoint: Endpoint, address: Address | null) {
    const url = new URL(endpoint.url);
    const secure = url.protocol === 'https:';
    this.#request = secure ? https.request : http.request;
    const options: https.AgentOptions = {
      keepAlive: true,
      maxFreeSockets: Number.POSITIVE_INFINITY,
      timeout: IDLE_MILLISECONDS,
      noDelay: true,
      ...(address === null ? {} : { lookup: fixedLookup(address), autoSelectFamily: false }),
    };
    this.#agent = secure ? new https.Agent(options) : new http.Agent(options);
    this.#options = {
      method: 'POST',
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : url.port,
      path: url.pathname.replace(/\/+$/, '') + endpoint.paths[endpoint.api],
      agent: this.#agent,
    };
    this.#headers = {
      'content-type': 'application/json',
      accept: endpoint.stream ? 'text/event-stream' : 'application/json',
      ...endpoint.headers,
    };
  }

  /**
   * Finds the server's address once, so that no request asks DNS or tries an address without a server. If the
   * server is not found, each request reports that.
   */
  static async open(endpoint: Endpoint): Promise<Transport> {
    return new Transport(endpoint, await findAddress(new URL(endpoint.url)));
  }

  /** Hands a request to a socket. @returns a function that gives it up; no callback is called after that. */
  send(body: Buffer, listener: Listener): () => void {
    let over = false;
    let abort = () => {};
    const attempt = (again: boolean) => {
      let answered = false;
      const failed = (error: NodeJS.ErrnoException) => {
        if (over) return;
        // The server closed an idle connection while this request was being sent, so it never saw the request
        // (RFC 9112, 9.3.1).
        if (!answered && request.reusedSocket && !again && isReset(error)) attempt(true);
        else {
          over = true;
          listener.failed(error);
        }
      };
      const request = this.#request({
        ...this.#options,
        // Other idle connections are just as old, so the second attempt gets a new one.
        ...(again && { agent: false }),
        headers: { ...this.#headers, 'content-length': body.length },
      });
      request.on('response', (response) => {
        if (over) return;
        answered = true;
        listener.head(response.statusCode ?? 0, response.headers);
        response.on('data', (bytes: Buffer) => {
          if (!over) listener.bytes(bytes);
        });
        response.on('end', () => {
          if (over) return;
          over = true;
          listener.ended();
        });
        response.on('error', failed);
      });
      request.on('error', failed);
      request.end(body);
      abort = () => {
        over = true;
        request.destroy();
      };
    };
    attempt(false);
    return () => abort();
  }

  close(): void {
    this.#agent.destroy();
  }
}

interface Address {
  readonly address: string;
  readonly family: number;
}

const isReset = ({ code }: NodeJS.ErrnoException) => code === 'ECONNRESET' || code === 'EPIPE';

async function findAddress({ hostname, port, protocol }: URL): Promise<Address | null> {
  if (isIP(hostname.replace(/^\[|\]$/g, '')) !== 0) return null;
  const all = await lookup(hostname, { all: true }).catch(() => []);
  const at = Number(port) || (protocol === 'https:' ? 443 : 80);
  for (const one of all) if (await accepts(one, at)) return one;
  return all[0] ?? null;
}

function accepts({ address, family }: Address, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, family, port, timeout: CONNECT_MILLISECONDS });
    const say = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => say(true));
    socket.once('error', () => say(false));
    socket.once('timeout', () => say(false));
  });
}

function fixedLookup({ address, family }: Address): LookupFunction {
  return (_host, options, callback) => {
    if (options.all) callback(null, [{ address, family }]);
    else callback(null, address, family);
  };
}
