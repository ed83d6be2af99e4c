import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { FailureError, failed } from '../../../core/errors.js';
import { leasedDevices } from '../../../core/experiment/lease.js';
import { orElse } from '../../../core/or-else.js';
import { knownTensorType } from '../../../core/techniques/tensor-types.js';
import { evictionOf, mostTokensHeld } from '../../../core/work/eviction.js';
import { cpuShare } from '../../../core/work/llama-cpp.js';
import type { LlamaCppOptions } from '../../../core/work/llama-cpp-options.js';
import { shown } from '../../../formats/format.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import {
  CONSTANTS,
  type EngineDevice,
  type Llama,
  loadLlama,
  type Pointer,
  type StructValue,
} from '../../native/llama.js';
import { NO_RPC, openRpcServers, type RpcDevice } from '../../native/llama-cpp/rpc.js';
import { findStepLoops, type StepLoops } from '../../native/step-loop.js';
import type { GeneratorRequest, ModelRequest, PlaceRequest, WithOptions } from '../runner.js';
import { openAdapters, setAdapters } from './adapters.js';
import { EvictingModel } from './evicting.js';
import { Evictor } from './eviction.js';
import { keepsState, kvBytesPerToken, readFacts, systemInfo } from './facts.js';
import { freeHandles, type Handles, type OpenedSoFar } from './handles.js';
import { requireRoomForCache, requireRoomForWeights } from './memory.js';
import { LlamaModel } from './model.js';
import { contextFailure, modelFailure } from './reasons.js';
import { impossible, type Settings, settingsOf } from './settings.js';
import { sharesOver, spreadOf } from './spread.js';
import { attachThreads } from './threads.js';

/** A request with the runner's options. */
export type ForLlama<Request> = WithOptions<Request, LlamaCppOptions>;

export interface LlamaRequest extends ForLlama<GeneratorRequest> {
  /**
   * Layers with a sliding window keep every token, too: the cache can then be cut back to any length without
   * a change of what follows. Costs memory; where speed is measured only the window is kept, as in serving.
   */
  readonly wholeCache?: boolean;
}

/** What looks on while graphs are computed: `cb_eval` of a context. */
export interface Onlooker {
  readonly callback: Pointer;
  readonly userData: Pointer;
}

/** A model that is open on its devices, and has no context yet. */
export interface Opening {
  readonly llama: Llama;
  readonly settings: Settings;
  readonly path: string;
  readonly devices: readonly EngineDevice[];
  /** The part of it that is in this machine's own memory. */
  readonly onCpu: number;
  readonly opened: OpenedSoFar;
}

/**
 * Opens the file of a request on its devices.
 * @param prepare refuses what need not be loaded for that.
 * @param work makes of it what is asked for; where it throws, all that is open is freed.
 * @throws FailureError with the engine's own words.
 */
export async function withModel<P, T>(
  request: ForLlama<ModelRequest>,
  prepare: (path: string, settings: Settings) => P | Promise<P>,
  work: (opening: Opening, prepared: P) => Promise<T>,
): Promise<T> {
  const settings = settingsOf(request.options, request.cpus.length || availableParallelism());
  const path = modelFile(request.modelPath);
  const prepared = await prepare(path, settings);
  const llama = await loadLlama({ backend: settings.cpuBackend, deviceClass: request.deviceClass });
  const devices = await devicesFor(llama, request, settings);
  const onCpu = shareOnCpu(devices, settings, path);
  requireRoomForWeights(path, onCpu);
  llama.log.clear();
  const opened: OpenedSoFar = { model: openModel(llama, path, settings, devices) };
  try {
    return await work({ llama, settings, path, devices, onCpu, opened }, prepared);
  } catch (error) {
    freeHandles(llama, opened);
    throw error;
  }
}

/**
 * Opens a model and makes a context that holds `contextTokens` for each of `sequences` (the engine rounds
 * up to multiples of 256).
 * @throws FailureError with the engine's own words.
 */
