import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** @returns true when the program is on the path; tests that need it are skipped by name otherwise. */
export function installed(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Below those that any outgoing connection may be given (from 32768 on Linux, from 49152 elsewhere). */
const PORTS = { from: 15_000, to: 30_000 };

/** @returns a port of the loopback interface that was free a moment ago. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor((PORTS.to - PORTS.from) * Math.random());
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Waits until `probe` gives something other than null. */
export async function until<T>(what: string, probe: () => Promise<T | null>, seconds = 30): Promise<T> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await probe().catch(() => null);
    if (found !== null) return found;
    if (performance.now() > end) throw new Error(`${what} did not happen within ${seconds} s`);
    await sleep(100);
  }
}

export interface Prometheus {
  readonly url: string;
  /** Instant query: one entry per series. @param at seconds since 1970; left out = now. */
  query(expression: string, at?: number): Promise<{ labels: Record<string, string>; value: number }[]>;
  stop(): Promise<void>;
}

/**
 * Starts a real Prometheus that scrapes the targets (`host:port`) every second, with its data in a folder of
 * its own.
 * @param flags more of its command line; `data` is a folder of blocks to begin with; `rules` are files that
 *   it evaluates every second.
 */
export async function startPrometheus(
  jobs: Record<string, string>,
  {
    flags = [],
    data,
    rules = [],
  }: { readonly flags?: readonly string[]; readonly data?: string; readonly rules?: readonly string[] } = {},
): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-prometheus-'));
  if (data !== undefined) cpSync(data, join(folder, 'data'), { recursive: true });
  const port = await freePort();
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: Object.entries(jobs).map(([job, target]) => ({
      job_name: job,
      static_configs: [{ targets: [target] }],
    })),
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
      ...flags,
    ],
    { stdio: 'ignore' },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  await until('prometheus to be ready', async () => ((await fetch(`${url}/-/ready`)).ok ? true : null));
  return {
    url,
    async query(expression, at) {
      const time = at === undefined ? '' : `&time=${at}`;
      const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expression)}${time}`);
      const body = (await response.json()) as {
        status: string;
        error?: string;
        data: { result: { metric: Record<string, string>; value: [number, string] }[] };
      };
      if (body.status !== 'success') throw new Error(`${expression}: ${body.error}`);
      return body.data.result.map((r) => ({ labels: r.metric, value: Number(r.value[1]) }));
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
