import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { TRIAL, type TrialReport, type TrialRequest } from '../../../agent/trial/job.js';
import type { WorkloadOutcome } from '../../../agent/workloads/workload.js';
import type { Options } from '../../../core/experiment/experiment.js';
import { NO_ENGINES } from '../../../engines/config.js';
import { PROBE } from '../../../engines/runners/jobs.js';
import { formatCpuList, parseCpuList, readAffinity } from '../../../process/device/affinity.js';
import { taskOf } from '../../../process/isolation/job.js';
import { KillLadder } from '../../../process/isolation/kill.js';
import { type Ending, type Launched, type LaunchRequest, launch } from '../../../process/isolation/launch.js';
import { guardMemory } from '../../../process/isolation/memory-limit.js';
import type { ChildState } from '../../../process/isolation/messages.js';
import { descendantsOf } from '../../../process/isolation/processes.js';
import { findStartTools } from '../../../process/isolation/start-tools.js';
import { StderrTail } from '../../../process/isolation/stderr-tail.js';
import { QUICK } from '../../support/bench.js';
import { temporaryFolder } from '../../support/folder.js';

function trial(options: Options, generateTokens = 4): TrialRequest {
  return {
    runner: { kind: 'fake', options },
    workload: { kind: 'latency', options: { promptTokens: 8, generateTokens, parallel: 1, contextDepth: 0 } },
    measure: QUICK,
    modelPath: null,
    deviceClass: 'cpu',
    deviceId: 'cpu0',
    cpus: [],
    minPhaseSeconds: 0,
    adapters: [],
    training: null,
  };
}

const running: Launched<unknown>[] = [];
afterEach(async () => {
  for (const launched of running) launched.kill('the test is over');
  await Promise.all(running.splice(0).map((launched) => launched.ended));
});

type Request = Partial<LaunchRequest<WorkloadOutcome, TrialReport>>;

function begin({ trial: asked, ...request }: Request & { readonly trial: TrialRequest }) {
  const messages: (ChildState | TrialReport)[] = [];
  const launched = launch({
    cpus: [],
    timeLimitSeconds: 60,
    memoryLimitBytes: null,
    graceSeconds: 0.3,
    task: taskOf(TRIAL, asked),
    ...request,
    onMessage(message) {
      messages.push(message);
      if (message.type === 'resting') launched.resume();
      request.onMessage?.(message);
    },
  });
  running.push(launched);
  return { launched, messages };
}

async function run(request: Request & { readonly trial: TrialRequest }): Promise<Ending<WorkloadOutcome>> {
  return begin(request).launched.ended;
}

const alive = (pid: number) => existsSync(`/proc/${pid}`);
const linux = process.platform === 'linux';