export function loadModel(request: LlamaRequest, onlooker?: Onlooker): Promise<LlamaModel> {
  return withContext(request, onlooker, request.contextTokens, (model) => model);
}

/**
 * Opens a model as its options say: with a cache that keeps every token, or with one that gives tokens up.
 * @throws FailureError as `loadModel` does; `impossible-combination` for a model none of whose tokens can be
 *   given up.
 */
export function loadWithEviction(
  request: LlamaRequest,
  onlooker?: Onlooker,
): Promise<LlamaModel | EvictingModel> {
  const eviction = evictionOf(request.options.eviction ?? 'none');
  if (eviction === null) return loadModel(request, onlooker);
  const { sequences, contextTokens } = request;
  const cells = mostTokensHeld(eviction, contextTokens);
  return withContext(request, onlooker, cells, (model, llama, handles) => {
    requireWholeCache(llama, handles.model);
    const evictor = new Evictor(llama, handles, sequences, eviction);
    return new EvictingModel(model, evictor, sequences, contextTokens);
  });
}

/** @param cells of each sequence that the cache has. */
function withContext<T>(
  request: LlamaRequest,
  onlooker: Onlooker | undefined,
  cells: number,
  make: (model: LlamaModel, llama: Llama, handles: Handles) => T,
): Promise<T> {
  return withModel(
    request,
    (_, settings) => stepLoops(request, settings),
    async (opening, loops) => {
      const { llama, settings, path, devices, opened } = opening;
      const { model } = opened;
      const adapters = await openAdapters(llama, model, path, request.adapters ?? []);
      const context = generatingContext(opening, request, onlooker, cells);
      opened.context = context;
      setAdapters(llama, context, adapters);
      const threads = attachThreads(llama, context, settings);
      opened.threads = threads;
      const facts = placedFacts(llama, { model, context }, settings, devices);
      const loaded = {
        ...facts,
        adapterLoadSeconds: adapters.seconds,
        environment: { ...facts.environment, stepLoop: loops.open === null ? 'javascript' : 'native' },
      };
      const batch = Math.min(llama.functions.llama_n_batch(context), settings.batch);
      const handles = { model, context, threads };
      const metadata = () => readGgufHeader(path).metadata;
      const whole = new LlamaModel(llama, handles, loaded, request.sequences, batch, loops, metadata);
      return make(whole, llama, handles);
    },
  );
}

/**
 * Loads the engine, and behind it what drives its steps.
 * @throws FailureError for more sequences than it runs.
 */
async function stepLoops({ sequences, deviceClass }: LlamaRequest, settings: Settings): Promise<StepLoops> {
  if (sequences > settings.batch) {
    throw impossible(
      `${sequences} parallel sequences do not fit into a batch of ${settings.batch} tokens.`,
      'Raise `batch` or lower `parallel`.',
    );
  }
  const llama = await loadLlama({ backend: settings.cpuBackend, deviceClass });
  const most = Number(llama.functions.llama_max_parallel_sequences());
  if (sequences > most) {
    const message = `llama.cpp runs at most ${most} sequences in one context, not ${sequences}.`;
    throw impossible(message, 'Lower `parallel`.');
  }
  return await findStepLoops(llama);
}

/** @returns what a loaded model says of itself, with the devices that it lies on. */
export function placedFacts(
  llama: Llama,
  { model, context }: { readonly model: Pointer; readonly context: Pointer },
  settings: Settings,
  devices: readonly EngineDevice[],
) {
  const facts = readFacts(llama, model, context, settings, describeDevices(devices));
  const shares = sharesOver(devices, settings);
  const spread = spreadOf(llama, model, devices, settings, shares);
  return {
    ...facts,
    environment: {
      ...facts.environment,
      ...(devices.length > 1 && { deviceShares: shares === null ? null : sharesText(shares) }),
      ...remoteFacts(llama, devices),
    },
    ...(spread !== null && { spread }),
  };
}

/**
 * @returns the part of a model that is in this machine's own memory, as far as it is known before it is
 *   loaded: GPUs refuse in words.
 */
