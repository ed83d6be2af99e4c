import { FormatError } from '../../../formats/format.js';
import type { FileTensor } from '../../../formats/gguf/header.js';
import { shown } from '../../../formats/gguf/metadata.js';
import type { Architecture, Placed } from '../safetensors-to-gguf/architecture.js';
import type { FolderConfig } from '../safetensors-to-gguf/config.js';
import { expertOf, type Weights } from '../safetensors-to-gguf/weights.js';
import type { OpenedFile } from './file.js';

/** A tensor of the folder. */
export interface PlannedTensor {
  readonly name: string;
  readonly weights: Weights;
}

/** Tensors that graphs read and that follow from a config. */
export const COMPUTED = /^rope_(?:freqs|factors_long|factors_short)\.weight$/;

/** A row of the architecture's table, read backwards. */
interface Way {
  readonly pattern: RegExp;
  /** transformers' name; `*` stands for the layer, `#` for the expert. */
  readonly from: string;
  readonly place: Placed;
}

/** @returns whether all tensors of a file have a name in a folder of this architecture. */
export function covers(architecture: Architecture, { header }: OpenedFile): boolean {
  const ways = waysBack(architecture);
  return header.tensors.every(
    ({ name }) => COMPUTED.test(name) || ways.some(({ pattern }) => pattern.test(name)),
  );
}

/**
 * Plans the tensors of a folder by the table that folders are read by, from right to left; nothing of the weights is read.
 * @throws FormatError for a tensor that has no name in a folder.
 */
export function planFolder(
  architecture: Architecture,
  config: FolderConfig,
  file: OpenedFile,
): readonly PlannedTensor[] {
  const ways = waysBack(architecture);
  return file.header.tensors.flatMap((tensor) =>
    COMPUTED.test(tensor.name) ? [] : namesOf(tensor, ways, config, file.weights),
  );
}

function namesOf(
  tensor: FileTensor,
  ways: readonly Way[],
  config: FolderConfig,
  open: OpenedFile['weights'],
): PlannedTensor[] {
  for (const { pattern, from, place } of ways) {
    const found = pattern.exec(tensor.name);
    if (found === null) continue;
    const { layer = '', kind } = found.groups ?? {};
    const weights = open(tensor);
    const whole = place.back === undefined ? weights : place.back(weights, config);
    const name = `${from.replace('*', layer)}${kind === undefined ? '' : `.${kind}`}`;
    if (!name.includes('#')) return [{ name, weights: whole }];
    return Array.from({ length: whole.shape[0] ?? 0 }, (_, expert) => ({
      name: name.replace('#', String(expert)),
      weights: expertOf(whole, expert),
    }));
  }
  throw new FormatError(`its tensor ${shown(tensor.name)} has no name in a folder of the architecture`);
}

/** Of two names for a tensor the first that can be written; one that several tensors were made of is none. */
function waysBack({ places }: Architecture): readonly Way[] {
  return Object.entries(places).flatMap(([from, to]): Way[] => {
    if (typeof to !== 'string' && !isOne(to)) return [];
    const place = typeof to === 'string' ? { to } : to;
    if (place.as !== undefined && place.back === undefined) return [];
    const whole = /\.(?:weight|bias)$/.test(place.to);
    const target = place.to.replaceAll('.', '\\.').replace('*', '(?<layer>\\d{1,4})');
    return [{ pattern: new RegExp(`^${target}${whole ? '' : '\\.(?<kind>weight|bias)'}$`), from, place }];
  });
}

const isOne = (to: Placed | readonly Placed[]): to is Placed => !Array.isArray(to);