describe('a child for one task', () => {
  test('has ended when its pipes are closed: its last words are waited for no longer', async () => {
    // The limit on that wait never comes.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const ending = await run({ trial: trial({ fakeDecodeTokensPerSecond: 2000 }) });
      expect(ending.failure).toBeNull();
    } finally {
      vi.useRealTimers();
    }
  });

  test('runs a trial, sends its phases in order and answers with the outcome', async () => {
    const { launched, messages } = begin({ trial: trial({ fakeDecodeTokensPerSecond: 2000 }) });
    const ending = await launched.ended;
    expect(ending.failure).toBeNull();
    expect(ending.exitCode).toBe(0);
    const phases = messages.flatMap((message) => (message.type === 'phase' ? [message.phase] : []));
    expect(phases.map((phase) => `${phase.name} ${phase.repeat}`)).toEqual([
      'load null',
      'warm-up 0',
      'prefill 0',
      'decode 0',
      'prefill 1',
      'decode 1',
    ]);
    for (const [i, phase] of phases.entries()) {
      expect(phase.endSeconds).toBeGreaterThanOrEqual(phase.startSeconds);
      if (i > 0) expect(phase.startSeconds).toBeGreaterThanOrEqual(phases[i - 1]!.endSeconds);
    }
    expect(ending.answer).toMatchObject({ repeats: 2, warmups: 1 });
    expect(messages.filter((message) => message.type === 'resting')).toHaveLength(3);
  });

  test('that crashes gives the signal and what it last said', async () => {
    const ending = await run({ trial: trial({ fakeFailure: 'crash' }) });
    expect(ending.failure).toMatchObject({ code: 'crashed', signal: 'SIGSEGV' });
    expect(ending.failure?.stderrTail).toContain('null pointer');
  });

  test('that aborts gives SIGABRT', async () => {
    const ending = await run({ trial: trial({ fakeFailure: 'abort' }) });
    expect(ending.failure).toMatchObject({ code: 'crashed', signal: 'SIGABRT' });
    expect(ending.failure?.stderrTail).toContain('assertion failed');
  });

  test('that cannot load gives the reason it gave itself', async () => {
    const ending = await run({ trial: trial({ fakeFailure: 'load' }) });
    expect(ending.failure).toMatchObject({ code: 'load-failed', signal: null });
  });

  test('that hangs in native code is brought down by the ladder', async () => {
    const { launched } = begin({ trial: trial({ fakeFailure: 'hang' }), timeLimitSeconds: 2 });
    const ending = await launched.ended;
    expect(ending.failure?.code).toBe('timed-out');
    expect(ending.failure?.message).toContain('2.00 s');
    expect(['SIGTERM', 'SIGKILL']).toContain(ending.signal);
    expect(alive(launched.pid)).toBe(false);
  });

  test('that takes too much memory is killed at its limit', async () => {
    const memoryLimitBytes = 400 * 2 ** 20;
    const ending = await run({ trial: trial({ fakeFailure: 'memory' }), memoryLimitBytes });
    expect(ending.failure).toMatchObject({ code: 'out-of-memory' });
    expect(ending.failure?.message).toContain('400 MiB');
  });

  test('that is asked to stop ends between two repeats, cancelled', async () => {
    const { launched } = begin({
      trial: trial({ fakeDecodeTokensPerSecond: 200 }, 20),
      graceSeconds: 20,
      onMessage(message) {
        if (message.type === 'phase' && message.phase.name === 'decode') launched.stop('the user said so');
      },
    });
    const ending = await launched.ended;
    expect(ending.failure).toMatchObject({ code: 'cancelled', signal: null });
    expect(ending.failure?.message).toContain('the user said so');
  });

  test('that SIGKILL ends from outside is a crash where the kernel counted no memory kill', async () => {
    const { launched } = begin({
      trial: trial({ fakeFailure: 'hang' }),
      onMessage(message) {
        if (message.type === 'loaded') process.kill(launched.pid, 'SIGKILL');
      },
    });
    const ending = await launched.ended;
    expect(ending.failure).toMatchObject({ signal: 'SIGKILL' });
    const counts = readFileSync('/proc/vmstat', 'utf8').includes('oom_kill ');
    expect(ending.failure?.code).toBe(counts ? 'crashed' : 'out-of-memory');
  });

  test('that is killed leaves no temporary files', async () => {
    let left = '';
    const { launched } = begin({
      trial: trial({ fakeFailure: 'hang' }),
      onMessage(message) {
        if (message.type !== 'loaded') return;
        const environment = readFileSync(`/proc/${launched.pid}/environ`, 'utf8').split('\0');
        left = environment.find((one) => one.startsWith('TMPDIR='))!.slice('TMPDIR='.length);
        writeFileSync(join(left, 'model.gguf'), 'half a model');
        launched.kill('the user said so');
      },
    });
    await launched.ended;
    expect(left).toMatch(/ridgepoint-child-/);
    expect(existsSync(left)).toBe(false);
  });

  test('that asks for a runner nobody has is refused in a sentence', async () => {
    const ending = await run({ trial: { ...trial({}), runner: { kind: 'abacus', options: {} } } });
    expect(ending.failure).toMatchObject({
      code: 'engine-missing',
      message: 'this agent has no runner abacus',
    });
  });

  test('probes a runner', async () => {
    const task = taskOf(PROBE, { runnerKind: 'fake', engines: NO_ENGINES });
    const ending = await launch({ task, cpus: [], timeLimitSeconds: 60, memoryLimitBytes: null }).ended;
    expect(ending.answer).toMatchObject({ available: true });
  });

  test.skipIf(findStartTools().taskset === null)('is pinned to its CPUs (needs taskset)', async () => {
    const cpu = readAffinity('self')![0]!;
    const { launched, messages } = begin({ trial: trial({}), cpus: [cpu] });
    await launched.ended;
    expect(messages[0]).toEqual({ type: 'ready', affinity: [cpu] });
  });

  test.skipIf(findStartTools().setpriv === null)(
    'does not outlive an agent that is killed, even while native code blocks it (needs setpriv)',
    async () => {
      const script = join(import.meta.dirname, '../../fixtures/agent-that-hangs.ts');
      const agent = spawn(process.execPath, ['--import', 'tsx', script], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [chunk] = (await once(agent.stdout, 'data')) as [Buffer];
      const pid = Number(chunk.toString());
      expect(alive(pid)).toBe(true);
      agent.kill('SIGKILL');
      await once(agent, 'exit');
      await expect.poll(() => alive(pid) && !isZombie(pid), { timeout: 60_000 }).toBe(false);
    },
  );
});

