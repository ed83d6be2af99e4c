import { availableParallelism } from 'node:os';
import type { OptionsOf } from '../../../core/experiment/options.js';
import { type sparse, whyNotSparse } from '../../../core/runners/sparse.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { openGraphMatrices } from '../../native/graph-matrices.js';
import { requiredKernels } from '../../native/kernel-library.js';
import { loadLlama } from '../../native/llama.js';
import { architectureOf, type Purpose } from '../ggml/architecture.js';
import { Engine } from '../ggml/engine.js';
import { cpuEnvironment, openVocabulary } from '../ggml/load.js';
import { Weights } from '../ggml/weights.js';
import { modelFile } from '../llama-cpp/load.js';
import { requireRoomForCache, requireRoomForWeights } from '../llama-cpp/memory.js';
import { settingsOf } from '../llama-cpp/settings.js';
import type { GeneratorRequest, WithOptions } from '../runner.js';
import { cacheBytesPerToken, openCache } from './cache.js';
import { packedTensors, packMatrices } from './matrices.js';
import { type SparseModel, sparseModel } from './model.js';

export type SparseOptions = OptionsOf<typeof sparse>;

const PURPOSE: Purpose = { done: 'run with sparse weights', whyNot: whyNotSparse };

/**
 * Packs a model's matrices and takes the memory of its cache.
 * @throws FailureError `model-missing`, `model-unsupported`, `impossible-combination`, `does-not-fit`,
 *   `engine-missing`.
 */
export async function loadModel(request: WithOptions<GeneratorRequest, SparseOptions>): Promise<SparseModel> {
  const { options, contextTokens, sequences } = request;
  const { sparseFormat: format, sparseType: type, ...engineOptions } = options;
  const path = modelFile(request.modelPath);
  const settings = settingsOf(engineOptions, request.cpus.length || availableParallelism());
  const header = readGgufHeader(path);
  const architecture = architectureOf(path, header, PURPOSE);
  const library = requiredKernels();
  requireRoomForWeights(path);
  requireRoomForCache(cacheBytesPerToken(architecture), contextTokens, sequences);
  const { threads, poll, cpuBackend } = settings;
  const llama = await loadLlama({ backend: cpuBackend, deviceClass: request.deviceClass });
  const native = await openGraphMatrices(library);
  const matrices = await packMatrices(native, path, header, architecture, format, type);
  const { vocabulary, close: closeVocabulary } = openVocabulary(llama, path, header, architecture);
  const engine = new Engine(llama, threads, poll);
  const operandAddress = llama.allocate('uint64_t', 1);
  const close = () => {
    engine.close();
    closeVocabulary();
    llama.free(operandAddress);
    matrices.free();
  };
  try {
    const packed = packedTensors(architecture);
    const others = header.tensors.filter(({ name }) => !packed.has(name));
    const weights = new Weights(engine, path, others, () => false);
    const cache = openCache(engine, architecture, contextTokens, sequences);
    const operand = new BigUint64Array(llama.bytes(operandAddress, 8));
    const op = { multiply: native.multiply, operand, operandAddress };
    const parts = { functions: llama.functions, architecture, weights, matrices, cache, ...op };
    const facts = {
      modelBytes: matrices.bytes + weights.bytes,
      parameters: header.tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      kvCacheBytes: cache.bytes,
      engineFiles: [...llama.files, library],
      vocabularySize: architecture.vocabulary,
      contextLength: cache.capacity,
      packed: matrices.work,
      environment: {
        ...cpuEnvironment(llama, settings),
        packedBytes: matrices.bytes,
        zeroShare: matrices.zeros,
        matricesWithoutZeros: matrices.sparse,
        matrices: matrices.count,
      },
    };
    return sparseModel(engine, parts, facts, vocabulary, close);
  } catch (error) {
    close();
    throw error;
  }
}
