import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FailureError } from '../../../core/errors.js';
import { commandLine } from '../../../engines/servers/command.js';
import { configuredServers } from '../../../engines/servers/config.js';
import { ServerPool } from '../../../engines/servers/pool.js';
import { ancestorsOf, descendantsOf } from '../../../process/isolation/processes.js';
import { temporaryFolder } from '../../support/folder.js';
import { serverWanted } from '../../support/servers.js';

const linux = process.platform === 'linux';
const SHORT = { seconds: 0.5 };
const pools: ServerPool[] = [];

function newPool(idleSeconds?: number): ServerPool {
  const pool = new ServerPool(idleSeconds);
  pools.push(pool);
  return pool;
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

const alive = (pids: readonly number[]) => pids.filter(isAlive);

/** Every process that tests of this file may leave behind. */
const left = () =>
  alive(descendantsOf(process.pid)).filter((pid) =>
    /bad-server|simulator|worker\.[jt]s|warden\.[jt]s/.test(commandOf(pid)),
  );

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
  await expect.poll(left).toEqual([]);
});

async function failureOf(taken: Promise<unknown>) {
  const error = await taken.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof FailureError)) throw new Error(`no failure, but ${error}`);
  return error.failure;
}

const profileOf = (changed: object) => ({ ...serverWanted('').request.profile, ...changed });

describe('a server that a node keeps', () => {
  test('is told of once it has answered a request, with what its log says of loading', async () => {
    const served = await newPool().take('cpu0', serverWanted('answers'), () => {});
    expect(served).toMatchObject({ kept: false, model: 'none', weightsLoadSeconds: 1.25 });
    expect(served.startSeconds).toBeGreaterThan(0);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
    expect(isAlive(served.pid)).toBe(true);
  });

  test('stays for equal commands, and goes for another', async () => {
    const pool = newPool();
    const first = await pool.take('cpu0', serverWanted('answers'), () => {});
    pool.giveBack('cpu0');
    const second = await pool.take('cpu0', serverWanted('answers'), () => {});
    expect(second).toMatchObject({ pid: first.pid, url: first.url, kept: true });
    const elsewhere = await pool.take('cpu1', serverWanted('answers'), () => {});
    expect(elsewhere.pid).not.toBe(first.pid);
    const third = await pool.take('cpu0', serverWanted('answers', 'other'), () => {});
    expect(third.kept).toBe(false);
    expect(alive([first.pid, elsewhere.pid, third.pid])).toEqual([elsewhere.pid, third.pid]);
  });

  test('is started again where it runs and answers no more', async () => {
    const pool = newPool();
    const first = await pool.take('cpu0', serverWanted('sickens'), () => {});
    pool.giveBack('cpu0');
    const second = await pool.take('cpu0', serverWanted('sickens'), () => {});
    expect(second.kept).toBe(false);
    expect(alive([first.pid, second.pid])).toEqual([second.pid]);
  });

  test('goes when nobody has wanted it for a while, and not while somebody has it', async () => {
    const pool = newPool(0.2);
    const held = await pool.take('cpu0', serverWanted('answers'), () => {});
    const unwanted = await pool.take('cpu1', serverWanted('answers'), () => {});
    pool.giveBack('cpu1');
    await expect.poll(() => isAlive(unwanted.pid)).toBe(false);
    expect(isAlive(held.pid)).toBe(true);
    pool.giveBack('cpu0');
    await expect.poll(() => isAlive(held.pid)).toBe(false);
  });

  test('is our simulated server', async () => {
    const simulated = configuredServers({}).find(({ name }) => name === 'simulated-server')!;
    const command = commandLine(simulated, {
      options: { simulatedTtftSeconds: 0.001, simulatedFault: 'none' },
      modelPath: null,
      modelName: 'm',
      adapters: [],
      loras: [],
      draftPath: null,
      cpus: 1,
      deviceClass: 'cpu',
    });
    const served = await newPool().take('cpu0', serverWanted('simulated', '', { command }), () => {});
    expect(served.model).toBe('simulated');
  });

  test('that starts a GPU sees the GPU of its trial, and no more than it was configured with', async () => {
    const gpu = serverWanted('answers', '', { deviceId: 'GPU-1f' });
    expect((await newPool().take('gpu0', gpu, () => {})).model).toBe('GPU-1f');
    const two = serverWanted('answers', '', { deviceId: '', environment: { CUDA_VISIBLE_DEVICES: '0,1' } });
    expect((await newPool().take('gpu0', two, () => {})).model).toBe('0,1');
  });

  test('that finds its port taken is started at another', async () => {
    const file = join(temporaryFolder(), 'tried');
    const served = await newPool().take('cpu0', serverWanted('port-taken', file), () => {});
    expect(existsSync(file)).toBe(true);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
  });
});

