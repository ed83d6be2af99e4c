import { floatOf, intOf } from './attributes.js';
import { CONTRIB, type OnnxGraph, type OnnxNode, type OnnxTensor } from './model.js';
import { dataType, floatType } from './types.js';

/** A product of values with a constant matrix: what a linear layer is in a graph. */
export interface Product {
  readonly node: OnnxNode;
  readonly weight: OnnxTensor;
  /** Inputs: rows of the matrix, as `MatMul` has it. */
  readonly inputs: number;
  readonly outputs: number;
  /** Of a weight, scales and zero points included; null where the type is not known. */
  readonly bits: number | null;
  /** `f16`, `int4`, `int8`. */
  readonly type: string;
}

/** A constant table that rows are gathered from: what an embedding is in a graph. */
export interface Table extends Omit<Product, 'inputs' | 'outputs'> {
  readonly rows: number;
  readonly columns: number;
}

/** @returns products with constant matrices, in the order of the graph, also where they are quantized. */
export function productsOf(graph: Pick<OnnxGraph, 'nodes' | 'constants'>): Product[] {
  const constants = byName(graph);
  return graph.nodes.flatMap((node): Product[] => {
    const weight = PRODUCTS.includes(node.kind) ? constants.get(node.inputs[1] ?? '') : undefined;
    if (weight === undefined) return [];
    const all = { node, weight };
    if (node.kind === 'MatMulNBits') {
      const [inputs, outputs] = [intOf(node, 'K', 0), intOf(node, 'N', 0)];
      const bits = bitsOver(node, constants, inputs * outputs);
      return [{ ...all, inputs, outputs, bits, type: `int${intOf(node, 'bits', 4)}` }];
    }
    const [first = 0, second = 0] = weight.shape;
    if (weight.shape.length !== 2) return [];
    const { bits = null, name = 'unknown' } = dataType(weight.type) ?? {};
    const type = name === 'i8' || name === 'u8' ? 'int8' : name;
    const [inputs, outputs] = isTurned(node) ? [second, first] : [first, second];
    return [{ ...all, inputs, outputs, bits, type }];
  });
}

/** Their second input is the matrix. */
const PRODUCTS: readonly string[] = ['MatMul', 'Gemm', 'FusedMatMul', 'MatMulNBits', 'MatMulInteger'];

/** @returns whether the matrix of a product lies with its outputs as rows. */
export function isTurned(node: OnnxNode): boolean {
  return intOf(node, 'transB', 0) === 1;
}

/**
 * @returns whether a product is a plain one of its input and its matrix, which another operator can compute.
 */
export function isPlain({ node, weight }: Product): boolean {
  if (floatType(weight.type) === null || weight.data === null) return false;
  if (node.kind === 'MatMul') return true;
  const unscaled = floatOf(node, 'alpha', 1) === 1 && floatOf(node, 'beta', 1) === 1;
  return ['Gemm', 'FusedMatMul'].includes(node.kind) && intOf(node, 'transA', 0) === 0 && unscaled;
}

/** @returns constant tables of two dimensions that are gathered from row by row, the largest first. */
export function tablesOf(graph: Pick<OnnxGraph, 'nodes' | 'constants'>): Table[] {
  const constants = byName(graph);
  return graph.nodes
    .flatMap((node): Table[] => {
      const weight = constants.get(node.inputs[0] ?? '');
      if (weight?.shape.length !== 2) return [];
      const [rows = 0, length = 0] = weight.shape;
      const all = { node, weight, rows };
      const { bits = null, name = 'unknown' } = dataType(weight.type) ?? {};
      if (node.kind === 'Gather' && intOf(node, 'axis', 0) === 0)
        return [{ ...all, columns: length, bits, type: name }];
      if (node.kind !== 'GatherBlockQuantized') return [];
      const each = intOf(node, 'bits', 4);
      const columns = name === 'u8' ? (length * 8) / each : length;
      return [{ ...all, columns, bits: bitsOver(node, constants, rows * columns), type: `int${each}` }];
    })
    .sort((a, b) => b.rows * b.columns - a.rows * a.columns);
}

/** @returns the name of the weights' type that most weights have; null for a graph without matrices. */
export function weightTypeOf(graph: Pick<OnnxGraph, 'nodes' | 'constants'>): string | null {
  const weights = new Map<string, number>();
  for (const { type, inputs, outputs } of productsOf(graph))
    weights.set(type, (weights.get(type) ?? 0) + inputs * outputs);
  return [...weights].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

/** Of all constants that an operator of ONNX Runtime's own takes. */
function bitsOver(
  node: OnnxNode,
  constants: ReadonlyMap<string, OnnxTensor>,
  weights: number,
): number | null {
  if (node.domain !== CONTRIB || weights === 0) return null;
  const bytes = node.inputs.reduce((sum, input) => sum + (constants.get(input)?.bytes ?? 0), 0);
  return (8 * bytes) / weights;
}

const byName = ({ constants }: Pick<OnnxGraph, 'constants'>) =>
  new Map(constants.map((constant) => [constant.name, constant]));