export function shareOnCpu(
  devices: readonly Pick<EngineDevice, 'backend'>[],
  { gpuLayers, rpcServers }: Pick<Settings, 'gpuLayers' | 'rpcServers'>,
  path: string,
): number {
  if (devices.some(({ backend }) => backend !== 'rpc')) return 0;
  // The header is read for this alone where layers are shared out: every trial comes by here.
  const shared = rpcServers.length > 0 && gpuLayers !== 'all';
  const metadata = shared ? metadataOf(path) : null;
  const layers = Number(metadata?.get(`${metadata.get('general.architecture')}.block_count`) ?? 0);
  return cpuShare({ gpuLayers, rpcServers: rpcServers.join('/') || null }, layers);
}

/**
 * @returns the devices that the weights go to, those of RPC servers first, as llama.cpp has them; none = the
 *   CPU.
 * @throws FailureError for a server that cannot be used, and shares that are not as many.
 */
export async function devicesFor(
  llama: Llama,
  request: Pick<PlaceRequest, 'deviceClass' | 'deviceId' | 'otherDeviceIds' | 'engines'>,
  settings: Pick<Settings, 'rpcServers' | 'tensorSplit'>,
): Promise<readonly EngineDevice[]> {
  const remote = await openRpcServers(llama, request.engines?.rpc ?? NO_RPC, settings.rpcServers);
  const devices = [...remote, ...chooseDevices(llama, request)];
  requireShareOfEach(devices, settings);
  return devices;
}

/** @returns this node's devices of a trial, in the order of its lease; none = the CPU. */
export function chooseDevices(
  llama: Pick<Llama, 'devices'>,
  { deviceClass, ...held }: Pick<LlamaRequest, 'deviceClass' | 'deviceId' | 'otherDeviceIds'>,
): readonly EngineDevice[] {
  const family = deviceClass.split(':')[0];
  if (family === 'cpu') return [];
  const backend = family === 'metal' ? 'mtl' : family;
  const candidates = llama.devices.filter((d) => d.kind !== 'cpu' && d.backend === backend);
  const wanted = leasedDevices(held);
  const chosen = wanted.map((id) => candidates.find((d) => d.id === id || d.name === id));
  const missing = wanted.filter((_, index) => chosen[index] === undefined);
  if (missing.length === 0) return chosen as EngineDevice[];
  // The agent shows a trial its own devices alone, so as many as it has are the right ones under any names.
  if (candidates.length === wanted.length) return candidates;
  const seen = candidates.map((d) => `${d.name} (${d.id ?? d.description})`).join(', ') || 'none';
  const what = missing.length === 1 ? 'the device' : 'the devices';
  throw failed(
    'device-missing',
    `llama.cpp does not see ${what} ${missing.join(', ')}; it sees ${seen}.`,
    'Run `ridge doctor` on the node.',
  );
}

/** `0.75/0.25` of the whole. */
function sharesText(shares: readonly number[]): string {
  const all = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => Number((share / all).toFixed(4))).join('/');
}

/** @throws FailureError `model-missing` */
export function modelFile(path: string | null): string {
  if (path !== null && existsSync(path)) return path;
  throw failed('model-missing', `There is no model file ${path ?? '(no path given)'}.`);
}

/** What the record calls them. */
export function describeDevices(devices: readonly EngineDevice[]): string {
  return devices.length === 0 ? 'CPU' : devices.map(({ description }) => description).join(' + ');
}

/**
 * What a record keeps of devices on other machines: what they have, and what of the model and its cache they
 * hold, which the engine prints.
 */
function remoteFacts({ log }: Pick<Llama, 'log'>, devices: readonly EngineDevice[]) {
  const remote = devices.filter((device): device is RpcDevice => 'server' in device);
  if (remote.length === 0) return {};
  const held = log.lines.flatMap(({ text }) => {
    const size = /\bRPC\d+\S* +(?:model|KV|RS|compute) buffer size = +([\d.]+) MiB/.exec(text)?.[1];
    return size === undefined ? [] : [Number(size) * 2 ** 20];
  });
  return {
    rpcServers: [...new Set(remote.map(({ server }) => server))].join('/'),
    rpcDeviceBytes: remote.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    rpcHeldBytes: held.length === 0 ? null : Math.round(held.reduce((a, b) => a + b, 0)),
  };
}

