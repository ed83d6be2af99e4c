import type { Argument, Pointer } from './api.js';
import type { OrtRuntime } from './runtime.js';

/**
 * How arenas grow: by powers of two, or by what is asked for. Words of ONNX Runtime's enum and of its
 * providers.
 */
export const ARENA_GROWTH = {
  doubling: { strategy: 0, word: 'kNextPowerOfTwo' },
  'as-requested': { strategy: 1, word: 'kSameAsRequested' },
} as const;

/** What a provider is set to. */
export interface ProviderSettings {
  readonly deviceIndex: number;
  readonly arenaGrowth: keyof typeof ARENA_GROWTH;
}

/** An execution provider that can be named in a sweep. */
interface Provider {
  /** As assignments and profiles call it. */
  readonly full: string;
  /** What ONNX Runtime is told; null = nothing, it is always there. */
  readonly append: ((runtime: OrtRuntime, options: Pointer, place: ProviderSettings) => void) | null;
  /** Where it computes; null = wherever the machine has such a thing. */
  readonly device: string | null;
  /** How to get it. */
  readonly hint: string;
}

/** One that takes options as words: https://onnxruntime.ai/docs/execution-providers/. */
function byName(name: string, settings: Readonly<Record<string, string>> = {}): Provider['append'] {
  return ({ api }, options) => {
    api.call('SessionOptionsAppendExecutionProvider', options, name, ...words(api, settings));
  };
}

const cuda: Provider['append'] = ({ api }, options, { deviceIndex, arenaGrowth }) => {
  const settings = api.make('CreateCUDAProviderOptions');
  const said = { device_id: String(deviceIndex), arena_extend_strategy: ARENA_GROWTH[arenaGrowth].word };
  try {
    api.call('UpdateCUDAProviderOptions', settings, ...words(api, said));
    api.call('SessionOptionsAppendExecutionProvider_CUDA_V2', options, settings);
  } finally {
    api.call('ReleaseCUDAProviderOptions', settings);
  }
};

const tensorrt: Provider['append'] = (runtime, options, place) => {
  const { api } = runtime;
  const settings = api.make('CreateTensorRTProviderOptions');
  try {
    const said = words(api, { device_id: String(place.deviceIndex) });
    api.call('UpdateTensorRTProviderOptions', settings, ...said);
    api.call('SessionOptionsAppendExecutionProvider_TensorRT_V2', options, settings);
  } finally {
    api.call('ReleaseTensorRTProviderOptions', settings);
  }
  // What it cannot compile stays on the GPU.
  cuda!(runtime, options, place);
};

function words({ names }: OrtRuntime['api'], settings: Readonly<Record<string, string>>): Argument[] {
  const [keys, values] = [Object.keys(settings), Object.values(settings)];
  return [names(keys), names(values), keys.length];
}

const GPU_BUILD =
  'use a build with it: the wheel onnxruntime-gpu of PyPI has it for CUDA 13 with cuDNN 9; unpack it and name its libonnxruntime under onnxRuntimes';
const BUILD = 'use a build that has it, or its plug-in: name them under onnxRuntimes';
const buildFor = (system: string) => `it is in the builds for ${system}`;

/** Every execution provider with a name of its own; plug-ins have the names that they give themselves. */
export const PROVIDERS: Readonly<Record<string, Provider>> = {
  cpu: { full: 'CPUExecutionProvider', append: null, device: 'cpu', hint: '' },
  cuda: { full: 'CUDAExecutionProvider', append: cuda, device: 'cuda', hint: GPU_BUILD },
  tensorrt: { full: 'TensorrtExecutionProvider', append: tensorrt, device: 'cuda', hint: GPU_BUILD },
  coreml: {
    full: 'CoreMLExecutionProvider',
    append: byName('CoreML'),
    device: 'metal',
    hint: buildFor('macOS'),
  },
  dml: { full: 'DmlExecutionProvider', append: byName('DML'), device: null, hint: buildFor('Windows') },
  webgpu: { full: 'WebGpuExecutionProvider', append: byName('WebGPU'), device: 'vulkan', hint: BUILD },
  qnn: {
    full: 'QNNExecutionProvider',
    append: byName('QNN', { backend_type: 'htp' }),
    device: null,
    hint: BUILD,
  },
  openvino: { full: 'OpenVINOExecutionProvider', append: byName('OpenVINO'), device: null, hint: BUILD },
  xnnpack: { full: 'XnnpackExecutionProvider', append: byName('XNNPACK'), device: 'cpu', hint: BUILD },
};

const registered = new Set<string>();

/**
 * Has a session compute with a provider where that can, and on the CPU elsewhere.
 * @returns what assignments and profiles call it.
 * @throws OrtError in ONNX Runtime's words, e.g. for a library that does not load.
 */
export function appendProvider(
  runtime: OrtRuntime,
  options: Pointer,
  name: string,
  settings: ProviderSettings,
): string {
  const plugin = runtime.library.plugins[name];
  if (plugin !== undefined) {
    appendPlugin(runtime, options, name, plugin);
    return name;
  }
  const provider = PROVIDERS[name];
  if (provider === undefined) throw new Error(`no execution provider is called ${name}`);
  provider.append?.(runtime, options, settings);
  return provider.full;
}

/** A provider in a library of its own, on all devices that it says it has. */
function appendPlugin({ api, env }: OrtRuntime, options: Pointer, name: string, file: string): void {
  if (!registered.has(file)) api.call('RegisterExecutionProviderLibrary', env, name, file);
  registered.add(file);
  const [array, count] = [new BigUint64Array(1), new BigUint64Array(1)];
  api.call('GetEpDevices', env, array, count);
  const all = new BigUint64Array(api.view(array[0]!, 8 * Number(count[0]!)));
  const own = all.filter((device) => api.call('EpDevice_EpName', device) === name);
  if (own.length === 0) {
    const others = [...new Set(Array.from(all, (device) => api.call('EpDevice_EpName', device) as string))];
    throw new Error(`${file} offers no device of ${name}; there are ${others.join(', ') || 'none'}`);
  }
  api.call('SessionOptionsAppendExecutionProvider_V2', options, env, own, own.length, null, null, 0);
}

/**
 * @returns how many nodes each provider got of the graph after its first optimizations; null where the
 *   library is too old to say.
 */
export function assignment({ api }: OrtRuntime, session: Pointer): ReadonlyMap<string, number> | null {
  if (!api.has('Session_GetEpGraphAssignmentInfo')) return null;
  const [array, count] = [new BigUint64Array(1), new BigUint64Array(1)];
  api.call('Session_GetEpGraphAssignmentInfo', session, array, count);
  const counts = new Map<string, number>();
  const length = Number(count[0]!);
  const subgraphs = length === 0 ? [] : new BigUint64Array(api.view(array[0]!, 8 * length)).slice();
  for (const subgraph of subgraphs) {
    const provider = api.text(api.make('EpAssignedSubgraph_GetEpName', subgraph));
    api.call('EpAssignedSubgraph_GetNodes', subgraph, array, count);
    counts.set(provider, (counts.get(provider) ?? 0) + Number(count[0]!));
  }
  return counts;
}
