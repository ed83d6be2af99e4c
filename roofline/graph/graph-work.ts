import { knownTensorType } from '../../core/techniques/tensor-types.js';
import { merged, operator } from '../../core/work/pass/operators.js';
import type { Module, OperatorClass, OperatorWork } from '../../core/work/work.js';
import type { GraphNode } from '../profile/nodes.js';
import { nodeWork } from './node-work.js';

/**
 * The origin of a node's source: `stored` existed before (weights, moments, inputs of a batch), `earlier` was
 * computed and kept by a graph that ran before this one, `own` was computed by this graph.
 */
export type Origin = 'stored' | 'earlier' | 'own';

/** A node of a graph of training. */
export interface TracedNode {
  readonly node: GraphNode;
  /** Of each source. */
  readonly origins: readonly Origin[];
  /** Whether the result overwrites a stored value. */
  readonly inPlace: boolean;
}

/**
 * Counts the work of a graph from its nodes, with operations of one kind together. Stored values count as
 * reading weights, and values of an earlier graph as reading a cache; overwriting a stored value counts as
 * writing to a cache.
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