function requireShareOfEach(
  devices: readonly EngineDevice[],
  { tensorSplit }: Pick<Settings, 'tensorSplit'>,
): void {
  if (tensorSplit === null || devices.length < 2 || tensorSplit.length === devices.length) return;
  const names = devices.map(({ name }) => name).join(', ');
  throw impossible(
    `tensorSplit names ${tensorSplit.length} shares for ${devices.length} devices (${names}).`,
    'Give one of each.',
  );
}

const SPLIT_MODES = {
  layer: CONSTANTS.LLAMA_SPLIT_MODE_LAYER,
  tensor: CONSTANTS.LLAMA_SPLIT_MODE_TENSOR,
} as const;

/** @param vocabularyAlone leaves the weights where they are. @throws FailureError with the engine's words. */
export function openModel(
  llama: Llama,
  path: string,
  settings: Settings,
  devices: readonly EngineDevice[],
  vocabularyAlone = false,
): Pointer {
  const { functions } = llama;
  const onCpu = devices.length === 0;
  const params = functions.llama_model_default_params();
  params.vocab_only = vocabularyAlone;
  // A list that ends at once keeps everything on the CPU even when GPU backends are loaded.
  const handles = [...devices.map(({ handle }) => handle ?? 0n), 0n];
  const list = llama.allocate('uint64_t', handles.length);
  new BigUint64Array(llama.bytes(list, 8 * handles.length)).set(handles);
  params.devices = list;
  params.n_gpu_layers = onCpu ? 0 : settings.gpuLayers === 'all' ? -1 : settings.gpuLayers;
  params.split_mode = devices.length > 1 ? SPLIT_MODES[settings.splitMode] : CONSTANTS.LLAMA_SPLIT_MODE_NONE;
  params.main_gpu = devices.length > 1 ? settings.mainGpu : 0;
  const shares = floatsOf(llama, sharesOver(devices, settings));
  params.tensor_split = shares;
  // The file is read for this on processors with AMX alone: every trial comes by here.
  if (onCpu && systemInfo(llama).includes('AMX_INT8') && hasLatentAttention(path)) {
    params.use_extra_bufts = false;
  }
  params.load_mode = settings.mmap ? CONSTANTS.LLAMA_LOAD_MODE_MMAP : CONSTANTS.LLAMA_LOAD_MODE_NONE;
  const model = functions.llama_model_load_from_file(path, params);
  llama.free(list);
  if (shares !== null) llama.free(shares);
  if (model === null) throw new FailureError(modelFailure(basename(path), architectureOf(path), llama.log));
  return model;
}

/** The engine reads as many floats as it could have devices, whatever it has. */
function floatsOf(llama: Llama, shares: readonly number[] | null): Pointer | null {
  if (shares === null) return null;
  const most = Number(llama.functions.llama_max_devices());
  const floats = llama.allocate('float', most);
  const values = new Float32Array(llama.bytes(floats, 4 * most));
  values.fill(0);
  values.set(shares);
  return floats;
}

function architectureOf(path: string): string | null {
  const name = metadataOf(path)?.get('general.architecture');
  return typeof name === 'string' ? shown(name) : null;
}

/**
 * The engine lays weights out for AMX where a product with contiguous inputs could use them; those of latent
 * attention (attn_k_b, attn_v_b) get permuted ones, which that layout cannot take, and the engine aborts
 * (ggml-backend.cpp: no backend for the node).
 * @returns whether the file is of such a model, which then runs in the plain layout.
 */
function hasLatentAttention(path: string): boolean {
  const metadata = metadataOf(path);
  return metadata?.has(`${metadata.get('general.architecture')}.attention.kv_lora_rank`) ?? false;
}

