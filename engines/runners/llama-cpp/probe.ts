import { existsSync } from 'node:fs';
import { FailureError } from '../../../core/errors.js';
import { rpcVariant } from '../../../core/runners/node-demands.js';
import type { NodeEngines } from '../../config.js';
import { nativeEngineFile } from '../../native/engines/location.js';
import { type Llama, loadLlama } from '../../native/llama.js';
import { loadRpc } from '../../native/llama-cpp/rpc.js';
import type { ConfiguredRpc } from '../../native/llama-cpp/rpc-config.js';
import { findEngine } from '../../native/packages.js';
import { loadPlugins } from '../../native/plugins.js';
import type { RunnerProbe } from '../runner.js';

/** Loads the CPU backend and every plugin that loads; says which device classes and variants there are. */
export async function probe({ rpc }: NodeEngines): Promise<RunnerProbe> {
  let llama: Llama;
  try {
    llama = await loadLlama({ backend: 'shipped', deviceClass: 'cpu' });
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    const { message, hint } = error.failure;
    return { available: false, kind: 'llama-cpp', reason: message, hint: hint ?? 'Run `ridge doctor`.' };
  }
  const plugins = loadPlugins(llama, findEngine());
  const native = existsSync(nativeEngineFile(llama.release));
  const servers = Object.keys(rpc.servers);
  const problem = servers.length === 0 ? null : rpcProblem(llama, rpc);
  return {
    available: true,
    profile: {
      kind: 'llama-cpp',
      release: `llama.cpp ${llama.release}`,
      devices: ['cpu', ...plugins.filter((p) => p.ok).map((p) => p.deviceClass)],
      variants: [
        'shipped',
        ...(native ? ['native'] : []),
        // Who listens there is asked by each trial: it may come and go.
        ...(problem === null ? servers.map(rpcVariant) : []),
      ],
    },
    missing: Object.fromEntries(
      problem === null ? [] : servers.map((name) => [`RPC server ${name}`, problem]),
    ),
    notes: [
      `CPU backend: ${llama.cpuLibrary ?? 'unknown file'}`,
      ...plugins.filter((p) => !p.ok).map((p) => `${p.deviceClass}: ${p.reason}`),
    ],
  };
}

/** Why the backend for RPC servers does not load; null where it does. */
function rpcProblem(llama: Llama, rpc: ConfiguredRpc): string | null {
  try {
    loadRpc(llama, rpc);
    return null;
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return error.message;
  }
}
