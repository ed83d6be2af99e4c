import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Stands between a client and a server on loopback, and loses or delays what the server says: what a client
 * then knows of what it wrote is what it knows after a broken network.
 */
export class WireCutter {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /**
   * The server's answers are lost from here on, and the connections they came by are broken after this many
   * milliseconds.
   */
  #deafMilliseconds: number | null = null;
  #delayMilliseconds = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async before(port: number): Promise<WireCutter> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const cutter = new WireCutter(server, typeof address === 'object' ? (address?.port ?? 0) : 0);
    server.on('connection', (client) => cutter.#join(client, connect(port, '127.0.0.1')));
    return cutter;
  }

  /**
   * What is sent from here on arrives, its answers do not; the connections break after a while, and new ones
   * are whole.
   */
  loseAnswers(milliseconds = 150): void {
    this.#deafMilliseconds = milliseconds;
    setTimeout(() => {
      this.#deafMilliseconds = null;
      this.cut();
    }, milliseconds);
  }

  /**
   * Connections that are there are never heard of again, as those to a machine that lost its power; new ones
   * are whole.
   */
  silence(): void {
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.removeAllListeners('data');
      socket.resume();
    }
  }

  /** Every answer comes so much later, as those of a server whose disk is slow do. */
  delayAnswers(milliseconds: number): void {
    this.#delayMilliseconds = milliseconds;
  }

  /** Breaks every connection; new ones are taken. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    const both = [client, server];
    for (const socket of both) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        for (const other of both) other.destroy();
      });
    }
    client.pipe(server);
    server.on('data', (data) => {
      if (this.#deafMilliseconds !== null) return;
      // Timers of the same length keep the order.
      if (this.#delayMilliseconds === 0) client.write(data);
      else setTimeout(() => client.write(data), this.#delayMilliseconds);
    });
  }
}
