import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';
import { connect, type JetStreamManager, StorageType } from 'nats';
import { afterEach, describe, expect, test } from 'vitest';
import { startCoordinator } from '../../coordinator/main.js';
import { connectControl } from '../../proto/client.js';
import { sharedFolder } from '../support/folder.js';
import { hasNatsServer, NatsServer } from '../support/nats-server.js';
import { until } from '../support/services.js';
import { fakeSweep, submission } from '../support/sweeps.js';

const folder = sharedFolder();
const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Shown {
  readonly ready: number;
  readonly reason: string;
  readonly writable: number;
  readonly failures: number;
  readonly health: string;
}

/** What a coordinator shows of its log to probes and to Prometheus. */
class Watched {
  readonly #base: string;
  readonly #control: ReturnType<typeof connectControl>;
  readonly #health: Client;
  #names = 0;

  constructor(grpcAddress: string, metricsUrl: string) {
    this.#base = metricsUrl.replace('/metrics', '');
    // Of a coordinator that cannot answer now the test wants to know, not to wait for it.
    const patience = { seconds: 2, say: () => {} };
    this.#control = connectControl({ address: grpcAddress, security: { kind: 'plaintext' } }, patience);
    const { grpc } = loadPackageDefinition(loadSync(protoPath)) as unknown as {
      grpc: { health: { v1: { Health: new (address: string, how: unknown) => Client } } };
    };
    this.#health = new grpc.health.v1.Health(grpcAddress, credentials.createInsecure());
    closers.push(() => {
      this.#control.close();
      this.#health.close();
    });
  }

  /** Submits a sweep whose file has so many bytes. @returns `ok`, or the code of the refusal. */
  async submit(bytes: number): Promise<string> {
    this.#names += 1;
    const document = `${fakeSweep(1, { name: `s${this.#names}` })}# ${randomText(bytes)}\n`;
    const request = submission(document);
    return await this.#control.submitSweep(request).then(
      () => 'ok',
      ({ code }: { code: string }) => code,
    );
  }

