import { basename } from 'node:path';
import { failed } from '../../../core/errors.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { CONSTANTS, type Llama, type Pointer } from '../../native/llama.js';
import { type Frame, framed } from '../framed-text.js';
import type { Embedder, EmbedderInput } from '../opened.js';
import type { EmbedderDemands, EmbedderRequest } from '../runner.js';
import { openAdapters, setAdapters } from './adapters.js';
import { Batch } from './batch.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { type ForLlama, openContext, placedFacts, withModel } from './load.js';
import { impossible } from './settings.js';
import { attachThreads } from './threads.js';
import { LlamaVocabulary } from './vocabulary.js';

const POOLING: Readonly<Record<EmbedderDemands['pooling'], number>> = {
  model: CONSTANTS.LLAMA_POOLING_TYPE_UNSPECIFIED,
  mean: CONSTANTS.LLAMA_POOLING_TYPE_MEAN,
  cls: CONSTANTS.LLAMA_POOLING_TYPE_CLS,
  last: CONSTANTS.LLAMA_POOLING_TYPE_LAST,
  rank: CONSTANTS.LLAMA_POOLING_TYPE_RANK,
};

/** Texts of one batch at most. */
const TOGETHER = 32;

/**
 * Opens an encoder or a decoder for vectors of texts, or a reranker or reward model for the numbers of its
 * head; llama.cpp pools.
 * @throws FailureError with the engine's own words; `impossible-combination` for a file that says not how it
 *   pools, or has no head.
 */
export function openEmbedder(request: ForLlama<EmbedderRequest>): Promise<Embedder> {
  return withModel(
    request,
    (path) => requireHead(path, request.pooling),
    async (opening, trained) => {
      const { llama, settings, path, devices, opened } = opening;
      const { model } = opened;
      const { functions } = llama;
      const adapters = await openAdapters(llama, model, path, request.adapters ?? []);
      const longest = Math.min(trained ?? settings.batch, settings.batch);
      const capacity = Math.max(settings.ubatch, longest);
      const own = {
        // llama-context.cpp: what pools sees a text in one piece.
        n_ctx: capacity,
        n_batch: capacity,
        n_ubatch: capacity,
        n_seq_max: Math.min(TOGETHER, Number(functions.llama_max_parallel_sequences())),
        // One text may take the whole cache of a decoder.
        kv_unified: true,
        embeddings: true,
        pooling_type: POOLING[request.pooling],
      };
      const context = openContext(opening, own, { tokens: capacity, sequences: 1 });
      opened.context = context;
      setAdapters(llama, context, adapters);
      opened.threads = attachThreads(llama, context, settings);
      requirePooling(path, request.pooling, functions.llama_pooling_type(context));
      const facts = placedFacts(llama, { model, context }, settings, devices);
      return embedderOf(llama, opened, { longest, capacity, ranks: request.pooling === 'rank' }, facts);
    },
  );
}

/**
 * llama-graph.cpp asserts that a model whose head is asked for has one.
 * @returns tokens it was trained for; null = it says nothing.
 */
function requireHead(path: string, pooling: EmbedderDemands['pooling']): number | null {
  const { metadata, tensors } = readGgufHeader(path);
  const hasTensor = (name: string) => tensors.some((tensor) => tensor.name === name);
  if (pooling === 'rank' && !hasTensor('cls.weight') && !hasTensor('cls.output.weight'))
    throw impossible(
      `${basename(path)} has no head that ranks (cls.weight, cls.output.weight).`,
      'Name a cross-encoder or a reward model, or rank by embeddings or by prompts.',
    );
  const said = metadata.get(`${metadata.get('general.architecture')}.context_length`);
  return typeof said === 'number' ? said : null;
}

