import { createServer, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Endless {
  readonly url: string;
  /** Bytes of bodies that were handed to sockets. */
  sent(): number;
}

/** What an answer that never ends is made of. */
export interface EndlessAnswer {
  /** Sent for ever. */
  readonly part: string;
  /** Pause between two parts; 0 = as fast as they are taken. */
  readonly everyMilliseconds?: number;
  readonly status?: number;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent first. */
  readonly before?: string;
}

/** A server of this test whose answers never end. */
export async function endless(answer: (request: IncomingMessage) => EndlessAnswer): Promise<Endless> {
  let sent = 0;
  const server = createServer((request, response) => {
    const { part, everyMilliseconds = 0, status = 200, headers = {}, before = '' } = answer(request);
    response.writeHead(status, headers);
    const write = (text: string) => {
      sent += text.length;
      return response.write(text);
    };
    if (before !== '') write(before);
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
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent };
}
