import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError, failure } from '../../core/errors.js';
import type { Channel } from '../isolation/channel.js';
import { monotonicSeconds } from '../isolation/clock.js';
import { findStartTools, wrapCommand } from '../isolation/start-tools.js';
import { firstModel, isReady, tryOnce } from './ask.js';
import { PORT } from './command.js';
import type { ServeEnd, ServeReport, ServeRequest } from './job.js';

const POLL_MILLISECONDS = 50;
/** Someone else may take a port between its choice and the server's start. */
const PORT_TRIES = 3;
/** A server that finds its port taken ends at once; one that ends later had another reason. */
const PORT_TAKEN_SECONDS = 5;
const PORT_TAKEN = /address already in use|EADDRINUSE|couldn't bind|failed to bind|bind.*port/i;

/** Keeps a server: see job.ts. @throws FailureError `engine-missing`, `load-failed`, `crashed`. */
export async function serve(request: ServeRequest, channel: Channel<ServeReport>): Promise<ServeEnd> {
  for (let tries = 1; ; tries++) {
    const kept = await keepOnce(request, channel);
    if (kept !== 'port-taken') return kept;
    if (tries === PORT_TRIES) {
      throw new FailureError(
        failure('load-failed', `the server ${request.name} found its port taken ${PORT_TRIES} times`),
      );
    }
  }
}

async function keepOnce(
  request: ServeRequest,
  channel: Channel<ServeReport>,
): Promise<ServeEnd | 'port-taken'> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const begun = monotonicSeconds();
  const server = start(request, port);
  const log = watchLog(server, request);
  const end = { now: null as ServeEnd | null };
  const ended = endOf(server, request).then((how) => {
    end.now = how;
    return how;
  });
  const stop = async (): Promise<ServeEnd> => await stopped(server, ended, request.profile.shutdown.seconds);

  const deadline = begun + request.profile.readiness.seconds;
  const died = (when: string) =>
    new FailureError(
      failure('load-failed', `the server ${request.name} ended ${when}${how(end.now)}`, {
        exitCode: end.now?.exitCode ?? null,
        signal: end.now?.signal ?? null,
        hint: 'Its last lines say why; start it by hand with the command of the record to see all of them.',
      }),
    );
  const wait = async (what: () => Promise<boolean>, never: string): Promise<'yes' | 'stopped'> => {
    for (;;) {
      if (end.now !== null) throw died('before it was ready');
      if (channel.stopReason() !== null) return 'stopped';
      if (await what()) return 'yes';
      if (monotonicSeconds() > deadline) {
        await stop();
        const { seconds } = request.profile.readiness;
        throw new FailureError(
          failure('load-failed', `the server ${request.name} ${never} within ${seconds} s`, {
            hint: 'Its last lines say what it was doing; give it longer with readiness.seconds in the node’s configuration.',
          }),
        );
      }
      await sleep(POLL_MILLISECONDS);
    }
  };

  try {
    const { paths, readiness } = request.profile;
    const at = { url, apiKey: request.apiKey };
    const healthy = await wait(() => isReady(at, readiness.path), 'was not ready');
    if (healthy === 'stopped') return await stop();
    const model = request.model ?? (await firstModel(at, paths.models)) ?? 'default';
    let said = '';
    const answered = await wait(async () => {
      const problem = await tryOnce(at, paths, model);
      said = problem ?? '';
      return problem === null;
    }, `was ready but answered no request`).catch((error: unknown) => {
      throw said === '' ? error : withSaid(error, said);
    });
    if (answered === 'stopped') return await stop();
    channel.send({
      type: 'serving',
      url,
      pid: server.pid ?? 0,
      model,
      startSeconds: monotonicSeconds() - begun,
      weightsLoadSeconds: log.weightsLoadSeconds(),
    });
    while (channel.stopReason() === null) {
      if (end.now !== null) throw crashed(request, end.now);
      await sleep(POLL_MILLISECONDS);
    }
    return await stop();
  } catch (error) {
    if (end.now !== null && log.portTaken() && monotonicSeconds() - begun < PORT_TAKEN_SECONDS)
      return 'port-taken';
    throw error;
  } finally {
    kill(server, 'SIGKILL');
  }
}

function withSaid(error: unknown, said: string): unknown {
  if (!(error instanceof FailureError)) return error;
  return new FailureError({ ...error.failure, message: `${error.failure.message}: ${said}` });
}

function crashed({ name }: ServeRequest, end: ServeEnd): FailureError {
  return new FailureError(
    failure('crashed', `the server ${name} ended while it was measured${how(end)}`, {
      exitCode: end.exitCode,
      signal: end.signal,
    }),
  );
}

function how(end: ServeEnd | null): string {
  if (end === null) return '';
  return end.signal === null ? ` with exit code ${end.exitCode}` : ` by ${end.signal}`;
}

/** In this child's process group: what ends the group ends both. */
function start({ name, command, environment }: ServeRequest, port: number): ChildProcess {
  const [program = '', ...args] = command.map((word) => word.replaceAll(PORT, String(port)));
  const wrapped = wrapCommand({ command: program, args }, [], findStartTools());
  const server = spawn(wrapped.command, wrapped.args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  if (server.pid === undefined) {
    server.on('error', () => {});
    throw new FailureError(
      failure('engine-missing', `the server ${name} could not be started: there is no ${program}`, {
        hint: `Install it, or say where it is with servers.${name}.command in the node’s configuration.`,
      }),
    );
  }
  process.on('exit', () => kill(server, 'SIGKILL'));
  return server;
}

/** Passes on what it writes, so that the agent has its last lines, and looks for what starting took. */
function watchLog(server: ChildProcess, { profile }: ServeRequest) {
  const pattern = profile.log.weightsLoadSeconds === null ? null : new RegExp(profile.log.weightsLoadSeconds);
  let weights: number | null = null;
  let taken = false;
  const hear = (chunk: Buffer) => {
    process.stderr.write(chunk);
    const text = chunk.toString();
    taken ||= PORT_TAKEN.test(text);
    const found = pattern === null || weights !== null ? null : pattern.exec(text);
    if (found !== null) weights = Number(found[1]);
  };
  server.stdout?.on('data', hear);
  server.stderr?.on('data', hear);
  return { weightsLoadSeconds: () => weights, portTaken: () => taken };
}

function endOf(server: ChildProcess, { name }: ServeRequest): Promise<ServeEnd> {
  return new Promise((resolve) => {
    server.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
    server.once('error', (error) => {
      process.stderr.write(`${name}: ${error.message}\n`);
      resolve({ exitCode: null, signal: null });
    });
  });
}

/** SIGTERM, and SIGKILL when it takes longer than it may. */
async function stopped(
  server: ChildProcess,
  ended: Promise<ServeEnd>,
  graceSeconds: number,
): Promise<ServeEnd> {
  kill(server, 'SIGTERM');
  const timer = setTimeout(() => kill(server, 'SIGKILL'), graceSeconds * 1000);
  const end = await ended;
  clearTimeout(timer);
  return end;
}

function kill(server: ChildProcess, signal: NodeJS.Signals): void {
  if (server.exitCode === null && server.signalCode === null) server.kill(signal);
}

/** @returns a port of the loopback address that nobody listens on right now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
