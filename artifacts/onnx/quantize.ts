import { mkdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type FailureError, failed } from '../../core/errors.js';
import type { GraphQuantization } from '../../core/techniques/graph-quantization.js';
import { attributes } from '../../formats/onnx/attributes.js';
import { graphOf, onnx } from '../../formats/onnx/format.js';
import { constant, GRAPH_FILE, type OnnxModel, type OnnxNode } from '../../formats/onnx/model.js';
import { isPlain, type Product, productsOf } from '../../formats/onnx/products.js';
import { readOnnx } from '../../formats/onnx/reader.js';
import { floatType, typeNumber } from '../../formats/onnx/types.js';
import { writeOnnx } from '../../formats/onnx/writer.js';
import type { Learned } from '../../process/isolation/learned.js';
import { copyInto } from '../files/tree.js';
import { quantizeColumns } from './blockwise.js';
import { halfFlaw, toHalf } from './half.js';
import { bytesOf, type Replacement, replaceNodes, sharedConstants, weightsOf } from './replace-nodes.js';
import { Report } from './report.js';
import { added, weightOnly } from './weight-only.js';

export interface GraphRequest {
  /** A graph, or a folder that holds one with what belongs to it. */
  readonly inputPath: string;
  /** The folder to write. */
  readonly outputPath: string;
  readonly quantization: GraphQuantization;
}

/**
 * Writes a quantized copy of an ONNX graph into a folder, with what lies beside the original. One matrix is
 * in memory at a time.
 * @throws FailureError `impossible-combination` for a graph without matrices, one whose nodes need files, or
 *   one that half precision gets wrong; `disk-full`.
 */
export async function quantizeGraph(
  { inputPath, outputPath, quantization }: GraphRequest,
  onProgress: (done: number, of: number) => void,
): Promise<Learned> {
  const path = graphOf(inputPath);
  const file = readOnnx(path);
  const message = `${basename(inputPath)} has constants inside of nodes that lie in other files`;
  const hint =
    'Save it with the attributes of its nodes inside: onnx.save_model(…, convert_attribute=False).';
  if (file.nodesNeedFiles) throw failed('impossible-combination', message, hint);
  const report = new Report(onProgress);
  const made = quantized(file, quantization, report, basename(inputPath));
  await mkdir(outputPath, { recursive: true });
  const besides = onnx.files(inputPath).filter((one) => one !== path && !file.besides.includes(one));
  await copyInto(outputPath, dirname(path), besides);
  await writeOnnx(join(outputPath, GRAPH_FILE), made);
  const { warnings, facts } = report;
  return { warnings, facts, report: report.details };
}

/** @returns the graph; its weights are rounded when they are asked for. */
function quantized(model: OnnxModel, spec: GraphQuantization, report: Report, name: string): OnnxModel {
  const { type } = spec;
  if (type === 'f16') {
    const flaw = halfFlaw(model);
    if (flaw !== null) throw refusal(`${name} is not made half precision: ${flaw}`);
    return toHalf(model, report);
  }
  const matrices = productsOf(model.graph).filter(isPlain);
  if (matrices.length === 0)
    throw refusal(`${name} has no product with a constant matrix of floats, so there is nothing to quantize`);
  if (type === 'int8_dynamic') {
    const narrow = matrices.map(({ weight }) => floatType(weight.type)).find((float) => float !== 'f32');
    if (narrow !== undefined)
      throw refusal(`${name} computes in ${narrow}, and what comes to a product is rounded from f32 alone`);
    return dynamicInt8(model, report);
  }
  const bitsOf = (word: 'int4' | 'int8' | 'float') => (word === 'float' ? null : word === 'int4' ? 4 : 8);
  const bits = type === 'int4' ? 4 : 8;
  const { blockLength, zeroPoints, outputType } = spec;
  const outputBits = outputType === 'same' ? bits : bitsOf(outputType);
  const embeddingBits = bitsOf(spec.embeddingType);
  const accuracyLevel = spec.accuracyLevel === '4' ? 4 : 0;
  const wanted = { bits, blockLength, zeroPoints, outputBits, embeddingBits, accuracyLevel } as const;
  return weightOnly(model, wanted, report);
}

function refusal(message: string): FailureError {
  const hint = 'Start from the float graph, or from the GGUF file or folder that it was made of.';
  return failed('impossible-combination', message, hint);
}

/**
 * Rounds constant matrices of products to int8, and what comes to them to uint8 while the graph runs: ONNX's
 * DynamicQuantizeLinear and MatMulInteger, which ONNX Runtime makes one operator of. What several products
 * take is rounded once.
 */
function dynamicInt8(model: OnnxModel, report: Report): OnnxModel {
  const replacements = new Map<OnnxNode, Replacement>();
  const inputs = new Set<string>();
  for (const product of productsOf(model.graph).filter(isPlain))
    replacements.set(product.node, inIntegers(product, inputs, report));
  return replaceNodes(model, replacements);
}

function inIntegers(product: Product, seen: Set<string>, report: Report): Replacement {
  const { node, weight, inputs, outputs } = product;
  report.expect();
  const [quants, scales] = sharedConstants(async () => {
    const made = quantizeColumns(await weightsOf(product));
    report.add({ name: weight.name, bits: 8, ...made });
    return made;
  }, [(made) => bytesOf(made.quants), (made) => bytesOf(made.scales)]);
  const matrix = constant(`${weight.name}_int8`, 'i8', [inputs, outputs], quants!);
  const scale = constant(`${weight.name}_int8_scales`, 'f32', [outputs], scales!);
  const zero = constant(`${weight.name}_int8_zero`, 'i8', [outputs], () => [new Uint8Array(outputs)]);
  const [input = ''] = node.inputs;
  const [values, ofValues, zeroOfValues] = ['quantized', 'scale', 'zero'].map((part) => `${input}/${part}`);
  const result = node.outputs[0]!;
  const biased = node.kind === 'Gemm' && (node.inputs[2] ?? '') !== '';
  const product32 = `${result}/i32`;
  const name = node.name === '' ? result : node.name;
  const done = biased ? `${result}/product` : result;
  const nodes: OnnxNode[] = [
    call('MatMulInteger', name, [values!, matrix.name, zeroOfValues!, zero.name], product32),
    call('Cast', name, [product32], `${result}/float`, { to: typeNumber('f32') }),
    call('Mul', `${name}/scale`, [ofValues!, scale.name], `${result}/scale`),
    call('Mul', name, [`${result}/float`, `${result}/scale`], done),
  ];
  if (!seen.has(input)) {
    seen.add(input);
    const outputsOf = [values!, ofValues!, zeroOfValues!];
    nodes.unshift({ ...call('DynamicQuantizeLinear', input, [input], ''), outputs: outputsOf });
  }
  if (biased) nodes.push(added(node, done));
  return { nodes, constants: [matrix, scale, zero] };
}

function call(
  kind: string,
  name: string,
  inputs: readonly string[],
  output: string,
  values: Readonly<Record<string, number>> = {},
): OnnxNode {
  const said = { kind, domain: '', inputs, outputs: [output] };
  return { name: `${name}/${kind}`, ...said, attributes: attributes(values) };
}
