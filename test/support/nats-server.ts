import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** True when the Debian package nats-server (or any other build of it) is on PATH. */
export const hasNatsServer = spawnSync('nats-server', ['--version']).status === 0;

/** A real server with JetStream on a free port of loopback, its storage in a folder of its own. */
export class NatsServer {
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(url: string, process: ChildProcess, folder: string) {
    this.url = url;
    this.#process = process;
    this.#folder = folder;
  }

  static async start(): Promise<NatsServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-nats-'));
    const server = spawn(
      'nats-server',
      [
        '--jetstream',
        '--store_dir',
        folder,
        '--addr',
        '127.0.0.1',
        '--port',
        '-1',
        '--ports_file_dir',
        folder,
      ],
      { stdio: 'ignore' },
    );
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
      if (file !== undefined) {
        const ports = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { nats: string[] };
        return new NatsServer(ports.nats[0]!, server, folder);
      }
      await sleep(50);
    }
    server.kill('SIGKILL');
    throw new Error('nats-server did not start');
  }

  async stop(): Promise<void> {
    this.#process.kill('SIGTERM');
    await once(this.#process, 'exit');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
