import type { ModelArchitecture } from '../../core/work/architecture.js';
import { matricesOf } from '../../core/work/model-size.js';
import type { WeightsSetting } from '../../core/work/pass/setting.js';
import { impossible } from './impossible.js';

/** How weights are pruned and packed; null = dense. */
export interface PackedReading {
  readonly format: SparseFormat;
  /** Share of the weights that are pruned. */
  readonly share: number;
}

const DENSE = 'none';

/** @returns the meaning of `none`, `2:4`, `bitmap:0.5` or `csr:0.8`; undefined for another word. */
export function readPacked(setting: string): PackedReading | null | undefined {
  if (setting === DENSE) return null;
  if (setting === '2:4') return { format: '2:4', share: 0.5 };
  const [, format, text = ''] = /^(bitmap|csr):(0?\.\d{1,6})$/.exec(setting) ?? [];
  const share = Number(text);
  if (format === undefined || !(share > 0)) return undefined;
  return { format: format as SparseFormat, share };
}

/**
 * @param bits bits of a kept value; null = those of the model.
 * @throws FailureError `impossible-combination` if the model's weights have different bits, so that no single
 *   number describes them
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

/** How pruned weights are packed. */
type SparseFormat = 'bitmap' | '2:4' | 'csr';

/**
 * Bits per original weight if only kept weights are stored. `bitmap` has one bit for each weight, and the
 * kept values; `2:4` has half of the values, and 2 bits for the place of each (NVIDIA's sparse tensor cores);
 * `csr` has a 16-bit column for each value. Row pointers are small and left out. A kernel that skips pruned
 * weights multiplies only the kept share; sparse tensor cores take half the time.
 * @param sparsity share of pruned weights; 2:4 always prunes half.
 */
export function sparseWeights(format: SparseFormat, valueBits: number, sparsity: number): WeightsSetting {
  const density = format === '2:4' ? 0.5 : 1 - sparsity;
  const bits = {
    bitmap: 1 + valueBits * density,
    '2:4': valueBits / 2 + 1,
    csr: (valueBits + 16) * density,
  };
  return { bits: bits[format], valueBits, density };
}
