import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a page says: a status with JSON, or with text that is none. */
export type Page = readonly [status: number, body: unknown];

/** Lends a server of this machine that answers each path with a page of its own, and 404 to all others. */
export async function withPages<T>(
  pages: (path: string, request: IncomingMessage) => Page | undefined,
  use: (url: string) => Promise<T>,
): Promise<T> {
  const server = createServer((request, response) => {
    const [status, body] = pages(request.url ?? '', request) ?? [404, 'not found'];
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
