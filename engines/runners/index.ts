import { failed } from '../../core/errors.js';
import type { RunnerName } from '../../core/runners/index.js';
import type { ServerKindName } from '../../core/runners/server/index.js';
import type { Learned } from '../../process/isolation/learned.js';
import type { QuantizeRequest } from './jobs.js';
import { type ObservedPlace, type Observer, ON_CPU } from './observer.js';
import type { Runner } from './runner.js';

/** Makes an artifact; resolves with what there is to say of it. */
export type Quantize = (
  request: QuantizeRequest,
  onProgress?: (done: number, of: number) => void,
) => Promise<Pick<Learned, 'warnings' | 'facts'>>;

interface RunnerRoom {
  /** Imported when used: an agent without an engine must start, and only a child may open native code. */
  load(): Promise<Runner>;
  /** null = it cannot quantize. */
  readonly quantizer: (() => Promise<Quantize>) | null;
}

const llamaCppQuantizer = async (): Promise<Quantize> => (await import('./llama-cpp/index.js')).quantizeFile;

function server(kind: ServerKindName, quantizer: RunnerRoom['quantizer']): RunnerRoom {
  return { load: async () => (await import('./server/index.js')).serverRunner(kind), quantizer };
}

/** The room of every runner that core/runners describes: a new one is a new folder and one entry here. */
const ROOMS: Readonly<Record<RunnerName, RunnerRoom>> = {
  'llama-cpp': {
    load: async () => (await import('./llama-cpp/index.js')).llamaCpp,
    quantizer: llamaCppQuantizer,
  },
  ggml: { load: async () => (await import('./ggml/index.js')).ggmlRunner, quantizer: llamaCppQuantizer },
  sparse: {
    load: async () => (await import('./sparse/index.js')).sparseRunner,
    quantizer: llamaCppQuantizer,
  },
  fake: { load: async () => (await import('./fake/index.js')).fakeRunner, quantizer: null },
  kernels: { load: async () => (await import('./kernels/index.js')).kernelsRunner, quantizer: null },
  onnx: { load: async () => (await import('./onnx/index.js')).onnxRunner, quantizer: null },
  'llama-server': server('llama-server', llamaCppQuantizer),
  openai: server('openai', null),
  sglang: server('sglang', null),
  'simulated-server': server('simulated-server', null),
  'tensorrt-llm': server('tensorrt-llm', null),
  tgi: server('tgi', null),
  vllm: server('vllm', null),
};

/** @returns the runner; throws FailureError `engine-missing` for a kind this agent does not know. */
export async function loadRunner(kind: string): Promise<Runner> {
  return roomOf(kind).load();
}

/** @returns the runner's way to quantize, or null when it has none. */
export async function quantizerOf(kind: string): Promise<Quantize | null> {
  return (await roomOf(kind).quantizer?.()) ?? null;
}

/**
 * @returns the engine that calibration looks into (`OBSERVED_RUNNER`).
 * @throws FailureError `engine-missing`, `device-missing`.
 */
export async function loadObserver(place: ObservedPlace = ON_CPU): Promise<Observer> {
  return await (await import('./llama-cpp/index.js')).observe(place);
}

function roomOf(kind: string): RunnerRoom {
  if (Object.hasOwn(ROOMS, kind)) return ROOMS[kind as RunnerName];
  throw failed(
    'engine-missing',
    `this agent has no runner ${kind}`,
    `It has ${Object.keys(ROOMS).join(', ')}; a newer sweep may need a newer agent.`,
  );
}
