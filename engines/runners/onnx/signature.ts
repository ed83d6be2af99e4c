import { type FailureError, failed } from '../../../core/errors.js';
import { KEPT_LOGITS } from '../../../formats/onnx/model.js';
import { spelled, type TensorInfo } from '../../native/onnxruntime/tensors.js';

/** One tensor of the cache, as it goes in and comes out. */
export interface CacheTensor {
  readonly past: TensorInfo;
  readonly present: TensorInfo;
  /** Axis of tokens: the last of those whose size is open. */
  readonly tokenAxis: number;
  /** Axis of sequences: the first of those; null = the graph is for one alone. */
  readonly batchAxis: number | null;
}

/** What a decoder's graph asks for and gives, by the names that exporters use. */
export interface Signature {
  readonly ids: TensorInfo;
  readonly mask: TensorInfo | null;
  readonly positions: TensorInfo | null;
  /** Of Optimum's merged decoders: whether there is a cache yet. */
  readonly useCache: TensorInfo | null;
  /**
   * GroupQueryAttention's own inputs, where a graph hands them on: tokens of each sequence but one, and of
   * the longest.
   */
  readonly lastPosition: TensorInfo | null;
  readonly totalLength: TensorInfo | null;
  /** How many rows of logits are wanted, counted from the end. */
  readonly keptLogits: TensorInfo | null;
  readonly logits: TensorInfo;
  /** In the order of the graph's inputs; empty = it has no cache. */
  readonly cache: readonly CacheTensor[];
  readonly vocabularySize: number;
  /** Whether each token of a pass has a row of logits, or the last alone. */
  readonly allLogits: boolean;
}

/** Inputs by name: Optimum and transformers.js, onnxruntime-genai, ORT's own tools. */
const NAMES = {
  input_ids: 'ids',
  attention_mask: 'mask',
  position_ids: 'positions',
  use_cache_branch: 'useCache',
  seqlens_k: 'lastPosition',
  total_sequence_length: 'totalLength',
  total_seq_len: 'totalLength',
  [KEPT_LOGITS[0]]: 'keptLogits',
  [KEPT_LOGITS[1]]: 'keptLogits',
} as const;

/** Names of the cache, and what comes out for what goes in. */
const CACHES: readonly (readonly [RegExp, string])[] = [
  [/^past_key_values\.(\d+)\.(key|value)$/, 'present.$1.$2'],
  [/^past\.(\d+)\.(key|value)$/, 'present.$1.$2'],
  [/^past_(key|value)s?_(\d+)$/, 'present_$1_$2'],
  [/^past_(\d+)$/, 'present_$1'],
];

/**
 * @param optional inputs that have a value where none is given: those that are known are used.
 * @throws FailureError `model-unsupported` with what is no decoder's.
 */
export function signatureOf(
  inputs: readonly TensorInfo[],
  outputs: readonly TensorInfo[],
  optional: readonly TensorInfo[] = [],
): Signature {
  const found: { -readonly [N in (typeof NAMES)[keyof typeof NAMES]]?: TensorInfo } = {};
  const cache: CacheTensor[] = [];
  const roleOf = ({ name }: TensorInfo) =>
    Object.hasOwn(NAMES, name) ? NAMES[name as keyof typeof NAMES] : null;
  for (const input of optional) if (roleOf(input) === 'keptLogits') found.keptLogits = input;
  for (const input of inputs) {
    const role = roleOf(input);
    if (role !== null) found[role] = input;
    else cache.push(cacheTensor(input, outputs));
  }
  const logits = outputs.find(({ name }) => name === 'logits');
  if (found.ids === undefined || logits === undefined) {
    const list = (tensors: readonly TensorInfo[]) => tensors.map(({ name }) => name).join(', ') || 'nothing';
    const has = `it takes ${list(inputs)} and gives ${list(outputs)}`;
    throw unsupported(`${has}, and a decoder takes input_ids and gives logits`);
  }
  const vocabularySize = logits.shape.at(-1);
  if (typeof vocabularySize !== 'number') throw unsupported('its logits do not say how wide they are');
  const { ids, mask = null, positions = null, useCache = null } = found;
  const { lastPosition = null, totalLength = null, keptLogits = null } = found;
  const given = { ids, mask, positions, useCache, lastPosition, totalLength, keptLogits };
  const allLogits = logits.shape.length === 3 && logits.shape[1] !== 1;
  return { ...given, logits, cache, vocabularySize, allLogits };
}

function cacheTensor(past: TensorInfo, outputs: readonly TensorInfo[]): CacheTensor {
  const [pattern, template] = CACHES.find(([names]) => names.test(past.name)) ?? [null, ''];
  const other = `it also takes ${past.name}, a ${spelled(past)}, which is neither tokens, mask, positions nor cache`;
  if (pattern === null) throw unsupported(other);
  const name = past.name.replace(pattern, template);
  const present = outputs.find((output) => output.name === name);
  if (present === undefined) throw unsupported(`it takes ${past.name} and gives no ${name}`);
  const open = past.shape.flatMap((size, axis) => (typeof size === 'number' ? [] : [axis]));
  const [first] = open;
  const tokenAxis = open.at(-1);
  if (first === undefined || tokenAxis === undefined || open.length > 2)
    throw unsupported(
      `its cache ${past.name} is ${spelled(past)}, and sequences and tokens alone may be open`,
    );
  return { past, present, tokenAxis, batchAxis: open.length === 1 ? null : first };
}

function unsupported(reason: string): FailureError {
  const hint =
    'Export it for text generation, by Optimum or onnxruntime-genai, or measure it as a graph with the workload inference.';
  return failed('model-unsupported', `The graph is no decoder that can be driven: ${reason}.`, hint);
}
