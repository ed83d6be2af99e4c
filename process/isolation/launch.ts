import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Failure, FailureError } from '../../core/errors.js';
import { formatValue } from '../../core/metrics/format.js';
import { orElse } from '../../core/or-else.js';
import { causeOf } from './ending.js';
import type { ChildMessage, Task } from './job.js';
import { KillLadder } from './kill.js';
import { lastWords } from './last-words.js';
import { guardMemory, systemOomKills } from './memory-limit.js';
import type { ChildState, LastMessage, ParentMessage } from './messages.js';
import { ownProgram } from './own-program.js';
import { findStartTools, type StartTools, wrapCommand } from './start-tools.js';
import { StderrTail } from './stderr-tail.js';

export interface LaunchRequest<Answer, Report extends ChildMessage = never> {
  readonly task: Task<Answer, Report>;
  /** Logical CPUs to pin the child to; empty = anywhere. */
  readonly cpus: readonly number[];
  /** After this long the kill ladder begins; null = never. */
  readonly timeLimitSeconds: number | null;
  readonly memoryLimitBytes: number | null;
  readonly cgroupFolder?: string | null;
  /** Time between the steps of the kill ladder. */
  readonly graceSeconds?: number;
  readonly tools?: StartTools;
  /** Hears what the child tells, and how it is; `resting` waits for `resume`. */
  readonly onMessage?: (message: ChildState | Report) => void;
}

export interface Launched<Answer> {
  /** 0 when the child could not be started; `ended` then says why. */
  readonly pid: number;
  /** Begins the kill ladder: message, SIGTERM, SIGKILL. */
  stop(reason: string): void;
  /** SIGKILL at once. */
  kill(reason: string): void;
  /** Answers the child's `resting`. */
  resume(): void;
  readonly ended: Promise<Ending<Answer>>;
}

/** How a child ended: with an answer, or with the reason why there is none. */
export type Ending<Answer> = EndingFacts & (Outcome<Answer, null> | Outcome<null, Failure>);

interface Outcome<Answer, Reason> {
  readonly answer: Answer;
  readonly failure: Reason;
}

interface EndingFacts {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string | null;
  /** What held the child to its memory. */
  readonly memoryGuard: 'cgroup' | 'watchdog' | 'none';
}

/** Limits of what somebody waits for: it may take the whole machine, as long as it takes. */
export const UNBOUND = { cpus: [], timeLimitSeconds: null, memoryLimitBytes: null } as const;

/** @returns what a child answered. @throws FailureError what it died of. */
export async function answered<Answer>({ ended }: Pick<Launched<Answer>, 'ended'>): Promise<Answer> {
  const { answer, failure } = await ended;
  if (failure !== null) throw new FailureError(failure);
  return answer;
}

/**
 * Starts one child in its own process group for one task. Never throws: whatever goes wrong is in the
 * ending. The parent sleeps on events.
 */
