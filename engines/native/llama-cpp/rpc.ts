import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { basename } from 'node:path';
import { type FailureError, failed } from '../../../core/errors.js';
import { neededLibraries } from '../elf.js';
import { builtLibraryFile } from '../engines/location.js';
import type { Llama } from '../llama.js';
import { findEngine } from '../packages.js';
import type { Pointer } from './bindings.js';
import { type EngineDevice, listed } from './devices.js';
import type { ConfiguredRpc } from './rpc-config.js';

export const NO_RPC: ConfiguredRpc = { servers: {} };

/** RPC_PROTO_MAJOR_VERSION and RPC_PROTO_MINOR_VERSION of ggml-rpc.h, v0.4.0. */
const PROTOCOL = { major: 6, minor: 0 };
/**
 * A greeting: RPC_CMD_HELLO, the length of what follows, and what the client can do beside TCP
 * (RPC_CONN_CAPS_SIZE bytes): nothing.
 */
const HELLO = 14;
const CAPABILITY_BYTES = 24;
/** Its answer: a length, three numbers of a version with a byte of padding, and the server's capabilities. */
const ANSWER_BYTES = 8 + 4 + CAPABILITY_BYTES;

/** Why the backend cannot be had; what to do next. */
export interface RpcProblem {
  readonly reason: string;
  readonly hint: string;
}

const HINT =
  'Build it with `ridge engines build rpc`, or name one of this release under rpc.library in the agent’s configuration.';

/** @returns the backend's library, or why there is none that the engine could load; it is not loaded. */
export function findRpcLibrary({ library }: ConfiguredRpc): { readonly file: string } | RpcProblem {
  const { release } = findEngine();
  const file = library ?? builtLibraryFile(release, 'libggml-rpc');
  if (!existsSync(file)) {
    const reason =
      library === undefined
        ? 'the engine comes without a library for RPC servers, and none was built here'
        : `there is no file ${library}`;
    return { reason, hint: HINT };
  }
  const needed = process.platform === 'linux' ? neededLibraries(file) : [];
  const base = needed?.find((name) => name.startsWith('libggml-base'));
  // With another name of its own the linker would load a second copy, and devices of one would meet tensors
  // of the other.
  if (needed === null || (base !== undefined && base !== 'libggml-base.so')) {
    const what =
      needed === null
        ? 'is no shared library of this machine'
        : `needs ${base}, and the engine has libggml-base.so`;
    return { reason: `${file} ${what}`, hint: HINT };
  }
  return { file };
}

/**
 * Greets a server as llama.cpp does, for llama.cpp itself ends its process where that fails.
 * @returns null where it answers in this engine's version of the protocol, else why not, in one clause
 *   without the address.
 */
export async function greetRpcServer(address: string, limitSeconds = 5): Promise<string | null> {
  try {
    return await greet(address, limitSeconds);
  } catch (error) {
    // Of what is no address, a port above 65535 for one, a socket is not even made.
    return unreachable(error as NodeJS.ErrnoException);
  }
}

function greet(address: string, limitSeconds: number): Promise<string | null> {
  const [host = '', port] = address.split(':');
  return new Promise((resolve) => {
    // The engine looks up IPv4 addresses alone.
    const socket = createConnection({ host, port: Number(port), family: 4 });
    const chunks: Buffer[] = [];
    let connected = false;
    const end = (reason: string | null) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reason);
    };
    const onTimeout = () =>
      end(
        connected
          ? `it does not answer within ${limitSeconds} s: it serves one client at a time, and another may have it`
          : `it cannot be reached within ${limitSeconds} s`,
      );
    const timer = setTimeout(onTimeout, limitSeconds * 1000);
    socket.once('connect', () => {
      connected = true;
      const hello = Buffer.alloc(1 + 8 + CAPABILITY_BYTES);
      hello.writeUInt8(HELLO);
      hello.writeBigUInt64LE(BigInt(CAPABILITY_BYTES), 1);
      socket.write(hello);
    });
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      const answer = Buffer.concat(chunks);
      if (answer.length >= ANSWER_BYTES) end(versionProblem(answer));
    });
    socket.once('close', () => end(STRANGER));
    socket.once('error', (error) => end(connected ? STRANGER : unreachable(error)));
  });
}

/** Node.js's own words have the address in them, which is the node's own affair. */
const UNREACHABLE: Readonly<Record<string, string>> = {
  ENOTFOUND: 'its host has no IPv4 address',
  EAI_AGAIN: 'its host could not be looked up',
  EHOSTUNREACH: 'no way leads to its machine',
  ENETUNREACH: 'no way leads to its network',
  ETIMEDOUT: 'its machine does not answer',
  ERR_SOCKET_BAD_PORT: 'its port is none',
};

function unreachable({ code = 'no reason was given' }: NodeJS.ErrnoException): string {
  return code === 'ECONNREFUSED'
    ? 'nobody listens there'
    : `it cannot be reached: ${UNREACHABLE[code] ?? code}`;
}

