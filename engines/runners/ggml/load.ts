import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { FailureError, failed } from '../../../core/errors.js';
import type { OptionsOf } from '../../../core/experiment/options.js';
import type { ggml } from '../../../core/runners/ggml.js';
import { isAdapterMethod, type TrainingSettings } from '../../../core/training/methods.js';
import { weightBytes } from '../../../formats/gguf/facts.js';
import {
  type GgufFile,
  type GgufHeader,
  readGgufHeader,
  type TensorInfo,
} from '../../../formats/gguf/header.js';
import { type Llama, loadLlama } from '../../native/llama.js';
import { modelFile } from '../llama-cpp/load.js';
import { modelFailure } from '../llama-cpp/reasons.js';
import { type Settings, settingsOf } from '../llama-cpp/settings.js';
import { LlamaVocabulary } from '../llama-cpp/vocabulary.js';
import type { TrainerRequest, WithOptions } from '../runner.js';
import { type Architecture, architectureOf, tensorNamed } from './architecture.js';
import { Engine } from './engine.js';
import { ggmlModel } from './model.js';
import { isTrained, trainedMatrices } from './selection.js';
import { GgmlTrainer } from './trainer.js';
import { Weights } from './weights.js';

/**
 * Opens a model's weights for training, with its graphs made and its memory taken.
 * @throws FailureError `model-unsupported`, `impossible-combination`, `does-not-fit`, and the engine's words.
 */
export async function loadModel(request: WithOptions<TrainerRequest, OptionsOf<typeof ggml>>) {
  const { training } = request;
  const path = modelFile(request.modelPath);
  const settings = settingsOf(request.options, request.cpus.length || availableParallelism());
  const { threads, poll, cpuBackend } = settings;
  const header = readGgufHeader(path);
  const architecture = architectureOf(path, header);
  requirePossible(path, header, architecture, training);
  const llama = await loadLlama({ backend: cpuBackend, deviceClass: 'cpu' });
  const { vocabulary, close } = openVocabulary(llama, path, header, architecture);
  const engine = new Engine(llama, threads, poll);
  const closeAll = () => {
    engine.close();
    close();
  };
  try {
    const weights = openWeights(engine, path, header, architecture, training);
    const trainer = new GgmlTrainer(engine, architecture, weights, training);
    const facts = {
      modelBytes: weightBytes(header),
      parameters: header.tensors.reduce((sum, tensor) => sum + elements(tensor), 0),
      kvCacheBytes: null,
      engineFiles: llama.files,
      vocabularySize: architecture.vocabulary,
      contextLength: architecture.contextLength,
      trainingWork: trainer.work,
      environment: cpuEnvironment(llama, settings),
    };
    return ggmlModel(facts, vocabulary, trainer, closeAll);
  } catch (error) {
    closeAll();
    throw error;
  }
}

/** What records say of ggml's graphs on the CPU. */
export function cpuEnvironment({ release, cpuLibrary }: Llama, { cpuBackend, threads }: Settings) {
  return { engine: `llama.cpp ${release}`, engineDevice: 'CPU', cpuLibrary, cpuBackend, threads };
}

/**
 * @returns the weights as training needs them: f32 what is trained or loses its leading part, the rest as the
 *   file has it.
 */
export function openWeights(
  engine: Engine,
  path: string,
  { tensors }: GgufFile,
  { layers }: Architecture,
  settings: TrainingSettings,
): Weights {
  const residual = new Set(settings.method === 'pissa' ? trainedMatrices(layers, settings) : []);
  const learns = (name: string) => isTrained(name, layers, settings);
  return new Weights(engine, path, tensors, learns, (name) => learns(name) || residual.has(name));
}

/** Things that have no meaning, or would come out as something else than asked. */
function requirePossible(
  path: string,
  { tensors }: GgufHeader,
  { layers, contextLength }: Architecture,
  settings: TrainingSettings,
): void {
  const { method, rank, windowTokens, trainedLayers } = settings;
  const name = basename(path);
  const long = `windows of ${windowTokens} tokens are longer than the ${contextLength} that ${name} was trained for`;
  if (windowTokens > contextLength) throw impossible(long, 'Lower windowTokens.');
  const few = `${name} has ${layers} layers, and ${trainedLayers} shall be trained`;
  if (method === 'freeze' && trainedLayers > layers) throw impossible(few, 'Lower trainedLayers.');
  const matrices = trainedMatrices(layers, settings).map((name) => tensorNamed(tensors, name));
  const quantized = (tensor: TensorInfo) => !['f32', 'f16', 'bf16'].includes(tensor.type);
  if (isAdapterMethod(method)) {
    const narrow = matrices.find(({ shape }) => Math.min(...shape) < rank);
    const most = `${narrow?.name} has (${narrow?.shape.join(' × ')})`;
    if (narrow !== undefined) throw impossible(`a rank of ${rank} is more than ${most}`, 'Lower rank.');
    const plain = `qlora is lora over a quantized base, and the weights of ${name} are ${matrices[0]?.type}`;
    if (method === 'qlora' && !matrices.some(quantized))
      throw impossible(plain, 'Quantize it (techniques: quantization: q4_k_m), or use lora.');
  }
  const changed =
    method === 'pissa' ? matrices : tensors.filter((one) => isTrained(one.name, layers, settings));
  const bad = changed.find(quantized);
  if (bad === undefined) return;
  const why = `which is ${bad.type}: quantized weights cannot be moved in small steps`;
  const hint = 'Use a base of type f16, bf16 or f32, or train an adapter.';
  throw impossible(`${method} changes ${bad.name}, ${why}`, hint);
}

export function openVocabulary(
  llama: Llama,
  path: string,
  header: GgufHeader,
  { name }: Pick<Architecture, 'name'>,
): { readonly vocabulary: LlamaVocabulary | null; close(): void } {
  // A synthetic model has none, and llama.cpp aborts when one is asked for.
  if (!header.metadata.has('tokenizer.ggml.tokens')) return { vocabulary: null, close() {} };
  const { functions } = llama;
  const params = functions.llama_model_default_params();
  params.vocab_only = true;
  llama.log.clear();
  const model = functions.llama_model_load_from_file(path, params);
  if (model === null) throw new FailureError(modelFailure(basename(path), name, llama.log));
  return {
    vocabulary: new LlamaVocabulary(llama, model, () => header.metadata),
    close: () => functions.llama_model_free(model),
  };
}

const elements = ({ shape }: TensorInfo) => shape.reduce((a, b) => a * b, 1);

function impossible(message: string, hint: string): FailureError {
  return failed('impossible-combination', message, hint);
}
