import type { Socket } from 'node:net';

/** Hands on each whole line; one that is longer than allowed ends the connection. */
export function lines(socket: Socket, mostBytes: number, onLine: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line.length > mostBytes) {
        socket.destroy();
        return;
      }
      onLine(line);
    }
    if (rest.length > mostBytes) socket.destroy();
  });
}
