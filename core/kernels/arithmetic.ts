import type { Arithmetic } from '../work/work.js';
import { OPS } from './gen/ops.js';
import { deviceOf, type OpType, type OpVariant } from './op.js';

type Table = Readonly<Record<OpType, Arithmetic>>;

/** What each type is multiplied as by kernels of a CPU: halves are widened, int4 is multiplied as int8. */
const ON_CPU: Table = { f32: 'f32', f16: 'f32', bf16: 'bf16', int8: 'int8', int4: 'int8' };
/** By threads of a GPU: halves are widened, whole numbers go four at a time (dp4a). */
const ON_THREADS: Table = { f32: 'f32', f16: 'f32', bf16: 'f32', int8: 'int8', int4: 'int8' };
/** By tensor cores, which our kernels give int4 as f16. */
const ON_TENSOR_CORES: Table = { f32: 'tf32', f16: 'f16', bf16: 'bf16', int8: 'int8', int4: 'f16' };

/** A variant of an op by their names, as records have them. */
interface VariantName {
  readonly op: string;
  readonly variant: string;
}

/** @returns whether a variant runs on a GPU. @throws RangeError for a name that no op has. */
export function onGpu(name: VariantName): boolean {
  return deviceOf(variantOf(name)) === 'cuda';
}

/**
 * @returns the arithmetic that a variant of an op is held against.
 * @throws RangeError for a name that no op has.
 */
export function arithmeticOf(request: VariantName & { readonly type: OpType }): Arithmetic {
  const variant = variantOf(request);
  const table =
    deviceOf(variant) === 'cpu' ? ON_CPU : variant.unit === 'matrix' ? ON_TENSOR_CORES : ON_THREADS;
  return table[request.type];
}

/** @returns whether this release has the variant: records may name one of another. */
export function isKnown({ op, variant }: VariantName): boolean {
  return find(op, variant) !== undefined;
}

const find = (op: string, variant: string) =>
  OPS.find(({ name }) => name === op)?.variants.find(({ name }) => name === variant);

function variantOf({ op, variant }: VariantName): OpVariant {
  const found = find(op, variant);
  if (found === undefined) throw new RangeError(`no op of this release is ${op}/${variant}`);
  return found;
}
