import { existsSync } from 'node:fs';
import { FailureError } from '../../../core/errors.js';
import { rpcVariant } from '../../../core/runners/node-demands.js';
import type { NodeEngines } from '../../config.js';
import { nativeEngineFile } from '../../native/engines/location.js';
import { type EngineDevice, type Llama, loadLlama } from '../../native/llama.js';
import { listDevices, softwareAmong } from '../../native/llama-cpp/devices.js';
import { loadRpc } from '../../native/llama-cpp/rpc.js';
import type { ConfiguredRpc } from '../../native/llama-cpp/rpc-config.js';
import { findEngine } from '../../native/packages.js';
import { loadPlugins } from '../../native/plugins.js';
import type { RunnerProbe } from '../runner.js';

/** Loads the CPU backend and every plugin that loads; says which device classes and variants there are. */
export async function probe({ rpc, softwareDevices }: NodeEngines): Promise<RunnerProbe> {
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
    ...(softwareDevices && { softwareDevices: softwareAmong(listDevices(llama)).map(profileOf) }),
    notes: [
      `CPU backend: ${llama.cpuLibrary ?? 'unknown file'}`,
      ...plugins.filter((p) => !p.ok).map((p) => `${p.deviceClass}: ${p.reason}`),
    ],
  };
}

/**
 * A class of its own, so that a sweep that asks for `vulkan` never meets one, and no row of one is compared
 * with a GPU's. Its id is the engine's own name: it has no address.
 */
function profileOf({ name, description, backend, memoryBytes }: EngineDevice) {
  return { id: name, classes: [`${backend}:software`], name: description, memoryBytes };
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
