import type { Llama, Pointer } from '../../native/llama.js';
import type { LoadedFacts } from '../runner.js';
import { KV_TYPES, type KvType, type Settings } from './settings.js';

/**
 * @returns bytes that one token of one sequence adds to a plain attention cache; null for models whose
 * cache is something else (a sliding window, a compressed latent, a recurrent state).
 */
export function kvBytesPerToken(llama: Llama, model: Pointer, k: KvType, v: KvType): number | null {
  const { functions } = llama;
  const layers = functions.llama_model_n_layer(model);
  const kvHeads = functions.llama_model_n_head_kv(model);
  const width = functions.llama_model_n_embd(model) / functions.llama_model_n_head(model);
  const architecture = metadata(llama, model, 'general.architecture');
  const special = ['sliding_window', 'kv_lora_rank'].map((name) => `${architecture}.attention.${name}`);
  if (kvHeads === 0 || special.some((key) => metadata(llama, model, key) !== null)) return null;
  const length = (name: string) =>
    Number(metadata(llama, model, `${architecture}.attention.${name}`) ?? width);
  const row = (type: KvType, elements: number) => Number(functions.ggml_row_size(KV_TYPES[type], elements));
  return layers * (row(k, kvHeads * length('key_length')) + row(v, kvHeads * length('value_length')));
}

/**
 * The size of the KV cache. The engine prints it with two decimals of a MiB; where the formula for plain
 * attention agrees with that, its exact value is given, otherwise the printed one.
 */
export function kvCacheBytes(llama: Llama, perToken: number | null): number | null {
  const pattern = /size =\s+([\d.]+) MiB \(\s*(\d+) cells,\s*\d+ layers,\s*\d+\/(\d+) seqs\)/;
  const lines = llama.log.lines.flatMap(({ text }) => [...text.matchAll(new RegExp(pattern, 'g'))]);
  if (lines.length === 0) return null;
  const printed = lines.reduce((sum, line) => sum + Number(line[1]), 0) * 2 ** 20;
  const cells = Number(lines[0]?.[2]) * Number(lines[0]?.[3]);
  const exact = cells * (perToken ?? Number.NaN);
  return Math.abs(exact - printed) <= 0.011 * 2 ** 20 ? exact : Math.round(printed);
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
      kvBytesPerToken(llama, model, settings.kvCacheTypeK, settings.kvCacheTypeV),
    ),
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
      cpuFeatures: systemInfo(llama),
    },
  };
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
