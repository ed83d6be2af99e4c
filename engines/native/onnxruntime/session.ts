import type { Pointer } from './api.js';
import { ARENA_GROWTH, appendProvider, assignment, PROVIDERS, type ProviderSettings } from './providers.js';
import type { OrtRuntime } from './runtime.js';
import type { TensorInfo } from './tensors.js';

/** GraphOptimizationLevel of onnxruntime_c_api.h. */
const OPTIMIZATION = { disabled: 0, basic: 1, extended: 2, all: 99 } as const;
/** ExecutionMode. */
const EXECUTION = { sequential: 0, parallel: 1 } as const;

export interface SessionSettings extends ProviderSettings {
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
  /** Arenas give back what a run needed when it has ended. */
  readonly arenaShrink: boolean;
  /** Front of the path of a profile; null = none is written. */
  readonly profile: string | null;
}

/** Memory where a session wants an input, or makes an output. */
export interface Place {
  /** OrtMemoryInfo. */
  readonly info: Pointer;
  /** As ONNX Runtime calls it: `Cpu`, `Cuda`. */
  readonly name: string;
  /** Whether the CPU reads and writes it. */
  readonly host: boolean;
}

/** A graph that is ready to run. */
export interface Session {
  readonly handle: Pointer;
  /** What each run is told; null = nothing. */
  readonly runOptions: Pointer | null;
  readonly inputs: readonly TensorInfo[];
  /** Inputs that have a value where none is given. */
  readonly optional: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /**
   * Where inputs and outputs lie, in their order; all on the CPU where the library is too old to say (before
   * 1.23).
   */
  readonly places: { readonly inputs: readonly Place[]; readonly outputs: readonly Place[] };
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
    if (settings.arena && settings.arenaGrowth !== 'doubling') {
      shareArena(runtime, settings.arenaGrowth);
      entry('session.use_env_allocators', '1');
    }
    if (settings.profile !== null) api.call('EnableProfiling', options, settings.profile);
    provider = appendProvider(runtime, options, settings.provider, settings);
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
  const [inputs, outputs] = [infos('Input'), infos('Output')];
  const runOptions = runOptionsOf(runtime, settings);
  return {
    handle,
    runOptions,
    provider,
    inputs,
    optional: infos('OverridableInitializer'),
    outputs,
    places: {
      inputs: placesOf(runtime, handle, 'SessionGetMemoryInfoForInputs', inputs.length),
      outputs: placesOf(runtime, handle, 'SessionGetMemoryInfoForOutputs', outputs.length),
    },
    assigned: assignment(runtime, handle),
    endProfile: () => owned(runtime, api.make('SessionEndProfiling', handle, runtime.allocator)),
    close() {
      if (runOptions !== null) api.call('ReleaseRunOptions', runOptions);
      api.call('ReleaseSession', handle);
    },
  };
}

const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;
/**
 * Environments that have an arena of their own: its growth cannot be changed again, and a process opens its
 * model with one.
 */
const arenas = new Map<Pointer, keyof typeof ARENA_GROWTH>();

/** Sessions set no growth of the CPU's arena: one that does belongs to the environment, and they use it. */
function shareArena({ api, env }: OrtRuntime, growth: keyof typeof ARENA_GROWTH): void {
  if (arenas.get(env) === growth) return;
  const keys = api.names(['max_mem', 'arena_extend_strategy']);
  const values = BigUint64Array.of(0n, BigInt(ARENA_GROWTH[growth].strategy));
  const arena = api.make('CreateArenaCfgV2', keys, values, keys.length);
  const memory = api.make('CreateCpuMemoryInfo', ARENA_ALLOCATOR, DEFAULT_MEMORY);
  api.call('CreateAndRegisterAllocator', env, memory, arena);
  api.call('ReleaseMemoryInfo', memory);
  api.call('ReleaseArenaCfg', arena);
  arenas.set(env, growth);
}

function runOptionsOf({ api }: OrtRuntime, settings: SessionSettings): Pointer | null {
  const { arena, arenaShrink, provider, deviceIndex } = settings;
  if (!arenaShrink) return null;
  // onnxruntime_run_options_config_keys.h: an arena of the CPU has to be there to be named.
  const cpu = arena ? ['cpu:0'] : [];
  const gpu = PROVIDERS[provider]?.device === 'cuda' ? [`gpu:${deviceIndex}`] : [];
  const options = api.make('CreateRunOptions');
  api.call('AddRunConfigEntry', options, 'memory.enable_memory_arena_shrinkage', [...cpu, ...gpu].join(';'));
  return options;
}

type PlaceFunction = 'SessionGetMemoryInfoForInputs' | 'SessionGetMemoryInfoForOutputs';

function placesOf({ api, memory }: OrtRuntime, session: Pointer, of: PlaceFunction, count: number): Place[] {
  if (!api.has(of)) return Array.from({ length: count }, () => ({ info: memory, name: 'Cpu', host: true }));
  const infos = new BigUint64Array(Math.max(1, count));
  api.call(of, session, infos, count);
  return Array.from(infos.subarray(0, count), (info) => {
    const name = api.text(api.make('MemoryInfoGetName', info));
    return { info, name, host: api.integer('MemoryInfoGetDeviceType', info) === CPU_DEVICE };
  });
}

/** OrtMemoryInfoDeviceType. */
const CPU_DEVICE = 0;

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
