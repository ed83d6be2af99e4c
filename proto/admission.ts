import type { Socket } from 'node:net';
import {
  type Metadata,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  ServerListenerBuilder,
  status,
} from '@grpc/grpc-js';
import { admit, nameOf, type Shown, shownBy } from './caller.js';
import { toServiceError, WireError } from './errors.js';
import { ConnectionCount } from './http/limits.js';
import {
  type ConnectionLimits,
  DIALS_BY_ADDRESS,
  METHODS,
  type MethodLimits,
  MOST_REFUSED_CALLS,
} from './limits.js';
import { CallRates, tooOften, type Watching } from './rate-limit.js';
import { isRefusal, type OnRefused } from './refusals.js';
import type { ServerSecurity } from './security.js';

/** A connection on which nobody has been admitted yet. */
interface Unauthenticated {
  readonly address: string;
  readonly socket: Socket;
  readonly patience: NodeJS.Timeout;
  /** Calls on it that were refused. */
  refused: number;
}

/**
 * What is asked before anything is read: a connection whether there is room for it, a call whether its caller
 * may make it. The message of a call that is refused is neither buffered nor parsed.
 */
export class Admission {
  readonly #security: ServerSecurity;
  readonly #limits: ConnectionLimits;
  readonly #count: ConnectionCount;
  readonly #unauthenticated = new Map<string, Unauthenticated>();
  readonly #unauthenticatedOf = new Map<string, number>();

  readonly #dials: CallRates;
  readonly #rates: CallRates;
  readonly #onRefused: OnRefused;

  constructor(security: ServerSecurity, limits: ConnectionLimits, { rates, onRefused }: Watching = {}) {
    this.#security = security;
    this.#limits = limits;
    // On loopback without TLS a connection costs next to nothing.
    this.#dials = new CallRates(security.kind === 'plaintext' ? null : DIALS_BY_ADDRESS);
    this.#rates = rates ?? new CallRates(null);
    this.#onRefused = onRefused ?? (() => undefined);
    this.#count = new ConnectionCount(limits);
  }

  /** Takes in a new connection, or cuts it before anything of it is read. @returns whether it was taken in */
  accept(socket: Socket): boolean {
    const { remoteAddress: address, remotePort } = socket;
    // A Unix socket: the permissions of its file say who comes.
    if (address === undefined) return true;
    const waiting = this.#unauthenticatedOf.get(address) ?? 0;
    if (waiting >= this.#limits.unauthenticatedByAddress || this.#dials.take(address) !== null) {
      socket.destroy();
      return false;
    }
    this.#count.admit(socket);
    if (socket.destroyed) return false;
    const key = `${address} ${remotePort}`;
    const patience = setTimeout(() => socket.destroy(), this.#limits.unauthenticatedSeconds * 1000);
    patience.unref();
    this.#unauthenticated.set(key, { address, socket, patience, refused: 0 });
    this.#unauthenticatedOf.set(address, waiting + 1);
    socket.once('close', () => this.#forget(key));
    return true;
  }

  /** Asks each call for its caller as soon as its headers are there. */
  get interceptor(): ServerInterceptor {
    return (method, call) => {
      const limits = METHODS[method.path];
      let headers: Metadata | null = null;
      return new ServerInterceptingCall(call, {
        start: (next) => {
          const asked = new ServerListenerBuilder().withOnReceiveMetadata((metadata, pass) => {
            headers = metadata;
            try {
              this.#enter(call, metadata, limits);
            } catch (error) {
              this.#tell(error, call, metadata, method.path);
              this.#countRefusal(call);
              // Nothing is read before `pass`; what comes all the same is thrown away by the transport.
              call.sendStatus(toServiceError(error));
              return;
            }
            pass(metadata);
          });
          next(asked.build());
        },
        // What the method itself refuses to a caller that was let in.
        sendStatus: (answer, next) => {
          const { code, details = '' } = answer;
          if (code === status.PERMISSION_DENIED && headers !== null)
            this.#tell(new WireError('forbidden', details), call, headers, method.path);
          next(answer);
        },
      });
    };
  }

  #enter(call: ServerInterceptingCallInterface, metadata: Metadata, limits: MethodLimits | undefined): void {
    if (limits === undefined) throw new WireError('unimplemented', 'This method is not served.');
    limitMessages(call, limits.requestBytes);
    const { remoteAddress, remotePort } = call.getConnectionInfo();
    const key = `${remoteAddress} ${remotePort}`;
    if (limits.access === 'anybody') {
      this.#unauthenticated.get(key)?.patience.refresh();
      return;
    }
    const { name } = admit(this.#shown(call, metadata), this.#security, limits.access);
    this.#forget(key);
    // An agent makes one call that lasts; on loopback all are one.
    if (limits.access === 'agent' || this.#security.kind === 'plaintext') return;
    const seconds = this.#rates.take(name);
    if (seconds !== null) throw tooOften(name, seconds);
  }

  #shown(call: ServerInterceptingCallInterface, metadata: Metadata): Shown {
    return shownBy({ metadata, getAuthContext: () => call.getAuthContext() }, this.#security);
  }

  /** A handshake that failed: the certificate of a stranger, or one that has expired. */
  refuseHandshake(error: Error, socket: Partial<Socket>): void {
    this.#onRefused({
      who: null,
      from: socket.remoteAddress ?? '',
      code: 'tls',
      message: error.message,
      where: 'gRPC',
    });
  }

  #tell(error: unknown, call: ServerInterceptingCallInterface, metadata: Metadata, where: string): void {
    if (!isRefusal(error)) return;
    const who = nameOf(this.#shown(call, metadata), this.#security);
    const from = call.getConnectionInfo().remoteAddress ?? '';
    this.#onRefused({ who, from, code: error.code, message: error.message, where });
  }

  /** A client that is refused tries again now and then; who goes on and on has to dial each time. */
  #countRefusal(call: ServerInterceptingCallInterface): void {
    const { remoteAddress, remotePort } = call.getConnectionInfo();
    const connection = this.#unauthenticated.get(`${remoteAddress} ${remotePort}`);
    if (connection === undefined) return;
    connection.refused += 1;
    if (connection.refused > MOST_REFUSED_CALLS) connection.socket.destroy();
  }

  #forget(key: string): void {
    const connection = this.#unauthenticated.get(key);
    if (connection === undefined) return;
    clearTimeout(connection.patience);
    this.#unauthenticated.delete(key);
    const left = (this.#unauthenticatedOf.get(connection.address) ?? 1) - 1;
    if (left === 0) this.#unauthenticatedOf.delete(connection.address);
    else this.#unauthenticatedOf.set(connection.address, left);
  }
}

/**
 * Sets how large a message of this call may be. grpc-js has one limit for all methods of a server, and keeps
 * it in each call where its decoder reads the length of a message; there is no public way to it, so this
 * stands and falls with the release that package.json names, and a test says so.
 */
function limitMessages(call: ServerInterceptingCallInterface, bytes: number): void {
  const { decoder } = call as unknown as { decoder?: { maxReadMessageLength?: number } };
  const inner = call as unknown as { maxReceiveMessageSize?: number };
  if (decoder?.maxReadMessageLength === undefined || inner.maxReceiveMessageSize === undefined) {
    throw new WireError('internal', 'This release of grpc-js keeps the size of messages elsewhere.');
  }
  decoder.maxReadMessageLength = bytes;
  // What a compressed message may unpack to.
  inner.maxReceiveMessageSize = bytes;
}