function isZombie(pid: number): boolean {
  try {
    return /^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

describe.skipIf(!linux)('descendants (needs Linux)', () => {
  test('are found even when they left the process group', async () => {
    const child = spawn('setsid', ['sleep', '30'], { stdio: 'ignore' });
    await once(child, 'spawn');
    try {
      expect(descendantsOf(process.pid)).toContain(child.pid);
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
});

describe.skipIf(!linux)('the kill ladder (needs Linux)', () => {
  async function shell(script: string) {
    const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    return { child, pid: child.pid!, exit: once(child, 'exit') as Promise<[number | null, string | null]> };
  }

  test('asks, then sends SIGTERM, then SIGKILL to what ignores both', async () => {
    const { pid, exit } = await shell('trap "" TERM; echo up; while :; do sleep 0.1; done');
    const asked: string[] = [];
    const ladder = new KillLadder(pid, 0.2, (reason) => void asked.push(reason));
    ladder.climb('enough');
    ladder.climb('again');
    expect((await exit)[1]).toBe('SIGKILL');
    expect(asked).toEqual(['enough']);
    expect(ladder.killed).toBe(true);
    ladder.end();
  });

  test('stops climbing when the child ends', async () => {
    const { pid, exit } = await shell('echo up; sleep 0.1');
    const ladder = new KillLadder(pid, 5, () => {});
    ladder.climb('enough');
    expect(await exit).toEqual([0, null]);
    ladder.end();
    expect(ladder.killed).toBe(false);
  });

  test('reaches descendants that left the process group', async () => {
    const { pid, exit } = await shell('setsid sleep 60 & echo up; wait');
    await expect.poll(() => descendantsOf(pid).length).toBeGreaterThan(0);
    const descendants = descendantsOf(pid);
    new KillLadder(pid, 5, () => {}).killNow();
    await exit;
    await expect.poll(() => descendants.filter((one) => alive(one) && !isZombie(one))).toEqual([]);
  });
});

describe('the memory guard', () => {
  test('uses a cgroup where it may, and reads the kernel’s verdict there', () => {
    const cgroupFolder = temporaryFolder();
    const folder = join(cgroupFolder, 'ridgepoint-42');
    mkdirSync(folder);
    for (const file of ['memory.max', 'cgroup.procs', 'cgroup.kill']) writeFileSync(join(folder, file), '');
    writeFileSync(join(folder, 'memory.events'), 'low 0\noom 0\noom_kill 0\n');
    const guard = guardMemory({ bytes: 1000, pid: 42, cgroupFolder, onExceeded: () => {} });
    expect(guard.kind).toBe('cgroup');
    expect(readFileSync(join(folder, 'memory.max'), 'utf8')).toBe('1000');
    expect(readFileSync(join(folder, 'cgroup.procs'), 'utf8')).toBe('42');
    expect(guard.exceeded()).toBe(false);
    writeFileSync(join(folder, 'memory.events'), 'low 0\noom 1\noom_kill 1\n');
    expect(guard.exceeded()).toBe(true);
    guard.close();
    expect(readFileSync(join(folder, 'cgroup.kill'), 'utf8')).toBe('1');
  });

  test('falls back to watching where the controller is not delegated', () => {
    const cgroupFolder = temporaryFolder();
    const guard = guardMemory({ bytes: 1e12, pid: process.pid, cgroupFolder, onExceeded: () => {} });
    expect(guard.kind).toBe(linux ? 'watchdog' : 'none');
    guard.close();
  });
});

test('CPU lists go there and back', () => {
  expect(parseCpuList('0-3,8,10-11')).toEqual([0, 1, 2, 3, 8, 10, 11]);
  expect(formatCpuList([11, 3, 0, 1, 2, 8, 10, 10])).toBe('0-3,8,10-11');
  expect(parseCpuList('')).toEqual([]);
});

test('the tail of stderr keeps the end and stays small', () => {
  const tail = new StderrTail(3, 10);
  expect(tail.text()).toBeNull();
  for (let i = 0; i < 100; i++) tail.push(`line ${i}\n`);
  tail.push('x'.repeat(1e6));
  expect(tail.text()).toBe(`line 97\nline 98\nline 99\n${'x'.repeat(10)}`);
});
