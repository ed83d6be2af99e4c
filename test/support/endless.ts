import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Endless {
  readonly url: string;
  /** Bytes of bodies that were handed to sockets. */
  sent(): number;
  close(): void;
}

/** What an answer that never ends is made of; it does where it has no part. */
export interface EndlessAnswer {
  /** Sent for ever; '' = nothing. */
  readonly part: string;
  /** Pause between two parts; 0 = as fast as they are taken. */
  readonly everyMilliseconds?: number;
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent first. */
  readonly before?: string | Buffer;
}

/** A server whose answers never end. */
export async function startEndless(answer: (request: IncomingMessage) => EndlessAnswer): Promise<Endless> {
  let sent = 0;
  const server = createServer((request, response) => {
    const { part, everyMilliseconds = 0, status = 200, headers = {}, before = '' } = answer(request);
    response.writeHead(status, headers);
    const write = (text: string | Buffer) => {
      sent += text.length;
      return response.write(text);
    };
    if (before.length > 0) write(before);
    if (part === '') return void response.end();
    const go = () => {
      if (response.destroyed) return;
      if (everyMilliseconds > 0) {
        write(part);
        setTimeout(go, everyMilliseconds);
      } else if (write(part)) setImmediate(go);
      else response.once('drain', go);
    };
    go();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent, close };
}
