import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { FailureError, failed } from '../../../core/errors.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { CONSTANTS, type Llama, loadLlama, type Pointer } from '../../native/llama.js';
import type { TensorGraph } from '../opened.js';
import type { GraphOpenRequest, GraphRequest } from '../runner.js';
import { Batch } from './batch.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { devicesFor, FLASH, modelFile, type Onlooker, openModel, placedFacts, shareOnCpu } from './load.js';
import { requireRoomForWeights } from './memory.js';
import { contextFailure } from './reasons.js';
import { impossible, readSettings, type Settings } from './settings.js';
import { attachThreads } from './threads.js';

/** What the length of texts is called in `sizes`. */
const LENGTH = 'sequence';

/**
 * Opens an encoder as a graph: texts of random tokens in, and out the states of every token or, where the file says how they are pooled, one
 * vector for each text. All texts of a run are one batch.
 * @throws FailureError with the engine's own words; `impossible-combination` for a model that decodes, and texts that it cannot take.
 */
export async function openEncoder(request: GraphOpenRequest, onlooker?: Onlooker): Promise<TensorGraph> {
  const settings = readSettings(request.options, request.cpus.length || availableParallelism());
  const path = modelFile(request.modelPath);
  const texts = textsOf(path, request.graph, settings);
  if ((request.adapters ?? []).length > 0)
    throw impossible('nothing is attached to an encoder.', 'Merge the adapter (mode=merged).');
  const llama = await loadLlama({ backend: settings.cpuBackend, deviceClass: request.deviceClass });
  const devices = await devicesFor(llama, request, settings);
  requireRoomForWeights(path, shareOnCpu(devices, settings, path));
  llama.log.clear();
  const opened: OpenedSoFar = { model: openModel(llama, path, settings, devices) };
  try {
    const { model } = opened;
    const context = openContext(llama, model, settings, texts, onlooker);
    opened.context = context;
    opened.threads = attachThreads(llama, context, settings);
    const { vocabularySize, modelBytes, parameters, engineFiles, environment, spread } = placedFacts(
      llama,
      { model, context },
      settings,
      devices,
    );
    const batch = batchOf(llama, vocabularySize, texts, request.graph.seed);
    return {
      facts: {
        modelBytes,
        parameters,
        kvCacheBytes: 0,
        engineFiles,
        environment,
        ...(spread !== undefined && { spread }),
      },
      warnings: [...llama.log.warnings],
      record: {
        items: texts.items,
        inputs: [{ name: 'input_ids', type: 'int32', shape: [texts.items, texts.tokens] }],
        outputs: [outputOf(llama, model, context, texts)],
      },
      call: (times) => Array.from({ length: times }, () => once(llama, context, batch)),
      close() {
        freeHandles(llama, opened);
        batch.free();
      },
    };
  } catch (error) {
    freeHandles(llama, opened);
    throw error;
  }
}

interface Texts {
  readonly items: number;
  /** Of each text. */
  readonly tokens: number;
}

function textsOf(path: string, { items, size, sizes }: GraphRequest, { ubatch, batch }: Settings): Texts {
  const { metadata } = readGgufHeader(path);
  const architecture = metadata.get('general.architecture');
  const said = (key: string) => metadata.get(`${architecture}.${key}`);
  if (said('attention.causal') !== false)
    throw impossible(
      `${basename(path)} decodes, and what llama.cpp runs as a graph are encoders.`,
      'Use the workload latency, or name an encoder such as BERT.',
    );
  const unknown = Object.keys(sizes).find((name) => name !== LENGTH);
  if (unknown !== undefined)
    throw impossible(
      `An encoder in llama.cpp has no open dimension ${unknown}; it has ${LENGTH}.`,
      'Correct sizes in the sweep.',
    );
  const tokens = sizes[LENGTH] ?? size;
  const most = said('context_length');
  if (typeof most === 'number' && tokens > most)
    throw impossible(
      `Texts of ${tokens} tokens are longer than the ${most} that ${basename(path)} has positions for.`,
      `Lower ${sizes[LENGTH] === undefined ? 'size' : 'sizes'} in the sweep.`,
    );
  // llama-context.cpp: "encoder requires n_ubatch >= n_tokens".
  if (items * tokens > Math.min(ubatch, batch))
    throw impossible(
      `An encoder reads ${items} × ${tokens} tokens at once, and ubatch allows ${Math.min(ubatch, batch)}.`,
      'Raise ubatch and batch, or lower items.',
    );
  return { items, tokens };
}

function openContext(
  llama: Llama,
  model: Pointer,
  { batch, ubatch, threads, flashAttention }: Settings,
  { items, tokens }: Texts,
  onlooker?: Onlooker,
): Pointer {
  const { functions } = llama;
  const params = functions.llama_context_default_params();
  params.n_ctx = items * tokens;
  params.n_batch = batch;
  params.n_ubatch = Math.min(ubatch, batch);
  params.n_seq_max = items;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  params.embeddings = true;
  params.flash_attn_type = FLASH[`${flashAttention}`];
  if (onlooker !== undefined) {
    params.cb_eval = onlooker.callback;
    params.cb_eval_user_data = onlooker.userData;
  }
  const context = functions.llama_init_from_model(model, params);
  if (context === null) throw new FailureError(contextFailure(tokens, items, llama.log));
  return context;
}

/** Tokens of all texts, any of the vocabulary. */
function batchOf(llama: Llama, vocabulary: number, { items, tokens }: Texts, seed: number): Batch {
  const count = items * tokens;
  const batch = new Batch(llama, count);
  const random = xoroshiro128plus(seed);
  for (let i = 0; i < count; i++) {
    batch.tokens[i] = uniformInt(random, 0, vocabulary - 1);
    batch.positions[i] = i % tokens;
    batch.sequences[i] = Math.floor(i / tokens);
    batch.outputs[i] = 1;
  }
  batch.value.n_tokens = count;
  return batch;
}

/** @returns seconds until the device has finished. */
function once(llama: Llama, context: Pointer, { value }: Batch): number {
  const begin = monotonicSeconds();
  const code = llama.functions.llama_encode(context, value);
  llama.functions.llama_synchronize(context);
  if (code === 0) return monotonicSeconds() - begin;
  const why = llama.log.errors() ?? `code ${code}`;
  throw failed('run-failed', `llama.cpp could not encode ${value.n_tokens} tokens: ${why}.`);
}

function outputOf(llama: Llama, model: Pointer, context: Pointer, { items, tokens }: Texts) {
  const { functions } = llama;
  const width = functions.llama_model_n_embd_out(model);
  const pooled = functions.llama_pooling_type(context) !== CONSTANTS.LLAMA_POOLING_TYPE_NONE;
  return {
    name: pooled ? 'sentence_embedding' : 'last_hidden_state',
    type: 'float32',
    shape: pooled ? [items, width] : [items, tokens, width],
  };
}
