import { connect as connectPlain, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';

export interface RawAnswer {
  /** 0 = the connection was closed without one. */
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  /** Lines as they go over the wire, besides Host. */
  readonly headers?: readonly string[];
  readonly host?: string;
  /** As it is, a byte a character; its length is a header like any other. */
  readonly body?: string;
}

/**
 * Sends requests byte by byte as they are written, one after another over one connection: no client
 * normalizes them.
 */
export class RawHttp {
  readonly #port: number;
  readonly #tls: ConnectionOptions | null;
  #socket: Socket | null = null;

  constructor(url: string, tls: ConnectionOptions | null = null) {
    this.#port = Number(new URL(url).port);
    this.#tls = tls;
  }

  /** Sends one request and reads its answer; a stream that does not end is read up to its first piece. */
  async ask(
    target: string,
    { method = 'GET', headers = [], host, body = '' }: RawRequest = {},
  ): Promise<RawAnswer> {
    const lines = [`${method} ${target} HTTP/1.1`, `Host: ${host ?? `localhost:${this.#port}`}`, ...headers];
    return await this.send(`${lines.join('\r\n')}\r\n\r\n${body}`, method === 'HEAD');
  }

  async send(text: string, headOnly = false): Promise<RawAnswer> {
    const socket = await this.#open();
    return await new Promise((resolve) => {
      let received = '';
      const done = (keep: boolean): void => {
        socket.off('data', onData).off('close', onClose);
        if (!keep) this.close();
        const [head = '', ...rest] = received.split('\r\n\r\n');
        resolve({
          status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
          head,
          body: rest.join('\r\n\r\n'),
        });
      };
      const onData = (piece: Buffer): void => {
        received += piece.toString('latin1');
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) return;
        const head = received.slice(0, end).toLowerCase();
        const length = Number(/\r\ncontent-length: *(\d+)/.exec(head)?.[1] ?? Number.NaN);
        const whole = headOnly ? 0 : length;
        if (Number.isNaN(whole)) {
          if (received.length > end + 4) done(false);
        } else if (received.length >= end + 4 + whole) done(!/\r\nconnection: close/.test(head));
      };
      const onClose = (): void => done(false);
      socket.on('data', onData).once('close', onClose);
      socket.write(Buffer.from(text, 'latin1'));
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== null && !this.#socket.destroyed) return this.#socket;
    const at = { host: 'localhost', port: this.#port };
    const socket = this.#tls === null ? connectPlain(at) : connectTls({ ...at, ...this.#tls });
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      socket.once(this.#tls === null ? 'connect' : 'secureConnect', resolve).once('close', resolve);
    });
    this.#socket = socket;
    return socket;
  }
}
