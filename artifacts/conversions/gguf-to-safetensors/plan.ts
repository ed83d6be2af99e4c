import { FormatError, shown } from '../../../formats/format.js';
import type { FileTensor } from '../../../formats/gguf/header.js';
import type { Architecture, Placed } from '../safetensors-to-gguf/architecture.js';
import { ARCHITECTURES } from '../safetensors-to-gguf/architectures/index.js';
import type { FolderConfig } from '../safetensors-to-gguf/config.js';
import { MXFP4_END } from '../safetensors-to-gguf/mxfp4.js';
import { expertOf, type Weights } from '../safetensors-to-gguf/weights.js';
import type { OpenedFile } from './file.js';

/** A tensor of the folder; one of MXFP4 is written as two. */
export interface PlannedTensor {
  readonly name: string;
  readonly weights: Weights;
}

/** Tensors that graphs read and that follow from a config. */
export const COMPUTED = /^rope_(?:freqs|factors_long|factors_short)\.weight$/;

/** A row of the architecture's table, read backwards. */
interface Way {
  /** Tensors of the file that it is made of: `*` stands for the layer. */
  readonly parts: readonly { readonly to: string; readonly pattern: RegExp }[];
  /** transformers' name; `*` stands for the layer, `#` for the expert. */
  readonly from: string;
  /** Whether blocks of MXFP4 go this way, or floats. */
  readonly blocks: boolean;
  readonly inverse: (parts: readonly Weights[], config: FolderConfig) => Weights;
}

/** @returns whether all tensors of a file have a name in a folder of this architecture. */
export function covers(architecture: Architecture, { header, keys }: OpenedFile): boolean {
  const ways = waysBack(architecture);
  const named = (tensor: FileTensor) =>
    COMPUTED.test(tensor.name) || ways.some((way) => partOf(way, tensor) !== null);
  return architecture.claims?.(keys) !== false && header.tensors.every(named);
}

/** @returns whether a tensor is blocks that are written as they are by an architecture of the name. */
export function keepsBlocks(name: unknown, tensor: FileTensor): boolean {
  const ways = Object.values(ARCHITECTURES).flatMap((one) => (one.gguf === name ? waysBack(one) : []));
  return isBlocks(tensor) && ways.some((way) => partOf(way, tensor) !== null);
}

/**
 * Plans the tensors of a folder by the table that folders are read by, from right to left; nothing of the
 * weights is read.
 * @throws FormatError for a tensor that has no name in a folder, or lacks one that it is joined with.
 */
export function planFolder(architecture: Architecture, config: FolderConfig, file: OpenedFile) {
  const { tensors } = file.header;
  const named = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const planning = { ways: waysBack(architecture), tensors: named, config, open: file.weights };
  return tensors.flatMap((tensor) => (COMPUTED.test(tensor.name) ? [] : writtenOf(tensor, planning)));
}

interface Planning {
  readonly ways: readonly Way[];
  readonly tensors: ReadonlyMap<string, FileTensor>;
  readonly config: FolderConfig;
  readonly open: OpenedFile['weights'];
}

/** @returns nothing for a tensor that is joined with one before it. */
function writtenOf(tensor: FileTensor, { ways, tensors, config, open }: Planning): PlannedTensor[] {
  for (const way of ways) {
    const part = partOf(way, tensor);
    if (part === null) continue;
    if (part.at > 0) return [];
    const { layer, kind } = part;
    const nameIn = (name: string) => `${name.replace('*', layer)}${kind === undefined ? '' : `.${kind}`}`;
    const weights = way.parts.map(({ to }) => {
      const found = tensors.get(nameIn(to));
      if (found === undefined) throw new FormatError(`it has ${tensor.name} and no ${nameIn(to)}`);
      return open(found);
    });
    const whole = way.inverse(weights, config);
    const name = nameIn(way.from);
    if (!name.includes('#')) return [{ name, weights: whole }];
    return Array.from({ length: whole.shape[0] ?? 0 }, (_, expert) => ({
      name: name.replace('#', String(expert)),
      weights: expertOf(whole, expert),
    }));
  }
  throw new FormatError(`its tensor ${shown(tensor.name)} has no name in a folder of the architecture`);
}

/** @returns which part of a way a tensor is; null = of none. */
function partOf({ parts, blocks }: Way, tensor: FileTensor) {
  if (blocks !== isBlocks(tensor)) return null;
  for (const [at, { pattern }] of parts.entries()) {
    const found = pattern.exec(tensor.name);
    if (found !== null) return { at, layer: found.groups?.layer ?? '', kind: found.groups?.kind };
  }
  return null;
}

const isBlocks = ({ type }: FileTensor) => type === 'mxfp4';

/** Of two names for a tensor the first that can be written. */
function waysBack({ places }: Architecture): readonly Way[] {
  return Object.entries(places).flatMap(([from, place]): Way[] => {
    const one = typeof place === 'string' ? { to: place } : place;
    const into = 'into' in one ? one.into : [one];
    const inverse = 'into' in one ? one.joined : backOfOne(one);
    if (inverse === undefined) return [];
    const whole = into.every(({ to }) => /\.(?:weight|bias)$/.test(to));
    const parts = into.map(({ to }) => {
      const target = to.replaceAll('.', '\\.').replace('*', '(?<layer>\\d{1,4})');
      return { to, pattern: new RegExp(`^${target}${whole ? '' : '\\.(?<kind>weight|bias)'}$`) };
    });
    return [{ from, parts, blocks: from.endsWith(MXFP4_END), inverse }];
  });
}

function backOfOne({ transform, inverse }: Placed): Way['inverse'] | undefined {
  if (transform !== undefined && inverse === undefined) return undefined;
  return ([weights], config) => (inverse === undefined ? weights! : inverse(weights!, config));
}
