import { basename } from 'node:path';
import { failed } from '../../core/errors.js';
import type { AxisValue } from '../../core/experiment/experiment.js';
import { copyGguf, readMetadataValue } from '../../formats/gguf/copy.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import type { GgufValue } from '../../formats/gguf/value.js';

export interface CutRequest {
  readonly inputPath: string;
  readonly outputPath: string;
  /** Layers that stay, from the first on. */
  readonly kept: number;
}

/**
 * Writes a copy of a model that ends behind one of its layers: tensors of later ones are left out, and what
 * its header says of each layer is cut to those that stay. All other bytes are the same, so the layers that
 * stay compute what they computed.
 * @throws FailureError `impossible-combination` where the model has fewer layers; `disk-full`.
 */
export async function cutLayers(request: CutRequest): Promise<Readonly<Record<string, AxisValue>>> {
  const { inputPath, outputPath, kept } = request;
  const { metadata: facts, spans } = readGgufHeader(inputPath);
  const prefix = `${String(facts.get('general.architecture'))}.`;
  const layers = Number(facts.get(`${prefix}block_count`));
  const message = `${basename(inputPath)} has ${layers} layers, and ${kept} are to stay`;
  if (!(kept <= layers))
    throw failed('impossible-combination', message, `Choose layers first:${layers} or fewer.`);
  const metadata = new Map<string, GgufValue>([[`${prefix}block_count`, { type: 'u32', value: kept }]]);
  for (const key of spans.keys()) {
    if (!key.startsWith(prefix)) continue;
    const value = await readMetadataValue(inputPath, key);
    if (value?.type === 'array' && value.values.length === layers)
      metadata.set(key, { ...value, values: value.values.slice(0, kept) } as GgufValue);
  }
  await copyGguf(inputPath, outputPath, { metadata, keep: (tensor) => stays(tensor, kept) });
  return { layersBefore: layers, layers: kept };
}

/** Tensors of a layer are `blk.N.…`. */
function stays(tensor: string, kept: number): boolean {
  const [, layer] = /^blk\.(\d+)\./.exec(tensor) ?? [];
  return layer === undefined || Number(layer) < kept;
}