describe('a server that fails', () => {
  test('because its program is missing says so', async () => {
    const wanted = serverWanted('none', '', { command: ['no-such-server', '--port', '{port}'] });
    expect(await failureOf(newPool().take('cpu0', wanted, () => {}))).toMatchObject({
      code: 'engine-missing',
      message: 'the server none could not be started: there is no program no-such-server',
    });
  });

  test('before it is ready gives its exit code and its last lines', async () => {
    const failure = await failureOf(newPool().take('cpu0', serverWanted('dies'), () => {}));
    expect(failure).toMatchObject({
      code: 'load-failed',
      exitCode: 3,
      message:
        'the server dies ended before it was ready with exit code 3; its last line: CUDA error: out of memory',
    });
    expect(failure.stderrTail).toContain('CUDA error: out of memory');
  });

  test('to be ready in time is stopped', async () => {
    const profile = profileOf({ readiness: { path: '/health', seconds: 1 } });
    const failure = await failureOf(
      newPool().take('cpu0', serverWanted('never-ready', '', { profile }), () => {}),
    );
    expect(failure).toMatchObject({
      code: 'load-failed',
      message: 'the server never-ready was not ready within 1 s',
    });
  });

  test('to answer a request although it is healthy says what it answered', async () => {
    const profile = profileOf({ readiness: { path: '/health', seconds: 1 } });
    const failure = await failureOf(
      newPool().take('cpu0', serverWanted('answers-500', '', { profile }), () => {}),
    );
    expect(failure.message).toBe(
      'the server answers-500 was ready but answered no request within 1 s: /v1/completions answered 500: {"error":"no kernel image is available"}',
    );
  });

  test('while it is in use tells whoever uses it, and the next one is another', async () => {
    const pool = newPool();
    const served = await pool.take('cpu0', serverWanted('dies-later'), () => {});
    expect(await failureOf(served.died)).toMatchObject({
      code: 'crashed',
      message: expect.stringContaining('the server dies-later ended while it was measured by SIGSEGV'),
    });
    expect((await pool.take('cpu0', serverWanted('dies-later'), () => {})).kept).toBe(false);
  });

  test('to start is given up when its trial is stopped', async () => {
    const taken = newPool().take('cpu0', serverWanted('never-ready'), (launched) =>
      launched.stop('the user said so'),
    );
    expect(await failureOf(taken)).toMatchObject({
      code: 'cancelled',
      message: 'the server never-ready was stopped',
    });
  });
});

describe.skipIf(!linux)('nothing of a server is left (needs Linux)', () => {
  const childrenIn = (file: string) => readFileSync(file, 'utf8').split(' ').map(Number);

  test('that does not listen to SIGTERM', async () => {
    const pool = newPool();
    const wanted = serverWanted('hangs-on-sigterm', '', { profile: profileOf({ shutdown: SHORT }) });
    const { pid } = await pool.take('cpu0', wanted, () => {});
    await pool.free('cpu0');
    expect(isAlive(pid)).toBe(false);
  });

  test('that leaves processes behind, in its group and out of it', async () => {
    const file = join(temporaryFolder(), 'children');
    const pool = newPool();
    const { pid } = await pool.take('cpu0', serverWanted('children', file), () => {});
    const all = [pid, ...childrenIn(file)];
    expect(alive(all)).toEqual(all);
    await pool.free('cpu0');
    await expect.poll(() => alive(all)).toEqual([]);
  });

  test('that was killed itself, and left processes behind', async () => {
    const file = join(temporaryFolder(), 'children');
    const served = await newPool().take('cpu0', serverWanted('children', file), () => {});
    process.kill(served.pid, 'SIGKILL');
    expect((await failureOf(served.died)).message).toContain('by SIGKILL');
    await expect.poll(() => alive(childrenIn(file))).toEqual([]);
  });

  test('whose agent is killed with SIGKILL, nor of its keeper', async () => {
    const file = join(temporaryFolder(), 'children');
    const script = join(import.meta.dirname, '../../fixtures/agent-with-server.ts');
    const agent = spawn(process.execPath, ['--import', 'tsx', script, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [chunk] = (await once(agent.stdout, 'data')) as [Buffer];
    const all = [...chunk.toString().split(' ').map(Number), ...childrenIn(file)];
    expect(alive(all)).toEqual(all);
    expect(all.length).toBeGreaterThanOrEqual(6);
    agent.kill('SIGKILL');
    await once(agent, 'exit');
    await expect.poll(() => alive(all)).toEqual([]);
  });

  test.each(['keeper', 'warden'] as const)(
    'whose %s is killed, of what left its group neither',
    async (which) => {
      const file = join(temporaryFolder(), 'children');
      const served = await newPool().take('cpu0', serverWanted('children', file), () => {});
      const [warden = 0, keeper = 0] = ancestorsOf(served.pid);
      expect(commandOf(warden)).toMatch(/warden\.js/);
      expect(commandOf(keeper)).toMatch(/worker\.js/);
      const all = [served.pid, ...childrenIn(file)];
      expect(alive(all)).toEqual(all);
      process.kill(which === 'keeper' ? keeper : warden, 'SIGKILL');
      expect((await failureOf(served.died)).signal).toBe('SIGKILL');
      await expect.poll(() => alive([...all, warden, keeper])).toEqual([]);
    },
  );

  test('whose child left its group and lost its parent, when it ends', async () => {
    const file = join(temporaryFolder(), 'orphans');
    const pool = newPool();
    const { pid } = await pool.take('cpu0', serverWanted('orphans', file), () => {});
    await expect.poll(() => existsSync(file)).toBe(true);
    const orphan = Number(readFileSync(file, 'utf8'));
    await expect.poll(() => ancestorsOf(orphan)[0]).toBe(ancestorsOf(pid)[0]);
    await pool.free('cpu0');
    expect(alive([pid, orphan])).toEqual([]);
  });
});
