import type { Arithmetic } from '../work/work.js';
import type { OpType } from './op.js';

type Table = Readonly<Record<OpType, Arithmetic>>;

/** What each type is multiplied as by kernels of a CPU: halves are widened, int4 is multiplied as int8. */
const ON_CPU: Table = { f32: 'f32', f16: 'f32', bf16: 'bf16', int8: 'int8', int4: 'int8' };
/** By threads of a GPU: halves are widened, whole numbers go four at a time (dp4a). */
const ON_THREADS: Table = { f32: 'f32', f16: 'f32', bf16: 'f32', int8: 'int8', int4: 'int8' };
/** By tensor cores, which our kernels give int4 as f16. */
const ON_TENSOR_CORES: Table = { f32: 'tf32', f16: 'f16', bf16: 'bf16', int8: 'int8', int4: 'f16' };

/** @returns whether a variant runs on a GPU: its name says so. */
export function onGpu(variant: string): boolean {
  return variant.startsWith('cuda');
}

/** @returns the arithmetic that a variant of an op is held against. */
export function arithmeticOf({
  op,
  variant,
  type,
}: {
  readonly op: string;
  readonly variant: string;
  readonly type: OpType;
}): Arithmetic {
  if (!onGpu(variant)) return ON_CPU[type];
  // Prompts have one variant on a GPU, and that is on tensor cores.
  const tensor = variant === 'cuda-tensor' || op === 'attention-prefill';
  return (tensor ? ON_TENSOR_CORES : ON_THREADS)[type];
}
