import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { builtLibraryFile, builtProgramFile } from '../../engines/native/engines/location.js';
import { greetRpcServer } from '../../engines/native/llama-cpp/rpc.js';
import { findEngine } from '../../engines/native/packages.js';
import { freePort, until } from './services.js';

/** What RPC servers of llama.cpp take, both of the engine's release. */
export interface RpcParts {
  /** The backend's library. */
  readonly library: string;
  /** `ggml-rpc-server`. */
  readonly program: string;
}

/** For the names of tests that are skipped without them. */
export const RPC_NEEDS = 'need `ridge engines build rpc` and `ridge engines build rpc-server`';

/**
 * @returns what RIDGEPOINT_RPC_LIBRARY and RIDGEPOINT_RPC_SERVER name, or else what `ridge engines build`
 *   made here; null = one is not there.
 */
export function findRpcParts(): RpcParts | null {
  const { release } = findEngine();
  const { RIDGEPOINT_RPC_LIBRARY, RIDGEPOINT_RPC_SERVER } = process.env;
  const library = RIDGEPOINT_RPC_LIBRARY ?? builtLibraryFile(release, 'libggml-rpc');
  const program = RIDGEPOINT_RPC_SERVER ?? builtProgramFile(release, 'ggml-rpc-server');
  return existsSync(library) && existsSync(program) ? { library, program } : null;
}

/** Starts a server on loopback that gives the CPU. The caller ends it. */
export async function startRpcServer(
  { program }: RpcParts,
  threads: number,
): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const port = await freePort();
  const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port), '-t', String(threads)], {
    stdio: 'ignore',
  });
  const address = `127.0.0.1:${port}`;
  const greeted = async () => ((await greetRpcServer(address, 1)) === null ? true : null);
  try {
    await until('the RPC server to answer', greeted, 20);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return { child, address };
}
