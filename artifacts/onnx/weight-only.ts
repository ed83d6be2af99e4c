import { encodeFloats, type FloatType } from '../../core/techniques/float-types.js';
import { attributes, intOf } from '../../formats/onnx/attributes.js';
import {
  CONTRIB,
  constant,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from '../../formats/onnx/model.js';
import { isPlain, type Product, productsOf, type Table, tablesOf } from '../../formats/onnx/products.js';
import { floatType } from '../../formats/onnx/types.js';
import { type BlockForm, type BlockWeights, blocksOf, quantizeBlocks } from './blockwise.js';
import {
  bytesOf,
  numbersOf,
  type Replacement,
  replaceNodes,
  sharedConstants,
  weightsOf,
} from './replace-nodes.js';
import type { Report } from './report.js';

/** What becomes of the matrices of a graph; null = they stay floats. */
export interface WeightOnly extends Pick<BlockForm, 'blockLength' | 'zeroPoints'> {
  readonly bits: 4 | 8;
  /** Of the product with the vocabulary. */
  readonly outputBits: 4 | 8 | null;
  /** Of the table that tokens are looked up in. */
  readonly embeddingBits: 4 | 8 | null;
  /** What a product rounds its inputs to: 0 = nothing, 4 = int8. */
  readonly accuracyLevel: 0 | 4;
}

/**
 * Rounds constant matrices of products to blocks; activations stay floats. Weights are read and rounded while
 * the graph is written.
 */
export function weightOnly(model: OnnxModel, wanted: WeightOnly, report: Report): OnnxModel {
  const products = productsOf(model.graph).filter(isPlain);
  const [embedding] = tablesOf(model.graph);
  const output = outputOf(products, embedding);
  const replacements = new Map<OnnxNode, Replacement>();
  for (const product of products) {
    const bits = product === output ? wanted.outputBits : wanted.bits;
    if (bits !== null)
      replacements.set(product.node, inBlocks(product, { ...wanted, bits }, wanted.accuracyLevel, report));
  }
  if (embedding !== undefined && wanted.embeddingBits !== null) {
    const form = { ...wanted, bits: wanted.embeddingBits };
    const gathered = isFloat(embedding) && embedding.columns % form.blockLength === 0;
    if (gathered) replacements.set(embedding.node, gatheredBlocks(embedding, form, report));
    else report.left(embedding.weight.name);
  }
  return replaceNodes(model, replacements, new Map([[CONTRIB, 1]]));
}

/** The last product, where as many numbers come out of it as the embedding has tokens. */
function outputOf(products: readonly Product[], embedding: Table | undefined): Product | undefined {
  const last = products.at(-1);
  return last?.outputs === embedding?.rows ? last : undefined;
}

const isFloat = ({ node, weight }: Table) =>
  node.kind === 'Gather' && floatType(weight.type) !== null && weight.data !== null;

function inBlocks(product: Product, form: BlockForm, accuracyLevel: number, report: Report): Replacement {
  const { node, weight, inputs, outputs } = product;
  const { bits, blockLength } = form;
  const blocks = blocksOf(inputs, form);
  const shapes = { quants: [outputs, blocks, (blockLength * bits) / 8], scales: [outputs, blocks] };
  const { constants, names } = blockConstants(weight, form, shapes, report, async () =>
    quantizeBlocks(await weightsOf(product), form, typeOf(weight)),
  );
  const biased = node.kind === 'Gemm' && (node.inputs[2] ?? '') !== '';
  const result = node.outputs[0]!;
  const between = biased ? `${result}/product` : result;
  const [input = ''] = node.inputs;
  const sizes = { K: inputs, N: outputs, bits, block_size: blockLength };
  const level = accuracyLevel === 0 ? {} : { accuracy_level: accuracyLevel };
  const said = { name: `${node.name}_Q${bits}`, kind: 'MatMulNBits', domain: CONTRIB, outputs: [between] };
  const packed = { ...said, inputs: [input, ...names], attributes: attributes({ ...sizes, ...level }) };
  return { nodes: biased ? [packed, added(node, between)] : [packed], constants };
}

/** What is left of a Gemm whose product is computed elsewhere. */
export function added(node: OnnxNode, product: string): OnnxNode {
  const { name, inputs, outputs } = node;
  const said = { name: `${name}_bias`, kind: 'Add', domain: '', outputs, attributes: new Map() };
  return { ...said, inputs: [product, inputs[2]!] };
}

function gatheredBlocks(table: Table, form: BlockForm, report: Report): Replacement {
  const { node, weight, rows, columns } = table;
  const { bits, blockLength } = form;
  const shapes = { quants: [rows, (columns * bits) / 8], scales: [rows, columns / blockLength] };
  const matrix = { inputs: columns, outputs: rows, turned: true };
  const { constants, names } = blockConstants(weight, form, shapes, report, async () =>
    quantizeBlocks({ values: await numbersOf(weight), ...matrix }, form, typeOf(weight)),
  );
  const [quants, ...scales] = names;
  const inputs = [quants!, node.inputs[1]!, ...scales];
  const said = { bits, block_size: blockLength, gather_axis: intOf(node, 'axis', 0), quantize_axis: 1 };
  const kind = { kind: 'GatherBlockQuantized', domain: CONTRIB };
  return { nodes: [{ ...node, ...kind, inputs, attributes: attributes(said) }], constants };
}

/**
 * @returns the constants that a rounded one becomes, and their names in the order in which both operators
 *   take them.
 */
function blockConstants(
  weight: OnnxTensor,
  form: BlockForm,
  shapes: { readonly quants: readonly number[]; readonly scales: readonly number[] },
  report: Report,
  make: () => Promise<BlockWeights>,
): { readonly constants: readonly OnnxTensor[]; readonly names: readonly string[] } {
  const { bits, zeroPoints } = form;
  const type = typeOf(weight);
  report.expect();
  const watched = async () => {
    const made = await make();
    report.add({ name: weight.name, bits, ...made });
    return made;
  };
  const [quants, scales, zeros] = sharedConstants(watched, [
    (made) => made.quants,
    (made) => encodeFloats(made.scales, type),
    ...(zeroPoints ? [(made: BlockWeights) => bytesOf(made.zeroPoints!)] : []),
  ]);
  const [rows = 0, blocks = 0] = shapes.scales;
  // A table of this name and form may be a matrix, too: each has constants of its own.
  const name = `${weight.name}_${shapes.quants.length === 2 ? 'rows_' : ''}Q${bits}`;
  const constants = [
    constant(name, 'u8', shapes.quants, quants!),
    constant(`${name}_scales`, type, shapes.scales, scales!),
  ];
  const zeroShape = [rows, Math.ceil((blocks * bits) / 8)];
  if (zeros !== undefined) constants.push(constant(`${name}_zero_points`, 'u8', zeroShape, zeros));
  return { constants, names: constants.map((one) => one.name) };
}

/** What scales are stored in: what the graph computes in. */
function typeOf({ type }: OnnxTensor): FloatType {
  return floatType(type) ?? 'f32';
}
