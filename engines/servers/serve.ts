import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError, failed, failure } from '../../core/errors.js';
import type { Channel } from '../../process/isolation/channel.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { endDescendants } from '../../process/isolation/kill.js';
import { ownProgram } from '../../process/isolation/own-program.js';
import { findProgram } from '../../process/isolation/start-tools.js';
import { StderrTail } from '../../process/isolation/stderr-tail.js';
import { adoptOrphans } from '../native/orphans.js';
import { firstModel, isReady, tryOnce } from './ask.js';
import { PORT } from './command.js';
import type { ServeEnd, ServeReport, ServeRequest, WardenOrder, WardenReport } from './job.js';

const POLL_MILLISECONDS = 50;
/** While somebody measures, the keeper wakes seldom. */
const WATCH_MILLISECONDS = 250;
/** Someone else may take a port between its choice and the server's start. */
const PORT_TRIES = 3;
const PORT_TAKEN = /address already in use|EADDRINUSE|couldn't bind|failed to bind/i;
/** A server that is ready and refuses a request for so long is broken; loading may take longer. */
const FIRST_ANSWER_SECONDS = 60;
/** One that answers none may compile kernels or capture graphs. */
const FIRST_REQUEST_SECONDS = 120;
/** Of its last line, in a sentence. */
const MOST_SAID = 200;
/** A line without an end is no line of a log. */
const LONGEST_LINE = 10_000;

/** Keeps a server: see job.ts. @throws FailureError `engine-missing`, `load-failed`, `crashed`. */
export async function serve(request: ServeRequest, channel: Channel<ServeReport>): Promise<ServeEnd> {
  await adoptOrphans();
  for (let tries = 1; ; tries++) {
    const kept = await keepOnce(request, channel);
    if (kept !== 'port-taken') return kept;
    if (tries === PORT_TRIES) {
      throw failed('load-failed', `the server ${request.name} found its port taken ${PORT_TRIES} times`);
    }
  }
}

async function keepOnce(
  request: ServeRequest,
  channel: Channel<ServeReport>,
): Promise<ServeEnd | 'port-taken'> {
  const { name, profile } = request;
  const port = await freePort();
  const at = { url: `http://127.0.0.1:${port}`, apiKey: request.apiKey };
  const server = new Server(request, port);
  await server.started;
  const begun = monotonicSeconds();
  /** @returns whether it came to that; false = it was stopped before. */
  const waitUntil = async (
    what: () => Promise<boolean>,
    seconds: number,
    never: () => string,
  ): Promise<boolean> => {
    for (const deadline = monotonicSeconds() + seconds; ; ) {
      if (server.end !== null) throw endedEarly(request, server.end, server.lastLine());
      if (channel.stopReason() !== null) return false;
      if (await what()) return true;
      // What it did meanwhile says more than that time is over.
      if (server.end === null && monotonicSeconds() > deadline)
        throw failed('load-failed', `the server ${name} ${never()}`, LONGER);
      await sleep(POLL_MILLISECONDS);
    }
  };

  try {
    const { paths, readiness } = profile;
    const { seconds } = readiness;
    const notReady = () => `was not ready within ${seconds} s`;
    if (!(await waitUntil(() => isReady(at, readiness.path), seconds, notReady))) return await server.stop();
    const model = request.model ?? (await firstModel(at, paths.models)) ?? 'default';
    let problem: string | null = null;
    const answers = async () => {
      problem = await tryOnce(at, paths, model, Math.min(seconds, FIRST_REQUEST_SECONDS));
      return problem === null;
    };
    const answerSeconds = Math.min(seconds, FIRST_ANSWER_SECONDS);
    const silent = () => `was ready but answered no request within ${answerSeconds} s: ${problem}`;
    if (!(await waitUntil(answers, answerSeconds, silent))) return await server.stop();
    const { pid, weightsLoadSeconds } = server;
    const startSeconds = monotonicSeconds() - begun;
    channel.send({ type: 'serving', url: at.url, pid, model, startSeconds, weightsLoadSeconds });
  } catch (error) {
    const taken = server.end !== null && server.portTaken;
    await server.stop();
    if (taken) return 'port-taken';
    throw error;
  }

  while (channel.stopReason() === null) {
    if (server.end !== null) {
      await server.stop();
      throw crashed(request, server.end, server.lastLine());
    }
    await Promise.race([server.ended, sleep(WATCH_MILLISECONDS)]);
  }
  return await server.stop();
}

const LONGER =
  'Its last lines say what it was doing; give it longer with change.readiness.seconds of the server in the node’s configuration.';

function endedEarly({ name }: ServeRequest, end: ServeEnd, said: string): FailureError {
  const hint = 'Its last lines say why; start it by hand with the command of the record to see all of them.';
  const message = `the server ${name} ended before it was ready${exitClause(end)}${said}`;
  return new FailureError(failure('load-failed', message, { ...end, hint }));
}

