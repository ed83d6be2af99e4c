import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import {
  type handleBidiStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { Admission } from './admission.js';
import { bindError } from './bind-error.js';
import { type AnyCall, type Caller, goodUntil, identify, nodeRefusal, shownBy } from './caller.js';
import { toServiceError, WireError } from './errors.js';
import { CONNECTION_LIMITS, type ConnectionLimits, quietTransport, SERVER_OPTIONS } from './limits.js';
import { joinAddress, splitAddress } from './loopback.js';
import type { Watching } from './rate-limit.js';
import { type ServerSecurity, serverCredentials } from './security.js';
import { type Duplex, messagesOf, sender } from './stream.js';

/** Who calls, and until when an answer is wanted. */
export interface CallContext {
  /** Certificate's common name, the token's name, or `loopback`. */
  readonly caller: string;
  /** The same with its rights. */
  readonly who: Caller;
  /**
   * @returns why what admitted the caller holds no more: it has expired, or was revoked since; null while it
   *   holds.
   */
  refusal(): string | null;
  /** @returns why the caller may not speak as that node; null when it may. */
  nodeRefusal(node: string): string | null;
  readonly peer: string;
  /** Aborts when the caller goes away. */
  readonly signal: AbortSignal;
}

/**
 * Builds handlers that know their caller and turn whatever is thrown into a status code. Whether the caller
 * may call was asked at the door, and is asked again here.
 */
export class Handlers {
  readonly #security: ServerSecurity;
  /** How often what callers are admitted by has changed. */
  #renewals = 0;

  constructor(security: ServerSecurity) {
    this.#security = security;
    if (security.kind === 'plaintext') return;
    security.onRenewed?.(() => {
      this.#renewals += 1;
    });
  }

  unary<Request, Response>(
    handle: (request: Request, context: CallContext) => Promise<Response>,
  ): handleUnaryCall<Request, Response> {
    return (call, callback) => {
      const run = async (): Promise<Response> => handle(requireDecoded(call.request), this.#enter(call));
      run().then(
        (response) => callback(null, response),
        (error: unknown) => callback(toServiceError(error)),
      );
    };
  }

  stream<Request, Response>(
    handle: (request: Request, context: CallContext) => AsyncIterable<Response>,
  ): handleServerStreamingCall<Request, Response> {
    return (call) => {
      const run = async (): Promise<void> => {
        const context = this.#enter(call);
        const send = sender<Response>(call as unknown as Writable);
        let askedAt = performance.now();
        for await (const message of handle(requireDecoded(call.request), context)) {
          if (context.signal.aborted) return;
          if (performance.now() - askedAt > ASK_AGAIN_MILLISECONDS) {
            identify(call, this.#security);
            askedAt = performance.now();
          }
          await send(message);
        }
      };
      finish(call, run());
    };
  }

  duplex<In, Out>(
    handle: (stream: Duplex<Out, In>, context: CallContext) => Promise<void>,
  ): handleBidiStreamingCall<In, Out> {
    return (call) => {
      const run = async (): Promise<void> => {
        const context = this.#enter(call);
        const messages = messagesOf<In>(call as unknown as Readable);
        await handle(
          {
            send: sender<Out>(call as unknown as Writable),
            end: () => call.end(),
            [Symbol.asyncIterator]: () => messages[Symbol.asyncIterator](),
          },
          context,
        );
      };
      finish(call, run());
    };
  }

  /** Asks anew once something has expired or changed: thousands of streams are asked every second. */
  #refusals(call: AnyCall): () => string | null {
    const validUntil = () => goodUntil(shownBy(call, this.#security), this.#security);
    let [good, renewals] = [0, this.#renewals];
    return () => {
      if (renewals === this.#renewals && Date.now() < good) return null;
      try {
        identify(call, this.#security);
        [good, renewals] = [validUntil(), this.#renewals];
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    };
  }

  #enter(call: AnyCall): CallContext {
    const gone = new AbortController();
    const events: EventEmitter = call;
    events.once('cancelled', () => gone.abort()).once('close', () => gone.abort());
    const who = identify(call, this.#security);
    return {
      caller: who.name,
      who,
      refusal: this.#refusals(call),
      nodeRefusal: (node) => nodeRefusal(shownBy(call, this.#security), this.#security, node),
      peer: call.getPeer(),
      signal: gone.signal,
    };
  }
}

/** @throws the WireError that came in place of what could not be decoded (readable.ts). */
function requireDecoded<Request>(request: Request): Request {
  if (request instanceof WireError) throw request;
  return request;
}

/** How often a stream that goes on asks whether its caller still may have it. */
const ASK_AGAIN_MILLISECONDS = 1000;

function finish(
  call: Writable | ServerWritableStream<unknown, unknown> | ServerDuplexStream<unknown, unknown>,
  run: Promise<void>,
): void {
  // grpc-js turns an `error` event into the call's status, so errors are emitted and never thrown.
  run.then(
    () => call.end(),
    (error: unknown) => {
      if (!call.destroyed) call.emit('error', toServiceError(error) as ServiceError);
    },
  );
}

export interface Listening {
  /** The address with the port that was really taken. */
  readonly address: string;
  /** Refuses new calls, lets running ones end for that long, then cuts them. */
  close(graceSeconds: number): Promise<void>;
}

export interface LimitedServer {
  /** Takes services until it listens. */
  readonly server: Server;
  /** Binds and starts; port 0 takes a free one. Throws WireError with one sentence when it cannot. */
  listen(address: string): Promise<Listening>;
}

/**
 * @returns a server without services that has our limits and asks every call for its caller; add services,
 *   then `listen`.
 */
export function makeServer(
  security: ServerSecurity,
  limits: ConnectionLimits = CONNECTION_LIMITS,
  watching: Watching = {},
): LimitedServer {
  quietTransport();
  const door = new Admission(security, limits, watching);
  const server = new Server({ ...SERVER_OPTIONS, interceptors: [door.interceptor] });
  return { server, listen: (address) => listen(server, door, address, security) };
}

async function listen(
  server: Server,
  door: Admission,
  address: string,
  security: ServerSecurity,
): Promise<Listening> {
  const credentials = serverCredentials(address, security);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(bindError(address, error));
    });
  });
  for (const listener of listenersOf(server)) {
    // What is not taken in never meets TLS.
    const readers = listener.listeners('connection');
    listener.removeAllListeners('connection').on('connection', (socket: Socket) => {
      if (door.accept(socket)) for (const reader of readers) reader.call(listener, socket);
    });
    listener.on('tlsClientError', (error: Error, socket: Socket) => door.refuseHandshake(error, socket));
  }
  const host = splitAddress(address)?.host;
  return {
    address: host === undefined ? address : joinAddress(host, port),
    close: (graceSeconds) =>
      new Promise((resolve) => {
        const cut = setTimeout(() => server.forceShutdown(), graceSeconds * 1000);
        server.tryShutdown(() => {
          clearTimeout(cut);
          resolve();
        });
      }),
  };
}

/** What grpc-js listens with; it has no public way to see a connection before there is a call on it. */
function listenersOf(server: Server): EventEmitter[] {
  const { http2Servers } = server as unknown as { http2Servers?: Map<EventEmitter, unknown> };
  if (http2Servers === undefined)
    throw new WireError('internal', 'This release of grpc-js listens in another way.');
  return [...http2Servers.keys()];
}
