import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { toFailure } from '../../core/errors.js';
import { foundSchema, settingError } from './control.js';
import type { Machine } from './finder.js';
import { Journal } from './journal.js';
import { lines } from './lines.js';
import { PowerManager } from './power-manager.js';
import {
  type Answer,
  MAX_LINE_BYTES,
  PROTOCOL,
  type Request,
  requestSchema,
  SOCKET_NAME,
} from './protocol.js';

export interface HelperSettings {
  /** Holds the socket and the journal. */
  readonly folder: string;
  /** Whose members may set; null = the helper's own user alone. */
  readonly groupId: number | null;
  readonly machine: Machine;
  readonly log: (message: string) => void;
}

export interface RunningHelper {
  readonly socketPath: string;
  /** Puts back all that is set, and ends. */
  stop(): void;
}

/** An agent has one connection for each device that is set. */
const MAX_CONNECTIONS = 64;

/**
 * Starts the power helper: first puts back what an earlier one left, then listens.
 * @throws FailureError `setting-failed` for a folder that others may write, or that another helper uses.
 */
export async function startHelper(settings: HelperSettings): Promise<RunningHelper> {
  const { folder, groupId, machine, log } = settings;
  claimFolder(folder, groupId);
  const socketPath = join(folder, SOCKET_NAME);
  if (await answers(socketPath)) {
    throw settingError(`another power helper listens at ${socketPath}`, { hint: 'One machine needs one.' });
  }
  const keeper = new PowerManager(machine, new Journal(folder, foundSchema), log);
  keeper.restoreLeft();
  rmSync(socketPath, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, keeper, log);
  });
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, socketPath);
  if (groupId !== null) chownSync(socketPath, process.geteuid?.() ?? 0, groupId);
  chmodSync(socketPath, groupId === null ? 0o600 : 0o660);
  return {
    socketPath,
    stop() {
      keeper.restoreAll();
      server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(socketPath, { force: true });
    },
  };
}

/** Whoever may write into the folder could forge the journal of previous settings. */
function claimFolder(folder: string, groupId: number | null): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const own = process.geteuid?.() ?? 0;
  const seen = lstatSync(folder);
  if (!seen.isDirectory() || seen.uid !== own) {
    throw settingError(`${folder} is not a folder of the user who runs the power helper`, {
      hint: 'Name one that it can make, such as /run/ridgepoint-power.',
    });
  }
  if (groupId !== null) chownSync(folder, own, groupId);
  chmodSync(folder, groupId === null ? 0o700 : 0o750);
}

/** Nobody can connect before the socket's group and mode are right: the mask leaves it to its owner. */
async function listen(server: Server, path: string): Promise<void> {
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
  } finally {
    process.umask(mask);
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function serve(socket: Socket, keeper: PowerManager, log: (message: string) => void): void {
  const say = (message: object) => socket.write(`${JSON.stringify(message)}\n`);
  say({ helper: 'ridgepoint-power', protocol: PROTOCOL });
  lines(socket, MAX_LINE_BYTES, (line) => say(answer(line, socket, keeper, log)));
  socket.on('error', () => {});
  // However the connection ended: the agent closed it, or was killed.
  socket.on('close', () => {
    for (const { part, problem } of keeper.restore(socket)) {
      log(`${part}: ${problem === null ? 'put back, for the connection closed' : problem}`);
    }
  });
}

function answer(line: string, owner: Socket, keeper: PowerManager, log: (message: string) => void): Answer {
  try {
    const request = readRequest(line);
    switch (request.do) {
      case 'look':
        return { ok: true, ...keeper.look(request.target) };
      case 'set': {
        const { target, powerCapWatts, lockedClockHertz } = request;
        const applied = keeper.set(owner, target, { powerCapWatts, lockedClockHertz });
        for (const { name, part, set } of applied) log(`${part}: ${name} ${set}`);
        return { ok: true, applied };
      }
      case 'restore':
        return { ok: true, restored: keeper.restore(owner) };
    }
  } catch (error) {
    const { message, hint } = toFailure(error);
    return { ok: false, reason: message, hint };
  }
}

function readRequest(line: string): Request {
  let content: unknown;
  try {
    content = JSON.parse(line);
  } catch {
    throw settingError('a request to the power helper is one JSON object a line');
  }
  const request = requestSchema.safeParse(content);
  if (request.success) return request.data;
  throw settingError('the power helper does not know this request', {
    hint: 'Agent and power helper have to be of the same release.',
  });
}
