import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Pair } from './tls.js';

/** A proxy as companies have them: it connects and forwards, with a name service of its own. */
export class ConnectProxy {
  /** Ports of this machine by the host that is asked for. */
  readonly hosts = new Map<string, number>();
  readonly seen: { readonly target: string; readonly authorization: string | undefined }[] = [];
  /** The status that it refuses with; null = it connects, 0 = it says nothing. */
  refuses: number | null = null;
  host = '';
  readonly #server: http.Server | https.Server;
  readonly #sockets = new Set<Socket>();

  constructor(pair: Pair | null = null) {
    this.#server =
      pair === null ? http.createServer() : https.createServer({ cert: pair.certificate, key: pair.key });
    this.#server.on('connect', (request: IncomingMessage, socket: Socket) => this.#connect(request, socket));
    this.#server.on('request', (request, response) => this.#forward(request, response));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    onTestFinished(() => {
      for (const socket of this.#sockets) socket.destroy();
      this.#server.close();
    });
    return this;
  }

  #connect(request: IncomingMessage, socket: Socket): void {
    const target = request.url ?? '';
    this.seen.push({ target, authorization: request.headers['proxy-authorization'] });
    this.#keep(socket);
    if (this.refuses === 0) return;
    const port = this.hosts.get(target.replace(/:\d+$/, ''));
    const status = this.refuses ?? (port === undefined ? 502 : null);
    if (status !== null) return void socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
    const there = connect(port ?? 0, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(there).pipe(socket);
    });
    this.#keep(there);
  }

  /** Asks for a plain address, which is named whole, itself. */
  #forward(request: IncomingMessage, response: ServerResponse): void {
    const target = request.url ?? '';
    this.seen.push({ target, authorization: request.headers['proxy-authorization'] });
    if (this.refuses === 0) return;
    if (this.refuses !== null) return void response.writeHead(this.refuses).end();
    const { hostname, pathname, search } = new URL(target);
    const port = this.hosts.get(hostname);
    if (port === undefined) return void response.writeHead(502).end('no such host');
    const { method, headers } = request;
    const onward = { host: '127.0.0.1', port, method, path: pathname + search, headers };
    const there = http.request(onward, (answer) => {
      response.writeHead(answer.statusCode ?? 502);
      answer.pipe(response);
    });
    request.pipe(there);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
  }
}
