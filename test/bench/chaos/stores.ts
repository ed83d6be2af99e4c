import { type ChildProcess, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type { CoordinatorConfig } from '../../../coordinator/config.js';
import { NATS_PROGRAM } from '../../support/nats-server.js';
import { POSTGRES_FOLDER } from '../../support/postgres-server.js';
import { until } from '../../support/services.js';
import type { Ground, Place } from './ground.js';
import { Member } from './member.js';

export const STORE_NAMES = { jetstream: ['nats0', 'nats1', 'nats2'], postgres: ['pg0', 'pg1'] } as const;
export type StoreKind = keyof typeof STORE_NAMES;
export const STORE_DISK_BYTES = 768 * 1024 ** 2;

/** The servers that hold the log. */
export interface Store {
  readonly log: NonNullable<CoordinatorConfig['log']>;
  readonly servers: readonly Member[];
  /**
   * Makes the other server the one that takes writes, and a standby of this one; null = there is no such
   * thing here.
   */
  readonly promote: (() => Promise<void>) | null;
  /** Resolves when it takes writes. */
  ready(): Promise<void>;
}

export function startStore(kind: StoreKind, ground: Ground): Promise<Store> {
  return kind === 'jetstream' ? startNats(ground) : startPostgres(ground);
}

const placesOf = (ground: Ground, kind: StoreKind): Place[] =>
  STORE_NAMES[kind].map((name) => ground.places.find((place) => place.name === name)!);

/** A cluster of three servers of NATS: every message is kept by three, and acknowledged by two. */
async function startNats(ground: Ground): Promise<Store> {
  const places = placesOf(ground, 'jetstream');
  const routes = places.map(({ ip }) => `nats://${ip}:6222`).join(', ');
  const servers = places.map((place) => {
    const { name, ip, disk } = place;
    const file = join(disk, '..', `${name}.conf`);
    writeFileSync(
      file,
      `server_name: ${name}
listen: ${ip}:4222
http: ${ip}:8222
jetstream { store_dir: "${disk}", max_file_store: 512MB, max_memory_store: 64MB, sync_interval: always }
cluster { name: chaos, listen: ${ip}:6222, routes: [${routes}] }
`,
    );
    return new Member(ground, place, () => silent(ground.spawn(place, [NATS_PROGRAM, '--config', file])));
  });
  for (const server of servers) server.start();
  const monitor = `http://${places[0]!.ip}:8222`;
  const ready = async (): Promise<void> => {
    await until(
      'the NATS servers to have a leader',
      async () => {
        const { status } = await fetch(`${monitor}/healthz`, { signal: AbortSignal.timeout(500) });
        const { meta_cluster: meta } = (await (await fetch(`${monitor}/jsz`)).json()) as {
          meta_cluster?: { leader?: string; cluster_size?: number };
        };
        return status === 200 && meta?.leader ? true : null;
      },
      60,
    );
  };
  await ready();
  const log = {
    kind: 'jetstream' as const,
    servers: places.map(({ ip }) => `nats://${ip}:4222`),
    stream: 'CHAOS',
    replicas: 3,
  };
  return { log, servers, promote: null, ready };
}

/** An old primary is away for so long until it becomes the standby: writes wait for it. */
const AWAY_SECONDS = 3;
const USER = process.getuid?.() === 0 ? 'postgres' : null;
/** Servers and their replication notice within this that the other end is gone. */
const SETTINGS = [
  ...['max_connections = 60', 'shared_buffers = 32MB', 'max_wal_size = 96MB', 'wal_keep_size = 64MB'],
  ...['synchronous_commit = on', "synchronous_standby_names = '*'", 'hot_standby = on'],
  ...['wal_receiver_timeout = 3s', 'wal_sender_timeout = 3s', 'wal_retrieve_retry_interval = 500ms'],
  ...['tcp_keepalives_idle = 2', 'tcp_keepalives_interval = 1', 'tcp_keepalives_count = 3'],
];

/** A primary and a synchronous standby: a commit is acknowledged when both have it. */
async function startPostgres(ground: Ground): Promise<Store> {
  const places = placesOf(ground, 'postgres');
  const dataOf = ({ disk }: Place) => join(disk, 'data');
  const program = (name: string) => join(POSTGRES_FOLDER ?? '', name);
  const servers = places.map(
    (place) =>
      new Member(ground, place, () =>
        silent(
          ground.spawn(
            place,
            [
              program('postgres'),
              ...['-D', dataOf(place), '-c', `listen_addresses=${place.ip}`],
              ...['-c', `unix_socket_directories=${place.disk}`],
            ],
            { user: USER },
          ),
        ),
      ),
  );
  const done = async (place: Place, ...command: string[]): Promise<boolean> => {
    const child = ground.spawn(place, command, {
      user: USER,
      stderr: process.env.RIDGE_DEBUG ? 'inherit' : 'ignore',
    });
    child.stdout?.resume();
    const [code] = await once(child, 'exit');
    return code === 0;
  };
  /** Makes a server anew as the standby of another one. */
  const follow = (standby: Member, primary: Member) =>
    until(
      'a standby to be made',
      async () => {
        rmSync(dataOf(standby.place), { recursive: true, force: true });
        const from = ['-h', primary.place.ip, '-U', 'ridgepoint', '-D', dataOf(standby.place)];
        const copied = await done(
          standby.place,
          ...[program('pg_basebackup'), ...from, '-R', '-X', 'stream', '-c', 'fast'],
        );
        if (!copied) return null;
        standby.start();
        return true;
      },
      60,
    );
  let [primary, standby] = [servers[0]!, servers[1]!];
  if (USER !== null) for (const { disk } of places) spawnSync('chown', [USER, disk]);
  const data = dataOf(primary.place);
  mkdirSync(data, { mode: 0o700 });
  if (USER !== null) spawnSync('chown', [USER, data]);
  const made = await done(
    primary.place,
    ...[program('initdb'), '-D', data, '-U', 'ridgepoint', '--auth=trust', '--no-sync', '--no-instructions'],
  );
  if (!made) throw new Error('initdb failed');
  appendFileSync(join(data, 'postgresql.conf'), `${SETTINGS.join('\n')}\n`);
  appendFileSync(
    join(data, 'pg_hba.conf'),
    'host all all 127.77.0.0/16 trust\nhost replication all 127.77.0.0/16 trust\n',
  );
  primary.start();
  await until('PostgreSQL to answer', async () => (await ask(primary, 'SELECT 1')) && true, 30);
  await follow(standby, primary);
  const ready = async (): Promise<void> => {
    await until(
      'PostgreSQL to have a synchronous standby',
      async () =>
        (await ask(primary, "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'")) > 0 ? true : null,
      60,
    );
  };
  await ready();
  const promote = async (): Promise<void> => {
    // A machine that dies says goodbye to nobody. Never two that take writes: it is dead before the other one
    // is told.
    if (ground.canCut) ground.unplug(primary.place, false);
    await primary.kill();
    standby.start();
    await until(
      'the standby to be promoted',
      async () => {
        const told = await done(standby.place, program('pg_ctl'), 'promote', '-D', dataOf(standby.place));
        if (!told) await done(standby.place, program('pg_ctl'), 'status', '-D', dataOf(standby.place));
        return told ? true : null;
      },
      60,
    );
    [primary, standby] = [standby, primary];
    await sleep(1000 * AWAY_SECONDS);
    if (ground.canCut) ground.unplug(standby.place, true);
    await follow(standby, primary);
  };
  const hosts = places.map(({ ip }) => `${ip}:5432`).join(',');
  const log = {
    kind: 'postgres' as const,
    url: `postgres://ridgepoint@${hosts}/postgres?schema=chaos`,
    patienceSeconds: 30,
  };
  return { log, servers, promote, ready };
}

/** Nobody reads what it says. */
function silent(child: ChildProcess): ChildProcess {
  child.stdout?.resume();
  return child;
}

/** @returns how many rows a statement gives. */
async function ask({ place }: Member, statement: string): Promise<number> {
  const client = new Client({
    host: place.ip,
    port: 5432,
    user: 'ridgepoint',
    database: 'postgres',
    connectionTimeoutMillis: 1000,
    query_timeout: 2000,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(statement)).rows.length;
  } finally {
    await client.end().catch(() => undefined);
  }
}
