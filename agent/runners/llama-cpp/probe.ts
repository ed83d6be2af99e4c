import { existsSync } from 'node:fs';
import { FailureError } from '../../../core/errors.js';
import { nativeEngineFile } from '../../native/engines/location.js';
import { type Llama, loadLlama } from '../../native/llama.js';
import { findEngine } from '../../native/packages.js';
import { loadPlugins } from '../../native/plugins.js';
import type { RunnerProbe } from '../runner.js';

/** Loads the CPU backend and every plugin that loads; says which device classes and variants there are. */
export async function probe(): Promise<RunnerProbe> {
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
  return {
    available: true,
    profile: {
      kind: 'llama-cpp',
      release: `llama.cpp ${llama.release}`,
      devices: ['cpu', ...plugins.filter((p) => p.ok).map((p) => p.deviceClass)],
      variants: native ? ['shipped', 'native'] : ['shipped'],
    },
    notes: [
      `CPU backend: ${llama.cpuLibrary ?? 'unknown file'}`,
      ...plugins.filter((p) => !p.ok).map((p) => `${p.deviceClass}: ${p.reason}`),
    ],
  };
}