export function launch<Answer, Report extends ChildMessage = never>(
  request: LaunchRequest<Answer, Report>,
): Launched<Answer> {
  const { task } = request;
  const oomKillsBefore = systemOomKills();
  const { child, removeScratch } = start(request);
  const pid = child.pid ?? 0;
  const tail = new StderrTail();
  let last: LastMessage<Answer> | null = null;
  let startError: Error | null = null;
  let timedOutAfterSeconds: number | null = null;
  let stopReason: string | null = null;

  const say = (message: ParentMessage) => {
    if (child.connected) child.send(message, () => {});
  };
  const ladder = new KillLadder(pid, request.graceSeconds ?? 2, (reason) => say({ stop: reason }));
  const guard = guardMemory({
    bytes: pid === 0 ? null : request.memoryLimitBytes,
    pid,
    cgroupFolder: request.cgroupFolder ?? null,
    onExceeded: () => ladder.killNow(),
  });
  const clock = afterSeconds(request.timeLimitSeconds, (limit) => {
    timedOutAfterSeconds = limit;
    ladder.climb(`it ran longer than ${formatValue(limit, 's')}`);
  });

  child.stderr?.on('data', (chunk: Buffer) => tail.push(chunk));
  child.on('message', (message: ChildState | Report | LastMessage<Answer>) => {
    if (message.type === 'answer' || message.type === 'failed') last = message as LastMessage<Answer>;
    else request.onMessage?.(message as ChildState | Report);
  });
  say({ job: task.name, request: task.request });

  // Heard from the start: where the pipes were closed first, it comes right behind `exit`.
  const closed = new Promise((resolve) => child.once('close', resolve));
  const ended = exitOf(child, (error) => {
    startError = error;
  }).then(async ({ exitCode, signal }): Promise<Ending<Answer>> => {
    clearTimeout(clock);
    const memoryExceeded = guard.exceeded();
    if (pid !== 0) ladder.end();
    if (pid !== 0) await lastWords(closed);
    guard.close();
    await removeScratch();
    const oomKillsAfter = systemOomKills();
    const stderrTail = tail.text();
    const failure = causeOf({
      task: task.what,
      last,
      startError,
      timedOutAfterSeconds,
      stopReason,
      memory: { exceeded: memoryExceeded, limitBytes: request.memoryLimitBytes },
      killedByUs: ladder.killed,
      oomKillSeen: oomKillsBefore === null || oomKillsAfter === null ? null : oomKillsAfter > oomKillsBefore,
      signal,
      exitCode,
      stderrTail,
    });
    const facts = { exitCode, signal, stderrTail, memoryGuard: guard.kind };
    if (failure !== null) return { ...facts, answer: null, failure };
    return { ...facts, answer: (last as { answer: Answer } | null)!.answer, failure };
  });

  return {
    pid,
    stop(reason) {
      stopReason ??= reason;
      ladder.climb(reason);
    },
    kill(reason) {
      stopReason ??= reason;
      ladder.killNow();
    },
    resume: () => say({ resume: true }),
    ended,
  };
}

/** @param limit null = never. */
function afterSeconds(limit: number | null, act: (limit: number) => void): NodeJS.Timeout | undefined {
  return limit === null ? undefined : setTimeout(() => act(limit), limit * 1000);
}

/** What was started, and what removes its temporary files, however it ended. */
interface Started {
  readonly child: ChildProcess;
  removeScratch(): Promise<void>;
}

function start(request: Pick<LaunchRequest<unknown, ChildMessage>, 'task' | 'cpus' | 'tools'>): Started {
  // Null where there is no room: its files then lie where everybody's do.
  const scratch = orElse(() => mkdtempSync(join(tmpdir(), 'ridgepoint-child-')), null);
  const { loader, path } = ownProgram('agent/worker');
  // V8 gets no threads of its own. So compiling and collecting garbage never take a core from the engine's
  // threads in the middle of a phase. Loading TypeScript needs them.
  const flags = loader.length > 0 ? loader : ['--single-threaded'];
  const tools = request.tools ?? findStartTools();
  const inner = { command: process.execPath, args: [...flags, path] };
  const wrappers = request.task.cleansUp ? { ...tools, setpriv: null } : tools;
  const { command, args } = wrapCommand(inner, request.cpus, wrappers);
  // NODE_OPTIONS of the parent (inspectors, loaders, coverage) would change what the child measures.
  const { NODE_OPTIONS: _dropped, ...inherited } = process.env;
  const env = {
    ...inherited,
    ...(scratch !== null && { TMPDIR: scratch }),
    ...deviceEnvironment(request.task),
  };
  const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', 'ipc'];
  return {
    child: spawn(command, args, { detached: true, stdio, serialization: 'advanced', env }),
    async removeScratch() {
      if (scratch !== null) await rm(scratch, { recursive: true, force: true }).catch(() => {});
    },
  };
}

/** What runs on a GPU sees its own GPU alone, whatever its engine would choose. */
function deviceEnvironment({ deviceId }: Pick<Task<unknown>, 'deviceId'>): NodeJS.ProcessEnv {
  if (!/^(GPU|MIG)-/.test(deviceId)) return {};
  return { CUDA_VISIBLE_DEVICES: deviceId, CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
}

function exitOf(
  child: ChildProcess,
  onStartError: (error: Error) => void,
): Promise<{ exitCode: number | null; signal: string | null }> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      if (child.pid !== undefined) return;
      onStartError(error);
      resolve({ exitCode: null, signal: null });
    });
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
}
