import { knownTensorType } from '../../../core/techniques/tensor-types.js';
import type { Llama, Pointer } from '../../native/llama.js';
import type { LoadedFacts } from '../opened.js';
import type { Settings } from './settings.js';

/**
 * @returns bytes that one token of one sequence adds to the attention cache of one layer; null for models
 * that have none, or whose latent cache is in the old form. Layers are taken to be alike.
 */
function kvBytesPerLayer(llama: Llama, model: Pointer, k: string, v: string): number | null {
  const { functions } = llama;
  const kvHeads = functions.llama_model_n_head_kv(model);
  if (kvHeads === 0) return null;
  const width = functions.llama_model_n_embd(model) / functions.llama_model_n_head(model);
  const architecture = metadata(llama, model, 'general.architecture');
  const attentionMetadata = (name: string) => metadata(llama, model, `${architecture}.attention.${name}`);
  const length = (name: string) => Number(attentionMetadata(name) ?? width);
  const row = (type: string, elements: number) =>
    Number(functions.ggml_row_size(knownTensorType(type).number, elements));
  const keys = row(k, kvHeads * length('key_length'));
  // Latent attention: llama-kv-cache.cpp keeps one vector, which is both.
  if (attentionMetadata('key_length_mla') !== null) return keys;
  if (attentionMetadata('kv_lora_rank') !== null) return null;
  return keys + row(v, kvHeads * length('value_length'));
}

/**
 * @returns bytes that one token of one sequence adds to the cache of all layers; null for models whose cache
 * does not grow with every token in every layer (a sliding window, a recurrent state).
 */
export function kvBytesPerToken(llama: Llama, model: Pointer, k: string, v: string): number | null {
  const architecture = metadata(llama, model, 'general.architecture');
  if (metadata(llama, model, `${architecture}.attention.sliding_window`) !== null) return null;
  const perLayer = kvBytesPerLayer(llama, model, k, v);
  return perLayer === null ? null : llama.functions.llama_model_n_layer(model) * perLayer;
}

/** @returns whether a model keeps a state that is no list of tokens, none of which can be taken out alone. */
export function keepsState({ functions }: Pick<Llama, 'functions'>, model: Pointer): boolean {
  return functions.llama_model_is_recurrent(model) || functions.llama_model_is_hybrid(model);
}

/**
 * The size of the KV cache. The engine prints it with two decimals of a MiB, a line for the layers that see
 * all tokens and one for those with a window; where bytes per layer agree with that, their exact value is
 * given, otherwise the printed one.
 */
function kvCacheBytes(llama: Llama, perLayer: number | null): number | null {
  const pattern = /size =\s+([\d.]+) MiB \(\s*(\d+) cells,\s*(\d+) layers,\s*\d+\/(\d+) seqs\)/;
  const lines = llama.log.lines.flatMap(({ text }) => [...text.matchAll(new RegExp(pattern, 'g'))]);
  if (lines.length === 0) return null;
  const printed = lines.reduce((sum, line) => sum + Number(line[1]), 0) * 2 ** 20;
  const cells = lines.reduce((sum, line) => sum + Number(line[2]) * Number(line[3]) * Number(line[4]), 0);
  const exact = cells * (perLayer ?? Number.NaN);
  return Math.abs(exact - printed) <= lines.length * 0.011 * 2 ** 20 ? exact : Math.round(printed);
}

/** @returns what the engine says of the model and of itself, for the record. */
export function readFacts(
  llama: Llama,
  model: Pointer,
  context: Pointer,
  settings: Settings,
  device: string,
): LoadedFacts {
  const { functions, log } = llama;
  const flash = log.find(/Flash Attention (?:not supported, set to )?(enabled|disabled)/);
  return {
    modelBytes: Number(functions.llama_model_size(model)),
    parameters: Number(functions.llama_model_n_params(model)),
    kvCacheBytes: kvCacheBytes(
      llama,
      kvBytesPerLayer(llama, model, settings.kvCacheTypeK, settings.kvCacheTypeV),
    ),
    engineFiles: llama.files,
    vocabularySize: functions.llama_vocab_n_tokens(functions.llama_model_get_vocab(model)),
    contextLength: functions.llama_n_ctx_seq(context),
    environment: {
      engine: `llama.cpp ${llama.release}`,
      engineDevice: device,
      cpuLibrary: llama.cpuLibrary,
      cpuBackend: settings.cpuBackend,
      openmp: systemInfo(llama).split(' ').includes('OPENMP'),
      threads: settings.threads,
      flashAttentionUsed:
        settings.flashAttention === 'auto'
          ? flash === null
            ? null
            : flash === 'enabled'
          : settings.flashAttention,
      kvCacheRotated: rotatedCaches(log),
      cpuFeatures: systemInfo(llama),
    },
  };
}

/** @returns what the engine says that it rotates: `keys`, `values`, `keys and values`, or `nothing`. */
function rotatedCaches(log: Llama['log']): string {
  const rotated = (['k', 'v'] as const).filter(
    (which) => log.find(new RegExp(`attn_rot_${which} = (1)`)) !== null,
  );
  return rotated.map((which) => (which === 'k' ? 'keys' : 'values')).join(' and ') || 'nothing';
}

/** @returns a metadata value of the model file as text, or null when it has none. */
export function metadata(llama: Llama, model: Pointer, key: string): string | null {
  const size = 512;
  const room = llama.allocate('uint8_t', size);
  const length = llama.functions.llama_model_meta_val_str(model, key, room, size);
  const text =
    length < 0 ? null : Buffer.from(llama.bytes(room, Math.min(length, size - 1))).toString('utf8');
  llama.free(room);
  return text;
}

/** `CPU : SSE3 = 1 | AVX = 1 |` → `SSE3 AVX`. */
export function systemInfo(llama: Llama): string {
  const text = llama.functions.llama_print_system_info() ?? '';
  return [...text.matchAll(/(\w+) = 1\b/g)].map((m) => m[1]).join(' ');
}