/**
 * The engine speaks of servers by their addresses, in names of buffers and when it gives up:
 * `RPC0[127.0.0.1:50052]`.
 * @returns the same words, JSON all through, with the names of the node's configuration in their place, for
 *   what goes into records.
 */
export function withServersNamed<T>(texts: T, { servers }: ConfiguredRpc): T {
  const names = Object.entries(servers).map(([name, address]) => {
    const literal = address.replaceAll('.', '\\.');
    return { name, pattern: new RegExp(`(?<![\\w.-])${literal}(?!\\d)`, 'gi') };
  });
  if (names.length === 0) return texts;
  const named = (text: string) =>
    names.reduce((left, { name, pattern }) => left.replace(pattern, name), text);
  return JSON.parse(
    JSON.stringify(texts, (_, value: unknown) => (typeof value === 'string' ? named(value) : value)),
  ) as T;
}

const STRANGER = `it hangs up on a greeting: it is no RPC server of llama.cpp, or of another version than ${PROTOCOL.major}.${PROTOCOL.minor}`;

function versionProblem(answer: Buffer): string | null {
  if (answer.readBigUInt64LE(0) !== BigInt(ANSWER_BYTES - 8)) return STRANGER;
  const [major, minor, patch] = answer.subarray(8, 11);
  return major === PROTOCOL.major && minor! <= PROTOCOL.minor
    ? null
    : `it speaks version ${major}.${minor}.${patch} of the protocol, and this engine ${PROTOCOL.major}.${PROTOCOL.minor}: run the server of llama.cpp ${findEngine().release}`;
}

/** A device of an RPC server. */
export interface RpcDevice extends EngineDevice {
  /** Of its server, as the node's configuration has it. */
  readonly server: string;
}

/**
 * Opens servers as devices, those of a server in its order. Each is greeted first; one that dies later ends
 * this process.
 * @param names of the node's configuration.
 * @throws FailureError `device-missing`, `engine-missing`, `engine-mismatch`.
 */
export async function openRpcServers(
  llama: Llama,
  configured: ConfiguredRpc,
  names: readonly string[],
): Promise<RpcDevice[]> {
  if (names.length === 0) return [];
  const servers = names.map((name) => ({ name, address: addressOf(configured, name) }));
  const backend = loadRpc(llama, configured);
  // Threads of the backend log and abort while ours waits inside a call: a callback of JavaScript would wait
  // for it for ever, so stderr has to do, and a debugger that is attached for a backtrace would only delay
  // the end.
  llama.functions.ggml_log_set(null, null);
  process.env.GGML_NO_BACKTRACE ??= '1';
  for (const { name, address } of servers) {
    const reason = await greetRpcServer(address);
    if (reason !== null) throw unusable(name, reason);
  }
  return servers.flatMap(({ name, address }) => {
    const args = [['str', address]] as const;
    const registry = llama.callBackend(backend, 'ggml_backend_rpc_add_server', 'void *', args) as Pointer;
    if (registry === null) throw unusable(name, 'it has no devices');
    const count = Number(llama.functions.ggml_backend_reg_dev_count(registry));
    const { ggml_backend_reg_dev_get: deviceOf } = llama.functions;
    const handles = Array.from({ length: count }, (_, i) => deviceOf(registry, i));
    // The engine describes them by the server's address, which is the node's own affair.
    return listed(llama, handles).map((device) => {
      return { ...device, description: `${device.name} of ${name}`, server: name };
    });
  });
}

function addressOf({ servers }: ConfiguredRpc, name: string): string {
  const address = servers[name];
  if (address !== undefined) return address;
  throw failed(
    'device-missing',
    `the node’s configuration names no RPC server ${name}`,
    'Name it under rpc.servers in the agent’s configuration (docs/rpc.md).',
  );
}

/** Loads the backend, once in a process. @throws FailureError `engine-missing`, `engine-mismatch`. */
export function loadRpc(
  { functions, log }: Pick<Llama, 'functions' | 'log'>,
  configured: ConfiguredRpc,
): Pointer {
  const known = functions.ggml_backend_reg_by_name('RPC');
  if (known !== null) return known;
  const found = findRpcLibrary(configured);
  if ('reason' in found) throw failed('engine-missing', found.reason, found.hint);
  log.clear();
  const loaded = functions.ggml_backend_load(found.file);
  if (loaded !== null) return loaded;
  const said = log.errors(1) ?? 'no reason was given';
  throw failed('engine-mismatch', `${basename(found.file)} does not load: ${said}`, HINT);
}

function unusable(name: string, reason: string): FailureError {
  return failed(
    'device-missing',
    `the RPC server ${name} cannot be used: ${reason}`,
    'Start it, or mend rpc.servers in the agent’s configuration; `ridge doctor` greets it again.',
  );
}
