import type { ModelArchitecture } from '../../core/work/architecture.js';
import { matricesOf } from '../../core/work/model-size.js';
import type { WeightsSetting } from '../../core/work/pass/setting.js';
import { type SparseFormat, sparseWeights } from '../../core/work/pass/stored-bits.js';
import { impossible } from './impossible.js';

/** How weights are pruned and packed; null = dense. */
export interface PackedReading {
  readonly format: SparseFormat;
  /** Share of the weights that are pruned. */
  readonly share: number;
}

const DENSE = 'none';

/** @returns what `none`, `2:4`, `bitmap:0.5` or `csr:0.8` says; undefined for another word. */
export function readPacked(setting: string): PackedReading | null | undefined {
  if (setting === DENSE) return null;
  if (setting === '2:4') return { format: '2:4', share: 0.5 };
  const [, format, text = ''] = /^(bitmap|csr):(0?\.\d{1,6})$/.exec(setting) ?? [];
  const share = Number(text);
  if (format === undefined || !(share > 0)) return undefined;
  return { format: format as SparseFormat, share };
}

/**
 * @param bits of a value that is kept; null = as the model has them.
 * @throws FailureError `impossible-combination` where the model's own bits differ, so that no one number says what is kept
 */
export function packedWeights(
  architecture: ModelArchitecture,
  { format, share }: PackedReading,
  bits: number | null,
): WeightsSetting {
  return sparseWeights(format, bits ?? onlyBits(architecture), share);
}

function onlyBits({ layers }: ModelArchitecture): number {
  const found = new Set(
    layers.flatMap(({ attention, feedForward }) =>
      matricesOf(attention, { ...feedForward, experts: null }).map(([matrix]) => matrix.bits),
    ),
  );
  const [bits] = found;
  if (found.size === 1 && bits !== undefined) return bits;
  throw impossible(
    'the matrices of this model have different bits, so nobody knows what a kept value has',
    'Say the bits beside the sparsity: w4a16, w16a16 or a quantization such as q4_0.',
  );
}
