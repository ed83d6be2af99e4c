import type { FloatType } from '../../../core/techniques/float-types.js';
import { FormatError, shown } from '../../../formats/format.js';
import type { TensorSource } from '../../../formats/gguf/writer.js';
import type { Architecture, Placed } from './architecture.js';
import { type Kinds, requireWhole } from './checks.js';
import type { FolderConfig } from './config.js';
import type { NamedWeights } from './quantized.js';
import { bytesOf, stacked, type Weights } from './weights.js';

/** Tensors that transformers wrote beside weights: what is computed of the config anyway, and masks. */
const COMPUTED = /\.rotary_emb\.inv_freq$|\.attention\.(?:masked_)?bias$/;
/** Matrices that llama.cpp reads as float32 alone, whatever the others are (conversion/base.py). */
const ALWAYS_F32 =
  /(?:^|\.)(?:ffn_gate_inp|ffn_gate_inp_shexp|position_embd|token_types)\.weight$|_norm\.weight$/;

/** A tensor of the file, and what it is made of. */
interface Planned {
  readonly name: string;
  readonly weights: Weights;
}

/** Weights of one expert, or of none. */
interface Piece {
  readonly expert: number | null;
  readonly weights: Weights;
}

/**
 * Plans the tensors of the file; nothing of the weights is read.
 * @returns them in order: what belongs to no layer, then layer by layer.
 * @throws FormatError for a tensor that has no place, one that is missing, or one of another shape than the
 *   config says.
 */
export function planTensors(
  architecture: Architecture,
  config: FolderConfig,
  all: Iterable<NamedWeights>,
): readonly Planned[] {
  const pieces = new Map<string, Piece[]>();
  const places = compiled(architecture);
  for (const { name: stored, weights: open } of all) {
    const name = plainName(stored, architecture);
    if (COMPUTED.test(name) || architecture.unused?.(name, config) === true) continue;
    const { to, layer, expert } = placeOf(name, places);
    const weights = open();
    for (const { to: pattern, transform } of to) {
      const target = pattern.replace('*', String(layer));
      const piece = { expert, weights: transform === undefined ? weights : transform(weights, config) };
      pieces.set(target, [...(pieces.get(target) ?? []), piece]);
    }
  }
  const planned = [...pieces].map(([name, parts]) => ({ name, weights: joined(name, parts) }));
  requireWhole(byKind(planned), architecture, config);
  // Of a config that fits the tensors: what follows from it alone can be of any length.
  for (const [name, weights] of Object.entries(architecture.added?.(config) ?? {}))
    planned.push({ name, weights });
  return planned.sort((a, b) => layerOf(a.name) - layerOf(b.name) || (a.name < b.name ? -1 : 1));
}

/** @returns a planned tensor as it is written. */
export function sourceOf({ name, weights }: Planned, type: FloatType): TensorSource {
  const packed = weights.type === 'mxfp4' ? weights.type : null;
  const kept =
    packed ??
    (weights.shape.length <= 1 || ALWAYS_F32.test(name) || !name.endsWith('.weight') ? 'f32' : type);
  return { name, type: kept, shape: [...weights.shape].reverse(), data: () => bytesOf(weights, kept) };
}

/** A model beside an encoder of images, or wrapped for another task, has its name in front. */
function plainName(name: string, { classes }: Architecture): string {
  const text = name.replace(/(^|\.)language_model\./, '$1').replace(/^model\.model\./, 'model.');
  // BERT's names begin at the model itself; checkpoints of the whole class say `bert.` in front, and older
  // ones name norms otherwise.
  return classes.includes('BertModel')
    ? text
        .replace(/^bert\./, '')
        .replace(/\.gamma$/, '.weight')
        .replace(/\.beta$/, '.bias')
    : text;
}

interface Place {
  readonly pattern: RegExp;
  readonly to: readonly Placed[];
}

function compiled({ places }: Architecture): readonly Place[] {
  return Object.entries(places).map(([from, to]) => {
    const source = from
      .replaceAll('.', '\\.')
      .replace('*', '(?<layer>\\d{1,4})')
      .replace('#', '(?<expert>\\d{1,4})');
    const all = typeof to === 'string' ? [{ to }] : 'into' in to ? to.into : [to];
    const whole = all.every((one) => /\.(?:weight|bias)$/.test(one.to));
    return {
      pattern: new RegExp(`^${source}${whole ? '(?:\\.weight)?' : '\\.(?<kind>weight|bias)'}$`),
      to: all,
    };
  });
}

function placeOf(name: string, places: readonly Place[]) {
  for (const { pattern, to } of places) {
    const found = pattern.exec(name);
    if (found === null) continue;
    const { layer, expert, kind } = found.groups ?? {};
    return {
      to: to.map((one) => ({ ...one, to: kind === undefined ? one.to : `${one.to}.${kind}` })),
      layer: Number(layer ?? 0),
      expert: expert === undefined ? null : Number(expert),
    };
  }
  throw new FormatError(`its tensor ${shown(name)} has no place in llama.cpp’s graph of the architecture`);
}

/**
 * @returns one tensor, or all experts of a layer.
 * @throws FormatError for experts that are missing or there twice.
 */
function joined(name: string, parts: readonly Piece[]): Weights {
  const [first, ...others] = parts;
  if (first === undefined) throw new Error('a tensor of nothing');
  if (first.expert === null) {
    if (others.length > 0) throw new FormatError(`two of its tensors would be ${name}`);
    return first.weights;
  }
  const sorted = [...parts].sort((a, b) => Number(a.expert) - Number(b.expert));
  const gap = sorted.findIndex(({ expert }, i) => expert !== i);
  if (gap >= 0) throw new FormatError(`${name} has no expert ${gap}, or has one twice`);
  const shape = first.weights.shape.join(', ');
  const odd = sorted.find(
    ({ weights }) => weights.shape.join(', ') !== shape || weights.type !== first.weights.type,
  );
  if (odd !== undefined)
    throw new FormatError(
      `expert ${odd.expert} of ${name} is ${odd.weights.type} [${odd.weights.shape.join(', ')}], and others are ${first.weights.type} [${shape}]`,
    );
  return stacked(sorted.map(({ weights }) => weights));
}

/** −1 for a tensor of no layer. */
function layerOf(name: string): number {
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
}

/** By what they are in a layer, or in none: `attn_q.weight`. */
function byKind(planned: readonly Planned[]): Kinds {
  const kinds = new Map<string, Map<number, Weights>>();
  for (const { name, weights } of planned) {
    const kind = name.replace(/^blk\.\d+\./, '');
    const layers = kinds.get(kind) ?? new Map<number, Weights>();
    kinds.set(kind, layers.set(layerOf(name), weights));
  }
  return kinds;
}
