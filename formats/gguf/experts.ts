import { expertName } from '../../core/techniques/pruning/plan.js';
import type { FileTensor, TensorInfo } from './header.js';

/** @returns whether a tensor has all experts of a layer: inputs, outputs, experts. */
export function isExperts({ name, shape }: TensorInfo): boolean {
  return name.endsWith('_exps.weight') && shape.length === 3;
}

/**
 * @returns a tensor of experts as their matrices (`expertName`), which follow each other in the file; any
 *   other as it is.
 */
export function matricesOf(tensor: FileTensor): readonly FileTensor[] {
  if (!isExperts(tensor)) return [tensor];
  const { name, shape, offset } = tensor;
  const [columns = 0, rows = 0, count = 0] = shape;
  const bytes = tensor.bytes / count;
  return Array.from({ length: count }, (_, expert) => ({
    ...tensor,
    name: expertName(name, expert),
    shape: [columns, rows],
    offset: offset + expert * bytes,
    bytes,
  }));
}
