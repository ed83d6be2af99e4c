import type { Pointer } from './api.js';
import { appendProvider, assignment } from './providers.js';
import type { OrtRuntime } from './runtime.js';
import type { TensorInfo } from './tensors.js';

/** GraphOptimizationLevel of onnxruntime_c_api.h. */
export const OPTIMIZATION = { disabled: 0, basic: 1, extended: 2, all: 99 } as const;
/** ExecutionMode. */
export const EXECUTION = { sequential: 0, parallel: 1 } as const;

export interface SessionSettings {
  readonly graphOptimization: keyof typeof OPTIMIZATION;
  readonly executionMode: keyof typeof EXECUTION;
  /** Threads within an operator, the caller's included. */
  readonly threads: number;
  /** Operators at once, where the mode is parallel. */
  readonly interThreads: number;
  /** Keeps freed memory of the CPU for what comes next. */
  readonly arena: boolean;
  /** Plans the memory of a run by the one before it. */
  readonly memoryPattern: boolean;
  /** Idle threads spin for a while before they sleep. */
  readonly spinning: boolean;
  /** An entry of PROVIDERS, or a plug-in of the library. */
  readonly provider: string;
  readonly deviceIndex: number;
  /** Front of the path of a profile; null = none is written. */
  readonly profile: string | null;
}

/** A graph that is ready to run. */
export interface Session {
  readonly handle: Pointer;
  readonly inputs: readonly TensorInfo[];
  /** Inputs that have a value where none is given. */
  readonly optional: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** What assignments call the provider that was asked for. */
  readonly provider: string;
  /** Nodes of the graph by the provider that got them; null = the library is too old to say. */
  readonly assigned: ReadonlyMap<string, number> | null;
  /** Ends the profile. @returns its file. */
  endProfile(): string;
  close(): void;
}

type Side = 'Input' | 'Output' | 'OverridableInitializer';

/** @throws OrtError in ONNX Runtime's words. */
export function openSession(
  runtime: OrtRuntime,
  model: string | Uint8Array,
  settings: SessionSettings,
): Session {
  const { api, env } = runtime;
  const options = api.make('CreateSessionOptions');
  let handle: Pointer;
  let provider: string;
  try {
    const set = (name: Parameters<typeof api.call>[0], value: number) => api.call(name, options, value);
    set('SetSessionGraphOptimizationLevel', OPTIMIZATION[settings.graphOptimization]);
    set('SetSessionExecutionMode', EXECUTION[settings.executionMode]);
    set('SetIntraOpNumThreads', settings.threads);
    set('SetInterOpNumThreads', settings.interThreads);
    api.call(settings.arena ? 'EnableCpuMemArena' : 'DisableCpuMemArena', options);
    api.call(settings.memoryPattern ? 'EnableMemPattern' : 'DisableMemPattern', options);
    const entry = (key: string, value: string) => api.call('AddSessionConfigEntry', options, key, value);
    entry('session.intra_op.allow_spinning', settings.spinning ? '1' : '0');
    entry('session.inter_op.allow_spinning', settings.spinning ? '1' : '0');
    entry('session.record_ep_graph_assignment_info', '1');
    if (settings.profile !== null) api.call('EnableProfiling', options, settings.profile);
    provider = appendProvider(runtime, options, settings.provider, settings.deviceIndex);
    handle =
      typeof model === 'string'
        ? api.make('CreateSession', env, model, options)
        : api.make('CreateSessionFromArray', env, model, model.length, options);
  } finally {
    api.call('ReleaseSessionOptions', options);
  }
  const infos = (side: Side) =>
    Array.from({ length: api.size(`SessionGet${side}Count`, handle) }, (_, i) =>
      infoOf(runtime, handle, side, i),
    );
  return {
    handle,
    provider,
    inputs: infos('Input'),
    optional: infos('OverridableInitializer'),
    outputs: infos('Output'),
    assigned: assignment(runtime, handle),
    endProfile: () => owned(runtime, api.make('SessionEndProfiling', handle, runtime.allocator)),
    close: () => void api.call('ReleaseSession', handle),
  };
}

/** @returns a text that the library gave away, and frees it. */
function owned({ api, allocator }: OrtRuntime, address: Pointer): string {
  const text = api.text(address);
  api.call('AllocatorFree', allocator, address);
  return text;
}

function infoOf(runtime: OrtRuntime, session: Pointer, side: Side, index: number): TensorInfo {
  const { api, allocator } = runtime;
  const name = owned(runtime, api.make(`SessionGet${side}Name`, session, index, allocator));
  const info = api.make(`SessionGet${side}TypeInfo`, session, index);
  try {
    const tensor = api.make('CastTypeInfoToTensorInfo', info);
    if (tensor === 0n) return { name, type: null, shape: [] };
    const count = api.size('GetDimensionsCount', tensor);
    const sizes = new BigInt64Array(Math.max(1, count));
    const symbols = new BigUint64Array(Math.max(1, count));
    api.call('GetDimensions', tensor, sizes, count);
    api.call('GetSymbolicDimensions', tensor, symbols, count);
    const shape = Array.from({ length: count }, (_, i) => {
      const size = Number(sizes[i]);
      return size >= 0 ? size : api.text(symbols[i]!) || null;
    });
    return { name, type: api.integer('GetTensorElementType', tensor), shape };
  } finally {
    api.call('ReleaseTypeInfo', info);
  }
}
