import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The newest release of each line that Ridgepoint supports; scripts/install-test-services.sh builds them. */
export const NATS_VERSIONS = ['2.12.15', '2.15.3'] as const;
export type NatsVersion = (typeof NATS_VERSIONS)[number];
const NEWEST: NatsVersion = '2.15.3';
const FOLDER = '/opt/ridgepoint-nats';

/** @returns where a supported release is installed. */
const programOf = (version: NatsVersion): string => join(FOLDER, version, 'nats-server');

/** The program of the newest one. */
export const NATS_PROGRAM = programOf(NEWEST);

/** True when every supported release is installed. */
export const hasNatsServer = NATS_VERSIONS.every((version) => existsSync(programOf(version)));
/** Debian's own package, when it is there and older than Ridgepoint supports; null otherwise. */
export const oldNatsServer = findOld();

export interface NatsServerOptions {
  readonly version?: NatsVersion;
  /** Another program than that release's. */
  readonly program?: string;
  /** More lines of the server's configuration file, such as `max_payload: 64KB`. */
  readonly configuration?: string;
}

interface Addresses {
  readonly url: string;
  readonly monitor: string;
}

/** A real server with JetStream on a free port of loopback, its storage in a folder of its own. */
export class NatsServer {
  readonly url: string;
  /** Monitoring address, while it is not started again. */
  readonly monitor: string;
  readonly #program: string;
  readonly #folder: string;
  #process: ChildProcess;

  private constructor({ url, monitor }: Addresses, program: string, folder: string, process: ChildProcess) {
    this.url = url;
    this.monitor = monitor;
    this.#program = program;
    this.#folder = folder;
    this.#process = process;
  }

  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const program = options.program ?? programOf(options.version ?? NEWEST);
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-nats-'));
    writeFileSync(join(folder, 'nats.conf'), options.configuration ?? '');
    const server = launch(program, folder, -1);
    return new NatsServer(await addressesOf(server, folder), program, folder, server);
  }

  /** `kill -9`: what the server acknowledged is in its files, its connections and consumers are gone. */
  async kill(): Promise<void> {
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  /** Starts it again on the same port, with the same storage. */
  async restart(): Promise<void> {
    this.#process = launch(this.#program, this.#folder, Number(new URL(this.url).port));
    await addressesOf(this.#process, this.#folder);
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGTERM');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function launch(program: string, folder: string, port: number): ChildProcess {
  const where = [
    '--addr',
    '127.0.0.1',
    '--port',
    String(port),
    '--ports_file_dir',
    folder,
    '--http_port',
    '-1',
  ];
  const rest = ['--jetstream', '--store_dir', folder, '--config', join(folder, 'nats.conf')];
  return spawn(program, [...rest, ...where], { stdio: 'ignore' });
}

async function addressesOf(server: ChildProcess, folder: string): Promise<Addresses> {
  const file = join(folder, `nats-server_${server.pid}.ports`);
  for (let attempt = 0; attempt < 200 && server.exitCode === null; attempt += 1) {
    const text = existsSync(file) ? readFileSync(file, 'utf8').trimEnd() : '';
    // It is written after it was made: what has no end yet is read again.
    if (text.endsWith('}')) {
      const { nats, monitoring } = JSON.parse(text) as { nats: string[]; monitoring: string[] };
      return { url: nats[0]!, monitor: monitoring[0]! };
    }
    await sleep(50);
  }
  server.kill('SIGKILL');
  throw new Error('nats-server did not start');
}

function findOld(): string | null {
  const { status, stdout } = spawnSync('nats-server', ['--version'], { encoding: 'utf8' });
  return status === 0 && /v2\.([0-9]|1[01])\./.test(stdout) ? 'nats-server' : null;
}
