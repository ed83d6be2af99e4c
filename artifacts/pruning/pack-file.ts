import { packMatrix } from '../../core/techniques/packing/pack.js';
import { idealBitsPerWeight, type PackedFormat } from '../../core/techniques/packing/packed.js';
import { type PackedType, valueBits } from '../../core/techniques/packing/values.js';
import type { Matrix } from '../../core/techniques/pruning/matrix.js';
import type { SparsitySpec } from '../../core/techniques/sparsity.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { readMatrix } from '../../formats/tensor-matrix.js';
import { type PackedSource, writePacked } from '../files/packed-file.js';
import { chosenLayers, type LinearLayer } from './linear-layers.js';

/** What a packed file takes. */
export interface PackedSummary {
  readonly path: string;
  readonly format: PackedFormat;
  readonly type: PackedType;
  readonly fileBytes: number;
  readonly weights: number;
  /** Share of them that is zero, whatever made it so. */
  readonly zeros: number;
  /** Bits of the file for each weight, and what they would be without headers and what is kept once a row. */
  readonly bitsPerWeight: number;
  readonly idealBitsPerWeight: number;
}

/**
 * Writes the layers that a spec names, without their zeros. Memory holds one of them.
 * @throws FailureError as `packMatrix` and `chosenLayers` do.
 */
export async function packFile(
  input: string,
  output: string,
  spec: SparsitySpec,
  format: PackedFormat,
  type: PackedType,
): Promise<PackedSummary> {
  const layers = chosenLayers(input, readGgufHeader(input), spec);
  const sources: PackedSource[] = [];
  let weights = 0;
  let kept = 0;
  for (const layer of layers) {
    const count = countKept(await readMatrix(layer));
    weights += layer.rows * layer.columns;
    kept += count;
    sources.push(sourceOf(layer, format, type, count));
  }
  const fileBytes = await writePacked(output, format, type, sources);
  const zeros = 1 - kept / weights;
  const ideal = idealBitsPerWeight(format, valueBits(type), zeros);
  const counts = { fileBytes, weights, zeros, bitsPerWeight: (8 * fileBytes) / weights };
  return { path: output, format, type, ...counts, idealBitsPerWeight: ideal };
}

function sourceOf(layer: LinearLayer, format: PackedFormat, type: PackedType, count: number): PackedSource {
  const { name, rows, columns } = layer;
  const pack = async () => packMatrix(name, await readMatrix(layer), format, type);
  return { name, rows, columns, kept: format === '2:4' ? (rows * columns) / 2 : count, pack };
}

function countKept({ values }: Matrix): number {
  let count = 0;
  for (const value of values) if (value !== 0) count++;
  return count;
}
