import { knownTensorType } from '../../core/techniques/tensor-types.js';
import { merged, operator } from '../../core/work/pass/operators.js';
import type { Module, OperatorClass, OperatorWork } from '../../core/work/work.js';
import type { GraphNode } from '../profile/nodes.js';
import { nodeWork } from './node-work.js';

/**
 * Where a source of a node comes from: `stored` was there before (weights, moments, what a batch fills in),
 * `earlier` was computed by a graph that ran before this one and was kept, `own` by this graph.
 */
export type Origin = 'stored' | 'earlier' | 'own';

/** A node of a graph of training. */
export interface TracedNode {
  readonly node: GraphNode;
  /** Of each source. */
  readonly origins: readonly Origin[];
  /** The result takes the place of what was stored. */
  readonly inPlace: boolean;
}

/**
 * Counts what a graph asks from its nodes, operations of one kind together. What is stored is read as
 * weights, what an earlier graph left as a cache is; what takes the place of something stored is written as
 * to a cache.
 */
export function graphWork(nodes: readonly TracedNode[]): OperatorWork[] {
  return merged(nodes.map(traced));
}

function traced({ node, origins, inPlace }: TracedNode): OperatorWork {
  const { flops, read, written } = nodeWork(node);
  const bytesFrom = (origin: Origin) =>
    read.reduce((sum, bytes, i) => (origins[i] === origin ? sum + bytes : sum), 0);
  const weights = PRODUCTS.includes(node.op) ? node.sources[0]?.type : undefined;
  return operator({
    name: node.op.toLowerCase(),
    module: moduleOf(node.op),
    class: weights === undefined ? classOf(node.op) : 'matmul',
    arithmetic: weights === undefined ? 'f32' : (knownTensorType(weights).arithmetic ?? 'f32'),
    weights,
    flops,
    traffic: {
      weightsRead: bytesFrom('stored'),
      cacheRead: bytesFrom('earlier'),
      cacheWritten: inPlace ? written : 0,
      activationsRead: bytesFrom('own'),
      activationsWritten: inPlace ? 0 : written,
    },
  });
}

const PRODUCTS: readonly string[] = ['MUL_MAT', 'OUT_PROD'];

const classOf = (op: string): OperatorClass => (/ROWS/.test(op) ? 'gather' : 'elementwise');

const MODULES: readonly (readonly [RegExp, Module])[] = [
  [/^SOFT_MAX/, 'attention'],
  [/^RMS_NORM/, 'norm'],
  [/^ROPE/, 'rope'],
  [/^(GLU|SILU|UNARY)/, 'mlp'],
  [/^GET_ROWS/, 'embedding'],
  [/^CROSS_ENTROPY/, 'lm-head'],
];

const moduleOf = (op: string): Module => MODULES.find(([pattern]) => pattern.test(op))?.[1] ?? 'other';