  async sweeps(): Promise<number> {
    return (await this.#control.listSweeps()).sweeps.length;
  }

  async shown(): Promise<Shown> {
    const ready = await fetch(`${this.#base}/readyz`);
    const metrics = await (await fetch(`${this.#base}/metrics`)).text();
    expect((await fetch(`${this.#base}/healthz`)).status).toBe(200);
    const seriesOf = (name: string): number =>
      Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? Number.NaN);
    const { status } = await new Promise<{ status: string }>((resolve, reject) => {
      const { check } = this.#health as unknown as {
        check(request: object, done: (error: Error | null, answer: { status: string }) => void): void;
      };
      check.call(this.#health, { service: '' }, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
    return {
      ready: ready.status,
      reason: (await ready.text()).trim(),
      writable: seriesOf('ridgepoint_log_writable'),
      failures: seriesOf('ridgepoint_log_append_failures_total'),
      health: String(status),
    };
  }

  async untilReady(): Promise<void> {
    await until('the log to take entries', async () => ((await this.shown()).ready === 200 ? true : null));
  }
}

/** Text that does not compress. */
function randomText(bytes: number): string {
  return Array.from({ length: bytes }, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join(
    '',
  );
}

const WELL = { ready: 200, reason: 'ok', writable: 1, health: '1' };
const UNWELL = { ready: 503, writable: 0, health: '2' };

async function watched(log: NonNullable<Parameters<typeof startCoordinator>[0]['log']>): Promise<Watched> {
  const coordinator = await startCoordinator({
    grpcAddress: '127.0.0.1:0',
    metricsAddress: '127.0.0.1:0',
    log,
    logLevel: 'silent',
    drainSeconds: 0,
    leaseSeconds: 10,
  });
  closers.push(() => coordinator.stop('the test is over'));
  return new Watched(coordinator.grpcAddress, coordinator.metricsUrl ?? '');
}

test('a log that has its largest size is shown, until it takes again what it refused', async () => {
  const log = { kind: 'sqlite', path: join(folder, 'small.sqlite'), maxBytes: 400 * 1024 } as const;
  const coordinator = await watched(log);
  expect(await coordinator.shown()).toEqual({ ...WELL, failures: 0 });
  expect(await coordinator.submit(100_000)).toBe('ok');
  expect(await coordinator.submit(400_000)).toBe('unavailable');
  const full = await coordinator.shown();
  expect(full).toMatchObject({ ...UNWELL, failures: 1 });
  expect(full.reason).toMatch(
    /^the log takes nothing: The disk that holds the log .*small\.sqlite is full\. Free/,
  );
  // That something small still fits is no news of what was refused.
  expect(await coordinator.submit(10)).toBe('ok');
  expect(await coordinator.submit(400_000)).toBe('unavailable');
  expect(await coordinator.shown()).toMatchObject({ ...UNWELL, failures: 2 });
  expect(await coordinator.sweeps()).toBe(2);
});

const canMount = spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', folder]).status === 0;

test.skipIf(!canMount)(
  'a full disk: shown by all, told once, and over when there is room (needs unshare)',
  async () => {
    const disk = mkdtempSync(join(folder, 'disk-'));
    const script = join(import.meta.dirname, '../fixtures/coordinator-process.mjs');
    const fill =
      'mount -t tmpfs -o size=1500k tmpfs "$0" && head -c 700k /dev/zero > "$0/ballast" && exec "$@"';
    const words = [script, join(disk, 'log.sqlite'), '127.0.0.1:0', '127.0.0.1:0'];
    const child: ChildProcess = spawn('unshare', ['-rm', 'sh', '-c', fill, disk, process.execPath, ...words]);
    closers.push(async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    });
    let said = '';
    child.stderr?.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    const [grpcAddress = '', metricsUrl = ''] = line.toString().trim().split(' ');
    const coordinator = new Watched(grpcAddress, metricsUrl);
    expect(await coordinator.shown()).toEqual({ ...WELL, failures: 0 });

    let kept = 0;
    while ((await coordinator.submit(100_000)) === 'ok') kept += 1;
    for (const again of ['unavailable', 'unavailable']) expect(await coordinator.submit(100_000)).toBe(again);
    const full = await coordinator.shown();
    expect(full).toMatchObject({ ...UNWELL, failures: 3 });
    expect(full.reason).toContain('log.sqlite is full');
    const told = (): (readonly [number, string])[] =>
      said
        .split('\n')
        .filter((one) => one.startsWith('{'))
        .map((one) => JSON.parse(one) as { level: number; msg: string })
        .map(({ level, msg }) => [level, msg] as const);
    expect(told()).toEqual([
      [50, expect.stringMatching(/^the log takes nothing: The disk .* is full\. Free space/)],
    ]);

    // Nobody asks for anything: the coordinator finds out by itself.
    rmSync(`/proc/${child.pid}/root${disk}/ballast`);
    await coordinator.untilReady();
    expect(await coordinator.shown()).toEqual({ ...WELL, failures: 3 });
    expect(told().slice(1)).toEqual([
      [40, expect.stringMatching(/^the log takes entries again, after \d+ s and 3 /)],
    ]);
    expect(await coordinator.submit(100_000)).toBe('ok');
    expect(await coordinator.sweeps()).toBe(kept + 1);
  },
);

describe.skipIf(!hasNatsServer)('needs nats-server', () => {
  async function natsWith(
    stream: string,
    maxBytes: number,
  ): Promise<{ server: NatsServer; manager: JetStreamManager }> {
    const server = await NatsServer.start();
    closers.push(() => server.stop());
    const connection = await connect({
      servers: server.url,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 100,
    });
    closers.push(() => connection.close());
    const manager = await connection.jetstreamManager();
    if (maxBytes > 0) {
      const keeps = {
        deny_delete: true,
        deny_purge: true,
        discard: 'new',
        storage: StorageType.File,
      } as const;
      await manager.streams.add({
        name: stream,
        subjects: [`${stream}.facts`],
        ...keeps,
        max_bytes: maxBytes,
      } as never);
    }
    return { server, manager };
  }

  test('a stream that is full is shown until it gets more room', async () => {
    const { server, manager } = await natsWith('FULL', 300_000);
    const coordinator = await watched({ kind: 'jetstream', servers: [server.url], stream: 'FULL' });
    expect(await coordinator.shown()).toEqual({ ...WELL, failures: 0 });
    while ((await coordinator.submit(100_000)) === 'ok');
    const full = await coordinator.shown();
    expect(full).toMatchObject({ ...UNWELL, failures: 1 });
    expect(full.reason).toContain('The JetStream stream FULL is full');
    await manager.streams.update('FULL', { max_bytes: 2_000_000 });
    await coordinator.untilReady();
    expect(await coordinator.submit(100_000)).toBe('ok');
  });

  test('a server that is away is shown until it is back', async () => {
    const { server } = await natsWith('AWAY', 0);
    const coordinator = await watched({
      kind: 'jetstream',
      servers: [server.url],
      stream: 'AWAY',
    });
    expect(await coordinator.submit(10)).toBe('ok');
    await server.kill();
    expect(await coordinator.submit(10)).not.toBe('ok');
    // Its term is over at once; that it cannot read either is known when the first question was not answered.
    const away = await until('the log to be shown as away', async () => {
      const shown = await coordinator.shown();
      return shown.ready === 503 ? shown : null;
    });
    expect(away).toMatchObject(UNWELL);
    expect(away.reason).toMatch(/^the log takes nothing: The log on NATS cannot be used/);
    await server.restart();
    await coordinator.untilReady();
    expect(await coordinator.submit(10)).toBe('ok');
  });
});