/** @returns null for a file that is no GGUF, of which the engine then says what is wrong. */
function metadataOf(path: string) {
  return orElse(() => readGgufHeader(path).metadata, null);
}

const FLASH = {
  auto: CONSTANTS.LLAMA_FLASH_ATTN_TYPE_AUTO,
  true: CONSTANTS.LLAMA_FLASH_ATTN_TYPE_ENABLED,
  false: CONSTANTS.LLAMA_FLASH_ATTN_TYPE_DISABLED,
} as const;

/**
 * Makes a context.
 * @param own what is set beside the threads, flash attention and an onlooker.
 * @param asked what it is for, for the sentence where it does not fit.
 * @throws FailureError with the engine's own words.
 */
export function openContext(
  { llama, settings: { threads, flashAttention, kvCacheRotation }, opened: { model } }: Opening,
  own: Partial<StructValue<'llama_context_params'>>,
  asked: { readonly tokens: number; readonly sequences: number },
  onlooker?: Onlooker,
): Pointer {
  // The engine has no parameter for it, and asks its environment whenever it makes a cache.
  process.env.LLAMA_ATTN_ROT_DISABLE = kvCacheRotation ? '0' : '1';
  const context = llama.functions.llama_init_from_model(model, {
    ...llama.functions.llama_context_default_params(),
    n_threads: threads,
    n_threads_batch: threads,
    flash_attn_type: FLASH[`${flashAttention}`],
    ...(onlooker !== undefined && { cb_eval: onlooker.callback, cb_eval_user_data: onlooker.userData }),
    ...own,
  });
  if (context !== null) return context;
  throw new FailureError(contextFailure(asked.tokens, asked.sequences, llama.log));
}

/**
 * @returns bytes that a token of one sequence takes of this machine's memory in the cache; null where that is
 *   not known.
 */
export function cacheBytesHere({ llama, settings, onCpu, opened }: Opening): number | null {
  if (onCpu === 0) return null;
  const bytes = kvBytesPerToken(llama, opened.model, settings.kvCacheTypeK, settings.kvCacheTypeV);
  return bytes === null ? null : bytes * onCpu;
}

/** @returns how batches and caches are set. */
export function cacheSettings({ batch, ubatch, kvCacheTypeK, kvCacheTypeV }: Settings) {
  return {
    n_batch: batch,
    n_ubatch: Math.min(ubatch, batch),
    type_k: knownTensorType(kvCacheTypeK).number,
    type_v: knownTensorType(kvCacheTypeV).number,
  };
}

/** @throws FailureError for a model whose cache already gives tokens up, or keeps a state that is no list. */
function requireWholeCache(llama: Llama, model: Pointer): void {
  const isState = keepsState(llama, model);
  if (!isState && llama.functions.llama_model_n_swa(model) === 0) return;
  throw impossible(
    isState
      ? 'This model keeps a state, and no token of it can be given up.'
      : 'This model has a sliding window, which gives tokens up by itself.',
    'Leave eviction out.',
  );
}

/** @param cells of each sequence that the cache has, where they are fewer than its tokens. */
export function generatingContext(
  opening: Opening,
  {
    contextTokens,
    sequences,
    wholeCache = false,
  }: Pick<LlamaRequest, 'contextTokens' | 'sequences' | 'wholeCache'>,
  onlooker: Onlooker | undefined,
  cells = contextTokens,
): Pointer {
  // The cache is split evenly, so the whole is what one sequence needs, times their number.
  const perSequence = Math.ceil(cells / 256) * 256;
  requireRoomForCache(cacheBytesHere(opening), perSequence, sequences);
  const own = {
    n_ctx: perSequence * sequences,
    n_seq_max: sequences,
    ...cacheSettings(opening.settings),
    // As in llama-bench: sliding-window layers keep their window only, unless the cache is to be cut back.
    swa_full: wholeCache,
  };
  return openContext(opening, own, { tokens: contextTokens, sequences }, onlooker);
}
