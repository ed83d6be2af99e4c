import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { freePort, until } from './services.js';

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** Where `initdb` and `postgres` are: on the path, or where Debian puts them, out of it. */
export const POSTGRES_FOLDER = findFolder();
/** PostgreSQL refuses to run as root: then it runs as this user, which Debian's package makes. */
const OWNER: Partial<Owner> | null = process.getuid?.() === 0 ? ownerOf('postgres') : {};

/** True when a PostgreSQL server can be started here. */
export const hasPostgres = POSTGRES_FOLDER !== null && OWNER !== null;

/** A real server on a free port of loopback, its database in a folder of its own. */
export class PostgresServer {
  readonly port: number;
  readonly #folder: string;
  #process: ChildProcess;

  private constructor(port: number, folder: string, process: ChildProcess) {
    this.port = port;
    this.#folder = folder;
    this.#process = process;
  }

  /** @param settings lines of postgresql.conf. */
  static async start(settings: readonly string[] = []): Promise<PostgresServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-postgres-'));
    if (OWNER?.uid !== undefined) chownSync(folder, OWNER.uid, OWNER.gid ?? OWNER.uid);
    const made = spawnSync(
      join(POSTGRES_FOLDER ?? '', 'initdb'),
      ['-D', join(folder, 'data'), '-U', 'ridgepoint', '--auth=trust', '--no-sync', '--no-instructions'],
      { ...OWNER, encoding: 'utf8', cwd: folder },
    );
    if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
    const port = await freePort();
    const lines = [
      `port = ${port}`,
      "listen_addresses = '127.0.0.1'",
      `unix_socket_directories = '${folder}'`,
    ];
    appendFileSync(join(folder, 'data/postgresql.conf'), [...lines, ...settings, ''].join('\n'));
    const server = new PostgresServer(port, folder, launch(folder));
    await server.#ready();
    return server;
  }

  /** @param parameters as `schema=name`. */
  url(parameters = ''): string {
    return `postgres://ridgepoint@127.0.0.1:${this.port}/postgres?${parameters}`;
  }

  /** Runs a statement as a user of the database might. */
  async query<Row extends object>(text: string): Promise<Row[]> {
    const client = new Client({
      host: '127.0.0.1',
      port: this.port,
      user: 'ridgepoint',
      database: 'postgres',
    });
    await client.connect();
    try {
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** `kill -9` of the server and all that it started; what it acknowledged is in its files. */
  async kill(): Promise<void> {
    const exited = once(this.#process, 'exit');
    // Its children are of its process group, and write on for a moment otherwise.
    process.kill(-(this.#process.pid ?? 0), 'SIGKILL');
    await exited;
  }

  /** Starts it again on the same port, with the same files. */
  async restart(): Promise<void> {
    this.#process = launch(this.#folder);
    await this.#ready();
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const exited = once(this.#process, 'exit');
      this.#process.kill('SIGINT');
      await exited;
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ready(): Promise<void> {
    await until('PostgreSQL to be ready', async () => {
      await this.query('SELECT 1');
      return true;
    });
  }
}

function launch(folder: string): ChildProcess {
  return spawn(join(POSTGRES_FOLDER ?? '', 'postgres'), ['-D', join(folder, 'data')], {
    ...OWNER,
    cwd: folder,
    stdio: 'ignore',
    detached: true,
  });
}

function findFolder(): string | null {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian)
    ? readdirSync(debian)
        .map(Number)
        .sort((a, b) => b - a)
    : [];
  const folders = [
    ...(process.env.PATH ?? '').split(':'),
    ...versions.map((version) => `${debian}/${version}/bin`),
  ];
  const found = folders.find(
    (folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')),
  );
  // Links on the path need not be there for every program.
  return found === undefined ? null : dirname(realpathSync(join(found, 'initdb')));
}

function ownerOf(user: string): Owner | null {
  const ids = (['-u', '-g'] as const).map((flag) => spawnSync('id', [flag, user], { encoding: 'utf8' }));
  if (ids.some(({ status }) => status !== 0)) return null;
  const [uid = 0, gid = 0] = ids.map(({ stdout }) => Number(stdout));
  return { uid, gid };
}
