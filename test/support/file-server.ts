import { createHash } from 'node:crypto';
import http, { type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Pair } from './tls.js';

/** A file that a server has at some moment. */
export interface Served {
  readonly content: Buffer;
  readonly etag?: string;
}

export interface Seen {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

/**
 * A web server as models lie on: ranges, If-Range, ETags. `on` overrides what a path answers, and `cut` ends
 * connections after so many bytes.
 */
export class FileServer {
  readonly files = new Map<string, Served>();
  readonly seen: Seen[] = [];
  readonly on = new Map<string, RequestListener>();
  /** Bytes after which connections are cut, one entry for each connection that is. */
  cuts: number[] = [];
  /** Bytes a piece, and the pause between two; null = at once. */
  pace: { readonly bytes: number; readonly milliseconds: number } | null = null;
  url = '';
  readonly #server: http.Server | https.Server;

  constructor(pair: Pair | null = null) {
    const answer: RequestListener = (request, response) => void this.#answer(request, response);
    this.#server =
      pair === null
        ? http.createServer(answer)
        : https.createServer({ cert: pair.certificate, key: pair.key }, answer);
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const scheme = this.#server instanceof https.Server ? 'https' : 'http';
    this.url = `${scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
    onTestFinished(() => this.stop());
    return this;
  }

  put(
    path: string,
    content: Buffer,
    etag = `"${createHash('sha256').update(content).digest('hex').slice(0, 8)}"`,
  ): string {
    this.files.set(path, { content, etag });
    return `${this.url}${path.slice(1)}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(new URL(request.url ?? '/', this.url).pathname);
    const { range, authorization } = request.headers;
    this.seen.push({
      path,
      range,
      ifRange: request.headers['if-range'] as string | undefined,
      authorization,
    });
    const own = this.on.get(path);
    if (own !== undefined) return void own(request, response);
    const file = this.files.get(path);
    if (file === undefined) return void response.writeHead(404).end();
    const { content, etag } = file;
    const condition = request.headers['if-range'];
    const from = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
    const to = Math.min(Number(/-(\d+)$/.exec(range ?? '')?.[1] ?? content.length - 1), content.length - 1);
    const partly = range !== undefined && (condition === undefined || condition === etag);
    if (partly && from >= content.length) {
      return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
    }
    const body = partly ? content.subarray(from, to + 1) : content;
    response.writeHead(partly ? 206 : 200, {
      'content-length': body.length,
      ...(etag === undefined ? {} : { etag }),
      ...(partly ? { 'content-range': `bytes ${from}-${to}/${content.length}` } : {}),
    });
    await this.#send(response, body);
  }

  async #send(response: ServerResponse, body: Buffer): Promise<void> {
    const cut = this.cuts.shift();
    const { bytes, milliseconds } = this.pace ?? { bytes: body.length, milliseconds: 0 };
    for (let at = 0; at < body.length && !response.destroyed; at += bytes) {
      const piece = body.subarray(at, Math.min(at + bytes, cut ?? body.length));
      await new Promise<void>((resolve) => response.write(piece, () => resolve()));
      if (cut !== undefined && at + bytes >= cut) {
        // What the other end has not read yet when the connection breaks is lost to it.
        await new Promise((resolve) => setTimeout(resolve, 500));
        return void response.destroy();
      }
      if (milliseconds > 0) await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
    response.end();
  }
}
