import { type FailureError, failed } from '../../../core/errors.js';
import type { Llama } from '../../native/llama.js';
import type { HeadKeys } from '../key-scores.js';
import type { Handles } from './handles.js';

/** Keys of a sequence as the cache has them. */
export interface CachedKeys {
  /** Position in the sequence of each cell. */
  readonly positions: readonly number[];
  /** Keys of one head after the other, over all layers; the next overwrites the one before it. */
  heads(): Iterable<HeadKeys>;
}

/** ggml's numbers of the types that can be read here, and how wide they are. */
const FLOATS = { 0: 4, 1: 2, 30: 2 } as const;

/**
 * Reads the keys of a sequence out of the engine's state (`llama_state_seq_get_data`, llama.cpp v0.4.0,
 * llama-kv-cache.cpp: state_write): two numbers of the format, the number of streams; of each stream its
 * cells, of each cell its position and sequences; then keys layer by layer, then values, which are copied
 * and not looked at.
 * @throws FailureError `model-unsupported` for a cache that is laid out otherwise.
 */
export function readCachedKeys(
  llama: Llama,
  { model, context }: Pick<Handles, 'model' | 'context'>,
  sequence: number,
): CachedKeys {
  const { functions } = llama;
  const size = Number(functions.llama_state_seq_get_size(context, sequence));
  const address = llama.allocate('uint8_t', Math.max(1, size));
  try {
    const written = Number(functions.llama_state_seq_get_data(context, address, size, sequence));
    const bytes = new Uint8Array(llama.bytes(address, size)).slice(0, written);
    const kvHeads = functions.llama_model_n_head_kv(model);
    return keysIn(bytes, { layers: functions.llama_model_n_layer(model), kvHeads }, (type, row) =>
      floatsOf(llama, type, row),
    );
  } finally {
    llama.free(address);
  }
}

/** Reads the numbers of a state one after the other. */
class StateReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  int(): number {
    return this.#view.getInt32(this.#skip(4), true);
  }

  long(): number {
    return Number(this.#view.getBigUint64(this.#skip(8), true));
  }

  take(count: number): Uint8Array {
    const at = this.#skip(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** @returns where it stood. */
  #skip(count: number): number {
    const at = this.#at;
    if (!(count >= 0) || at + count > this.#bytes.length) throw unreadableLayout();
    this.#at += count;
    return at;
  }
}

/** @param toFloats of the bytes of a layer, by ggml's number of their type; null = it cannot be read. */
export function keysIn(
  bytes: Uint8Array,
  model: { readonly layers: number; readonly kvHeads: number },
  toFloats: (type: number, bytes: Uint8Array) => Float32Array | null,
): CachedKeys {
  const reader = new StateReader(bytes);
  reader.take(8);
  const streams = reader.int();
  let cells = 0;
  for (let stream = 0; cells === 0; stream++) {
    if (stream >= streams) throw unreadableLayout();
    cells = reader.int();
  }
  const positions = Array.from({ length: cells }, () => {
    const position = reader.int();
    reader.take(4 * reader.int());
    return position;
  });
  reader.int();
  const layers = reader.int();
  if (layers !== model.layers) throw unreadableLayout();
  const perLayer = Array.from({ length: layers }, () => {
    const type = reader.int();
    const rowBytes = reader.long();
    return { type, bytes: reader.take(rowBytes * cells) };
  });
  return {
    positions,
    *heads() {
      for (const layer of perLayer) {
        const floats = toFloats(layer.type, layer.bytes);
        const width = (floats?.length ?? 0) / (cells * model.kvHeads);
        if (floats === null || !(Number.isInteger(width) && width > 0)) throw unreadableLayout();
        yield* headsOf(floats, { cells, kvHeads: model.kvHeads, width });
      }
    },
  };
}

/** A row of the cache has the keys of all heads of a token. */
function* headsOf(
  floats: Float32Array,
  { cells, kvHeads, width }: { readonly cells: number; readonly kvHeads: number; readonly width: number },
): Iterable<HeadKeys> {
  const keys = new Float32Array(cells * width);
  for (let head = 0; head < kvHeads; head++) {
    for (let cell = 0; cell < cells; cell++) {
      const from = (cell * kvHeads + head) * width;
      keys.set(floats.subarray(from, from + width), cell * width);
    }
    yield { keys, width };
  }
}

function floatsOf(llama: Llama, type: number, bytes: Uint8Array): Float32Array | null {
  const width = FLOATS[type as keyof typeof FLOATS];
  if (width === undefined) return null;
  const count = bytes.length / width;
  if (width === 4) return new Float32Array(bytes.slice().buffer);
  const { ggml_fp16_to_fp32_row: fromHalf, ggml_bf16_to_fp32_row: fromBrain } = llama.functions;
  const floats = new Float32Array(new ArrayBuffer(4 * count));
  // Memory that the engine reads must not move; `slice` makes a buffer of its own.
  (type === 1 ? fromHalf : fromBrain)(bytes.slice(), floats, count);
  return floats;
}

const unreadableLayout = (): FailureError =>
  failed(
    'model-unsupported',
    'The cache of this model is laid out in a way that its keys cannot be read from.',
    'Use eviction: streaming, which reads none.',
  );
