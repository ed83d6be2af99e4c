import { attributes } from '../../formats/onnx/attributes.js';
import { constant, type OnnxModel, type OnnxNode, type OnnxTensor } from '../../formats/onnx/model.js';
import { isPlain, type Product, productsOf } from '../../formats/onnx/products.js';
import { typeNumber } from '../../formats/onnx/types.js';
import { quantizeColumns } from './blockwise.js';
import { bytesOf, type Replacement, replaceNodes, together, weightsOf } from './replace-nodes.js';
import type { Report } from './report.js';
import { added } from './weight-only.js';

/**
 * Rounds constant matrices of products to int8, and what comes to them to uint8 while the graph runs: ONNX's DynamicQuantizeLinear and
 * MatMulInteger, which ONNX Runtime makes one operator of. What several products take is rounded once.
 */
export function dynamicInt8(model: OnnxModel, report: Report): OnnxModel {
  const replacements = new Map<OnnxNode, Replacement>();
  const inputs = new Set<string>();
  for (const product of productsOf(model.graph).filter(isPlain))
    replacements.set(product.node, inIntegers(product, inputs, report));
  return replaceNodes(model, replacements);
}

function inIntegers(product: Product, seen: Set<string>, report: Report): Replacement {
  const { node, weight, inputs, outputs } = product;
  report.expect();
  const [quants, scales] = together(async () => {
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
  const constants: OnnxTensor[] = [matrix, scale, zero];
  return { nodes, constants };
}

function call(
  kind: string,
  name: string,
  inputs: readonly string[],
  output: string,
  values: Readonly<Record<string, number>> = {},
): OnnxNode {
  return {
    name: `${name}/${kind}`,
    kind,
    domain: '',
    inputs,
    outputs: [output],
    attributes: attributes(values),
  };
}
