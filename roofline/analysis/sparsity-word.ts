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
 * @throws FailureError `impossible-combination` where the model's own bits differ, so that no one number says
 *   what is kept
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
 * Bits of one original weight when only kept ones are stored: `bitmap` one bit each and the values that are
 * kept; `2:4` half of the values and 2 bits of place for each of them (NVIDIA's sparse tensor cores); `csr` a
 * 16-bit column beside each value. The pointers of rows are small and left out. A kernel that skips what is
 * pruned multiplies the kept share alone; sparse tensor cores do the same in half the time.
 * @param sparsity share of weights that are pruned; 2:4 prunes half, whatever is given.
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