function requirePooling(path: string, asked: EmbedderDemands['pooling'], found: number): void {
  if (asked !== 'model') return;
  if (found !== CONSTANTS.LLAMA_POOLING_TYPE_NONE && found !== CONSTANTS.LLAMA_POOLING_TYPE_RANK) return;
  throw impossible(
    `${basename(path)} does not say how the states of its tokens become one vector.`,
    'Set pooling to mean, cls or last, as the model’s card says.',
  );
}

interface Limits {
  /** Tokens of a text. */
  readonly longest: number;
  /** Of a batch. */
  readonly capacity: number;
  /** Whether its head is asked, and no vector. */
  readonly ranks: boolean;
}

function embedderOf(
  llama: Llama,
  opened: OpenedSoFar,
  { longest, capacity, ranks }: Limits,
  facts: Embedder['facts'],
): Embedder {
  const { functions } = llama;
  const vocabulary = new LlamaVocabulary(llama, opened.model);
  const frame = frameOf(llama, opened.model, vocabulary);
  const batch = new Batch(llama, capacity);
  const most = functions.llama_n_seq_max(opened.context!);
  const width = ranks
    ? functions.llama_model_n_cls_out(opened.model)
    : functions.llama_model_n_embd_out(opened.model);
  const plain = (words: string) => vocabulary.tokenize(words, false, true);
  return {
    facts,
    warnings: [...llama.log.warnings],
    width,
    cut: (text, second) => framed(frame, longest, plain(text), second === undefined ? null : plain(second)),
    embed(texts) {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; ) {
        let [to, tokens] = [from, 0];
        while (to < texts.length && to - from < most) {
          const { length } = texts[to]!.tokens;
          if (to > from && tokens + length > capacity) break;
          tokens += length;
          to += 1;
        }
        vectors.push(...vectorsOf(llama, opened.context!, batch, texts.slice(from, to), width));
        from = to;
      }
      return vectors;
    },
    close() {
      freeHandles(llama, opened);
      batch.free();
    },
  };
}

/** Reads texts in one batch. */
function vectorsOf(
  { functions, log, bytes }: Llama,
  context: Pointer,
  { tokens, positions, sequences, outputs, value }: Batch,
  texts: readonly EmbedderInput[],
  width: number,
): Float32Array[] {
  let used = 0;
  for (const [s, text] of texts.entries()) {
    for (const [position, token] of text.tokens.entries()) {
      tokens[used] = token;
      positions[used] = position;
      sequences[used] = s;
      outputs[used] = 1;
      used += 1;
    }
  }
  value.n_tokens = used;
  const memory = functions.llama_get_memory(context);
  if (memory !== null) functions.llama_memory_clear(memory, false);
  // Models without a cache are encoded by it.
  const code = functions.llama_decode(context, value);
  functions.llama_synchronize(context);
  if (code !== 0)
    throw failed('run-failed', `llama.cpp could not read ${used} tokens: ${log.errors() ?? `code ${code}`}.`);
  return texts.map((_, s) => {
    const address = functions.llama_get_embeddings_seq(context, s);
    if (address === null) throw failed('run-failed', 'llama.cpp gave no vector.');
    return new Float32Array(bytes(address, 4 * width)).slice();
  });
}

/**
 * What a vocabulary puts around a text, seen in what it makes of one; between two, XLM-RoBERTa has its mark
 * twice.
 */
function frameOf({ functions }: Llama, model: Pointer, vocabulary: LlamaVocabulary): Frame {
  const [plain, whole] = [vocabulary.tokenize('a', false, true), vocabulary.tokenize('a', true, true)];
  const at = whole.findIndex((_, i) => plain.every((token, k) => whole[i + k] === token));
  const own = functions.llama_model_get_vocab(model);
  const twice = functions.llama_vocab_get_add_eos(own) && functions.llama_vocab_get_add_sep(own);
  return {
    begin: [...whole.subarray(0, Math.max(0, at))],
    end: [...whole.subarray(Math.max(0, at) + plain.length)],
    between: twice ? [functions.llama_vocab_sep(own)] : [],
  };
}
