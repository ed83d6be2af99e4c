import { basename } from 'node:path';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { failed } from '../../../core/errors.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { monotonicSeconds } from '../../../process/isolation/clock.js';
import { CONSTANTS, type Llama, type Pointer } from '../../native/llama.js';
import type { TensorGraph } from '../opened.js';
import type { GraphOpenRequest, GraphRequest } from '../runner.js';
import { Batch } from './batch.js';
import { freeHandles } from './handles.js';
import { type ForLlama, type Onlooker, openContext, placedFacts, withModel } from './load.js';
import { impossible, type Settings } from './settings.js';
import { attachThreads } from './threads.js';

/** What the length of texts is called in `sizes`. */
const LENGTH = 'sequence';

/**
 * Opens an encoder as a graph: texts of random tokens in, and out the states of every token or, where the
 * file says how they are pooled, one vector for each text. All texts of a run are one batch.
 * @throws FailureError with the engine's own words; `impossible-combination` for a model that decodes, and
 *   texts that it cannot take.
 */
export function openEncoder(request: ForLlama<GraphOpenRequest>, onlooker?: Onlooker): Promise<TensorGraph> {
  return withModel(
    request,
    (path, settings) => {
      const texts = textsOf(path, request.graph, settings);
      if ((request.adapters ?? []).length === 0) return texts;
      throw impossible('nothing is attached to an encoder.', 'Merge the adapter (mode=merged).');
    },
    async (opening, texts) => {
      const { llama, settings, devices, opened } = opening;
      const { model } = opened;
      const { items, tokens } = texts;
      const own = {
        n_ctx: items * tokens,
        n_seq_max: items,
        embeddings: true,
        n_batch: settings.batch,
        n_ubatch: Math.min(settings.ubatch, settings.batch),
      };
      const context = openContext(opening, own, { tokens, sequences: items }, onlooker);
      opened.context = context;
      opened.threads = attachThreads(llama, context, settings);
      const {
        vocabularySize,
        contextLength: _,
        ...facts
      } = placedFacts(llama, { model, context }, settings, devices);
      const batch = batchOf(llama, vocabularySize, texts, request.graph.seed);
      return {
        facts: { ...facts, kvCacheBytes: 0 },
        warnings: [...llama.log.warnings],
        record: {
          items,
          inputs: [{ name: 'input_ids', type: 'int32', shape: [items, tokens] }],
          outputs: [outputOf(llama, model, context, texts)],
        },
        call: (times) => Array.from({ length: times }, () => timeEncode(llama, context, batch)),
        close() {
          freeHandles(llama, opened);
          batch.free();
        },
      };
    },
  );
}

interface Texts {
  readonly items: number;
  /** Of each text. */
  readonly tokens: number;
}

function textsOf(path: string, { items, size, sizes }: GraphRequest, { ubatch, batch }: Settings): Texts {
  const { metadata } = readGgufHeader(path);
  const architecture = metadata.get('general.architecture');
  const metadataOf = (key: string) => metadata.get(`${architecture}.${key}`);
  if (metadataOf('attention.causal') !== false)
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
  const most = metadataOf('context_length');
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
function timeEncode(llama: Llama, context: Pointer, { value }: Batch): number {
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
