import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Failure } from '../../core/errors.js';
import { findStartTools, type StartTools, wrapCommand } from './affinity.js';
import { causeOf } from './ending.js';
import { KillLadder } from './kill.js';
import { guardMemory, systemOomKills } from './memory-limit.js';
import type { ParentMessage, WorkerMessage, WorkerOrder } from './messages.js';
import { StderrTail } from './stderr-tail.js';

export interface LaunchRequest {
  readonly order: WorkerOrder;
  /** Logical CPUs to pin the child to; empty = anywhere. */
  readonly cpus: readonly number[];
  /** After this long the kill ladder begins; null = never. */
  readonly timeLimitSeconds: number | null;
  readonly memoryLimitBytes: number | null;
  readonly cgroupFolder?: string | null;
  /** Time between the steps of the kill ladder. */
  readonly graceSeconds?: number;
  readonly tools?: StartTools;
  readonly onMessage?: (message: WorkerMessage) => void;
}

export interface Launched {
  /** 0 when the child could not be started; `ended` then says why. */
  readonly pid: number;
  /** Begins the kill ladder: message, SIGTERM, SIGKILL. */
  stop(reason: string): void;
  /** SIGKILL at once. */
  kill(reason: string): void;
  /** Answers the child's `resting`. */
  resume(): void;
  readonly ended: Promise<Ending>;
}

export interface Ending {
  /** The child's last word: `outcome`, `made`, `quality`, `probed` or `failed`; null when it died without one. */
  readonly answer: WorkerMessage | null;
  readonly failure: Failure | null;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stderrTail: string | null;
  /** What held the child to its memory. */
  readonly memoryGuard: 'cgroup' | 'watchdog' | 'none';
}

const TASKS = {
  trial: 'the trial',
  quantize: 'the quantization',
  prune: 'the pruning',
  synthesize: 'the writing of the synthetic model',
  'group-heads': 'the grouping of heads',
  'give-window': 'the writing of the windowed model',
  'merge-adapters': 'the merging of adapters',
  'write-adapter': 'the writing of the adapter',
  fetch: 'the download',
  calibrate: 'the calibration',
  quality: 'the measurement of quality',
  profile: 'the timing of operators',
  kernels: 'the ops',
  factors: 'the benches of operators',
  compare: 'the comparison',
  probe: 'the probe',
  roofs: 'the measurement of roofs',
  'cuda-roofs': 'the measurement of a GPU’s roofs',
} as const;
/** What a dead child had still in its pipes arrives within this time. */
const LAST_WORDS_MILLISECONDS = 500;

/**
 * Starts one child in its own process group for one order. Never throws: whatever goes wrong is in the
 * ending. The parent sleeps on events.
 */
export function launch(request: LaunchRequest): Launched {
  const { order } = request;
  const oomKillsBefore = systemOomKills();
  const child = start(request);
  const pid = child.pid ?? 0;
  const tail = new StderrTail();
  let answer: WorkerMessage | null = null;
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
    onExceeded: () => ladder.now(),
  });
  const limit = request.timeLimitSeconds;
  const clock =
    limit === null
      ? null
      : setTimeout(() => {
          timedOutAfterSeconds = limit;
          ladder.climb(`it ran longer than ${limit} s`);
        }, limit * 1000);

  child.stderr?.on('data', (chunk: Buffer) => tail.push(chunk));
  child.on('message', (message: WorkerMessage) => {
    if (isAnswer(message)) answer = message;
    request.onMessage?.(message);
  });
  say(order);

  const ended = exitOf(child, (error) => {
    startError = error;
  }).then(async ({ exitCode, signal }): Promise<Ending> => {
    if (clock !== null) clearTimeout(clock);
    const memoryExceeded = guard.exceeded();
    if (pid !== 0) ladder.end();
    await lastWords(child);
    guard.close();
    const oomKillsAfter = systemOomKills();
    const stderrTail = tail.text();
    const failure = causeOf({
      task: TASKS[order.order],
      answer,
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
    return { answer, failure, exitCode, signal, stderrTail, memoryGuard: guard.kind };
  });

  return {
    pid,
    stop(reason) {
      stopReason ??= reason;
      ladder.climb(reason);
    },
    kill(reason) {
      stopReason ??= reason;
      ladder.now();
    },
    resume: () => say({ resume: true }),
    ended,
  };
}

function start(request: LaunchRequest): ChildProcess {
  const here = fileURLToPath(import.meta.url);
  const fromSource = here.endsWith('.ts');
  // V8 gets no threads of its own, so that compiling and collecting garbage never take a core from the engine's
  // threads in the middle of a phase; loading TypeScript needs them.
  const flags = fromSource
    ? ['--import', pathToFileURL(createRequire(here).resolve('tsx')).href]
    : ['--single-threaded'];
  const worker = fileURLToPath(new URL(fromSource ? './worker.ts' : './worker.js', import.meta.url));
  const { command, args } = wrapCommand(
    { command: process.execPath, args: [...flags, worker] },
    request.cpus,
    request.tools ?? findStartTools(),
  );
  // NODE_OPTIONS of the parent (inspectors, loaders, coverage) would change what the child measures.
  const { NODE_OPTIONS: _dropped, ...inherited } = process.env;
  const env = { ...inherited, ...deviceEnvironment(request.order) };
  return spawn(command, args, {
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    env,
  });
}

/** What runs on a GPU sees its own GPU alone, whatever its engine would choose. */
function deviceEnvironment(order: WorkerOrder): NodeJS.ProcessEnv {
  const deviceId = order.order === 'trial' || order.order === 'cuda-roofs' ? order.deviceId : '';
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

/** `exit` can come before the last messages and lines; `close` comes after both, unless somebody keeps them. */
function lastWords(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LAST_WORDS_MILLISECONDS);
    child.once('close', () => {
      clearTimeout(timer);
      setImmediate(resolve);
    });
  });
}

function isAnswer(message: WorkerMessage): boolean {
  return [
    'outcome',
    'made',
    'quality',
    'compared',
    'profiled',
    'probed',
    'roofs',
    'kernels',
    'cuda-roofs',
    'timed-operators',
    'failed',
  ].includes(message.type);
}
