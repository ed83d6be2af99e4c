import type { MatrixShape } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import type { LayerPass } from './layer-pass.js';
import { operator } from './operators.js';

/**
 * y += s B (A x) beside a matrix (arXiv 2106.09685): 2 r (in + out) FLOPs a token and the addition, r (in + out) weights for
 * each adapter in the batch; the scale is part of B x. A merged adapter costs nothing and is not asked for.
 */
export function adapterWork(
  pass: LayerPass,
  { inputs, outputs }: MatrixShape,
  name: string,
  rows: number,
): OperatorWork[] {
  const { adapter, activationBytes: bytes } = pass;
  if (adapter === null || !adapter.targets.includes(name)) return [];
  const { rank, bits, distinct } = adapter;
  const base = { module: 'adapter', class: rows === 1 ? 'matvec' : 'matmul' } as const;
  const readers = Math.min(distinct, rows);
  const half = (part: string, from: number, to: number) =>
    operator({
      ...base,
      name: `${name}.${part}`,
      arithmetic: pass.arithmetic.matrix,
      flops: 2 * from * to * rows,
      traffic: {
        weightsRead: (readers * from * to * bits) / 8,
        activationsRead: rows * from * bytes,
        activationsWritten: rows * to * bytes,
      },
    });
  return [
    half('lora_a', inputs, rank),
    half('lora_b', rank, outputs),
    operator({
      name: `${name}.lora_add`,
      module: 'adapter',
      class: 'elementwise',
      arithmetic: pass.arithmetic.vector,
      flops: 2 * rows * outputs,
      traffic: { activationsRead: 2 * rows * outputs * bytes, activationsWritten: rows * outputs * bytes },
    }),
  ];
}