function crashed({ name }: ServeRequest, end: ServeEnd, said: string): FailureError {
  const message = `the server ${name} ended while it was measured${exitClause(end)}${said}`;
  return new FailureError(failure('crashed', message, end));
}

function exitClause(end: ServeEnd): string {
  if (end.signal !== null) return ` by ${end.signal}`;
  return end.exitCode === null ? '' : ` with exit code ${end.exitCode}`;
}

/**
 * A server with all that it started, in the hands of its warden: all of it ends with the keeper, whatever
 * ends that.
 */
class Server {
  /** It runs, or never will. */
  readonly started: Promise<unknown>;
  readonly ended: Promise<ServeEnd>;
  /** How it ended; null = it runs. */
  end: ServeEnd | null = null;
  /** Process id; 0 until it runs. */
  pid = 0;
  /** Of starting, as its log says; null = it has not. */
  weightsLoadSeconds: number | null = null;
  /** It said that somebody else has its port. */
  portTaken = false;
  readonly #warden: ChildProcess;
  /** Nothing is left of it. */
  readonly #gone: Promise<void>;
  readonly #tail = new StderrTail(1, MOST_SAID);
  readonly #graceSeconds: number;

  /** @throws FailureError `engine-missing` where its program is not. */
  constructor(request: ServeRequest, port: number) {
    this.#graceSeconds = request.profile.shutdown.seconds;
    this.#warden = start(request, port);
    let resolveEnd: (end: ServeEnd) => void = () => {};
    this.ended = new Promise((resolve) => {
      resolveEnd = (end) => {
        this.end ??= end;
        resolve(this.end);
      };
    });
    this.started = Promise.race([once(this.#warden, 'message'), this.ended]);
    this.#warden.on('message', (report: WardenReport) => {
      if ('pid' in report) this.pid = report.pid;
      else resolveEnd(report);
    });
    // A warden that is killed takes the server along; what else was below it is the keeper's now.
    this.#gone = once(this.#warden, 'exit').then(async () => {
      resolveEnd({ exitCode: null, signal: 'SIGKILL' });
      await endDescendants();
    });
    this.#hear(request.profile.log.weightsLoadSeconds);
  }

  /** @returns what it wrote last, for the end of a sentence; '' for nothing. */
  lastLine(): string {
    const line = this.#tail.text()?.split('\n').at(-1)?.trim() ?? '';
    return line === '' ? '' : `; its last line: ${line}`;
  }

  /** SIGTERM, and SIGKILL when it takes longer than it may; then for everything that it left behind. */
  async stop(): Promise<ServeEnd> {
    this.#signal('SIGTERM');
    const timer = setTimeout(() => this.#signal('SIGKILL'), this.#graceSeconds * 1000);
    await this.#gone;
    clearTimeout(timer);
    return await this.ended;
  }

  #signal(name: NodeJS.Signals): void {
    if (this.end === null && this.#warden.connected) this.#warden.send(name, () => {});
  }

  /** Passes on what it writes, so that the agent has its last lines, and looks for what starting took. */
  #hear(weightsPattern: string | null): void {
    const pattern = weightsPattern === null ? null : new RegExp(weightsPattern);
    for (const stream of [this.#warden.stdout, this.#warden.stderr]) {
      let line = '';
      stream?.on('data', (chunk: Buffer) => {
        process.stderr.write(chunk);
        this.#tail.push(chunk);
        line = (line + chunk.toString()).slice(-LONGEST_LINE);
        this.portTaken ||= PORT_TAKEN.test(line);
        const found = pattern?.exec(line)?.[1];
        if (found !== undefined) this.weightsLoadSeconds ??= Number(found);
        line = line.slice(line.lastIndexOf('\n') + 1);
      });
    }
  }
}

/** @returns the warden of a server that it is told to start. */
function start({ name, command, environment }: ServeRequest, port: number): ChildProcess {
  const [program = '', ...args] = command.map((arg) => arg.replaceAll(PORT, String(port)));
  const env = { ...process.env, ...environment };
  const message = `the server ${name} could not be started: there is no program ${program}`;
  const hint = `Install it, or say where it is with servers.${name}.command in the node’s configuration.`;
  if (findProgram(program, env.PATH) === null) throw failed('engine-missing', message, hint);
  const { loader, path } = ownProgram('engines/servers/warden');
  const warden = fork(path, {
    execArgv: loader.length > 0 ? [...loader] : ['--single-threaded'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  });
  warden.send({ command: program, args, env } satisfies WardenOrder);
  return warden;
}

/** @returns a port of the loopback address that nobody listens on right now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
