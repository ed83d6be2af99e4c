import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { FailureError, failed } from '../../../core/errors.js';
import { readGgufHeader } from '../../../formats/gguf/header.js';
import { CONSTANTS, type Llama, loadLlama, type Pointer } from '../../native/llama.js';
import { type Frame, framed } from '../framed-text.js';
import type { Embedder, EmbedderInput } from '../opened.js';
import type { EmbedderDemands, EmbedderRequest } from '../runner.js';
import { openAdapters, setAdapters } from './adapters.js';
import { Batch } from './batch.js';
import { freeHandles, type OpenedSoFar } from './handles.js';
import { devicesFor, FLASH, modelFile, openModel, placedFacts, shareOnCpu } from './load.js';
import { requireRoomForWeights } from './memory.js';
import { contextFailure } from './reasons.js';
import { impossible, readSettings, type Settings } from './settings.js';
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
 * Opens an encoder or a decoder for vectors of texts, or a reranker or reward model for the numbers of its head; llama.cpp pools.
 * @throws FailureError with the engine's own words; `impossible-combination` for a file that says not how it pools, or has no head.
 */
export async function openEmbedder(request: EmbedderRequest): Promise<Embedder> {
  const settings = readSettings(request.options, request.cpus.length || availableParallelism());
  const path = modelFile(request.modelPath);
  const trained = requireHead(path, request.pooling);
  const llama = await loadLlama({ backend: settings.cpuBackend, deviceClass: request.deviceClass });
  const devices = await devicesFor(llama, request, settings);
  requireRoomForWeights(path, shareOnCpu(devices, settings, path));
  llama.log.clear();
  const opened: OpenedSoFar = { model: openModel(llama, path, settings, devices) };
  try {
    const { model } = opened;
    const adapters = await openAdapters(llama, model, path, request.adapters ?? []);
    const longest = Math.min(trained ?? settings.batch, settings.batch);
    const capacity = Math.max(settings.ubatch, longest);
    const context = openContext(llama, model, settings, capacity, POOLING[request.pooling]);
    opened.context = context;
    setAdapters(llama, context, adapters);
    opened.threads = attachThreads(llama, context, settings);
    const pooling = llama.functions.llama_pooling_type(context);
    requirePooling(path, request.pooling, pooling);
    const facts = placedFacts(llama, { model, context }, settings, devices);
    return new LlamaEmbedder(llama, opened, { longest, capacity, ranks: request.pooling === 'rank' }, facts);
  } catch (error) {
    freeHandles(llama, opened);
    throw error;
  }
}

/** llama-graph.cpp asserts that a model whose head is asked for has one. @returns tokens it was trained for; null = it says nothing. */
function requireHead(path: string, pooling: EmbedderDemands['pooling']): number | null {
  const { metadata, tensors } = readGgufHeader(path);
  const has = (name: string) => tensors.some((tensor) => tensor.name === name);
  if (pooling === 'rank' && !has('cls.weight') && !has('cls.output.weight'))
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

function openContext(
  llama: Llama,
  model: Pointer,
  { threads, flashAttention }: Settings,
  capacity: number,
  pooling: number,
): Pointer {
  const { functions } = llama;
  const params = functions.llama_context_default_params();
  params.n_ctx = capacity;
  // llama-context.cpp: what pools sees a text in one piece.
  params.n_batch = capacity;
  params.n_ubatch = capacity;
  params.n_seq_max = Math.min(TOGETHER, Number(functions.llama_max_parallel_sequences()));
  // One text may take the whole cache of a decoder.
  params.kv_unified = true;
  params.n_threads = threads;
  params.n_threads_batch = threads;
  params.embeddings = true;
  params.pooling_type = pooling;
  params.flash_attn_type = FLASH[`${flashAttention}`];
  const context = functions.llama_init_from_model(model, params);
  if (context === null) throw new FailureError(contextFailure(capacity, 1, llama.log));
  return context;
}

interface Limits {
  /** Tokens of a text. */
  readonly longest: number;
  /** Of a batch. */
  readonly capacity: number;
  /** Whether its head is asked, and no vector. */
  readonly ranks: boolean;
}

class LlamaEmbedder implements Embedder {
  readonly facts: Embedder['facts'];
  readonly warnings: Embedder['warnings'];
  readonly width: number;
  readonly #llama: Llama;
  readonly #opened: OpenedSoFar;
  readonly #limits: Limits;
  readonly #vocabulary: LlamaVocabulary;
  readonly #frame: Frame;
  readonly #batch: Batch;
  readonly #sequences: number;

  constructor(llama: Llama, opened: OpenedSoFar, limits: Limits, facts: Embedder['facts']) {
    const { functions } = llama;
    this.facts = facts;
    this.warnings = [...llama.log.warnings];
    this.width = limits.ranks
      ? functions.llama_model_n_cls_out(opened.model)
      : functions.llama_model_n_embd_out(opened.model);
    this.#llama = llama;
    this.#opened = opened;
    this.#limits = limits;
    this.#vocabulary = new LlamaVocabulary(llama, opened.model);
    this.#frame = frameOf(llama, opened.model, this.#vocabulary);
    this.#batch = new Batch(llama, limits.capacity);
    this.#sequences = functions.llama_n_seq_max(opened.context!);
  }

  cut(text: string, second?: string): EmbedderInput {
    const plain = (words: string) => this.#vocabulary.tokenize(words, false, true);
    return framed(
      this.#frame,
      this.#limits.longest,
      plain(text),
      second === undefined ? null : plain(second),
    );
  }

  embed(texts: readonly EmbedderInput[]): Float32Array[] {
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; ) {
      let [to, tokens] = [from, 0];
      while (to < texts.length && to - from < this.#sequences) {
        const { length } = texts[to]!.tokens;
        if (to > from && tokens + length > this.#limits.capacity) break;
        tokens += length;
        to += 1;
      }
      vectors.push(...this.#together(texts.slice(from, to)));
      from = to;
    }
    return vectors;
  }

  close(): void {
    freeHandles(this.#llama, this.#opened);
    this.#batch.free();
  }

  #together(texts: readonly EmbedderInput[]): Float32Array[] {
    const { functions } = this.#llama;
    const context = this.#opened.context!;
    const { tokens, positions, sequences, outputs, value } = this.#batch;
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
    if (code !== 0) {
      const why = this.#llama.log.errors() ?? `code ${code}`;
      throw failed('run-failed', `llama.cpp could not read ${used} tokens: ${why}.`);
    }
    return texts.map((_, s) => {
      const address = functions.llama_get_embeddings_seq(context, s);
      if (address === null) throw failed('run-failed', 'llama.cpp gave no vector.');
      return new Float32Array(this.#llama.bytes(address, 4 * this.width)).slice();
    });
  }
}

/** What a vocabulary puts around a text, seen in what it makes of one; between two, XLM-RoBERTa has its mark twice. */
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
