import type { FeedForwardShape, MatrixShape } from '../architecture.js';
import type { OperatorWork } from '../work.js';
import { activation } from './elementwise.js';
import type { LayerPass } from './layer-pass.js';
import { linear } from './linear.js';

/**
 * Gate and up (or up alone), activation, down.
 * @param copies matrices of each shape that are read: distinct experts.
 */
export function dense(
  pass: LayerPass,
  { gate, up, down, fused, activation: kind }: FeedForwardShape,
  rows: number,
  names = { gate: 'gate_proj', up: 'up_proj', down: 'down_proj' },
  copies = 1,
): OperatorWork[] {
  const mlp = { module: 'mlp', rows, copies } as const;
  const into: readonly (readonly [string, MatrixShape])[] =
    gate === null
      ? [[names.up, up]]
      : fused
        ? [['gate_up_proj', { ...up, outputs: gate.outputs + up.outputs }]]
        : [
            [names.gate, gate],
            [names.up, up],
          ];
  return [
    ...into.flatMap(([name, matrix]) => linear(pass, matrix, { ...mlp, name })),
    activation(pass, kind, rows * up.outputs, gate !== null),
    ...linear(pass, down, { ...mlp, name: names.down }),
  ];
}
