import { decodeFloats, encodeFloats } from '../../core/techniques/float-types.js';
import { attributes, hasGraphs, intOf, tensorOf } from '../../formats/onnx/attributes.js';
import type { OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from '../../formats/onnx/model.js';
import { constant } from '../../formats/onnx/model.js';
import { typeNumber } from '../../formats/onnx/types.js';
import { fieldsOf, TENSOR } from '../../formats/onnx/wire.js';
import { numbersOf } from './replace-nodes.js';
import type { Report } from './report.js';

const F32 = typeNumber('f32');
const F16 = typeNumber('f16');
/** The largest number of half precision. */
const LARGEST = 65_504;
/** What is wrong in half precision: positions and their angles, squares and their sums, scales of images. */
const LOSES = ['Cos', 'Sin', 'Pow', 'ReduceMean', 'Range', 'Resize', 'Upsample', 'CumSum'];

/** @returns why a graph cannot be computed in half precision; null where it can. */
export function halfFlaw({ graph }: OnnxModel): string | null {
  const inner = graph.nodes.find(hasGraphs);
  if (inner !== undefined) return `its ${inner.kind} has graphs inside, which stay as they are`;
  const loses = graph.nodes.find(({ kind }) => LOSES.includes(kind));
  if (loses !== undefined)
    return `it computes ${loses.kind} in the graph, which half precision gets wrong: take a graph with tables of positions and norms as one operator, as those that Ridgepoint makes of GGUF`;
  const kept = ['Constant', 'ConstantOfShape'];
  const holds = graph.nodes.find((node) => kept.includes(node.kind) && !isWhole(node));
  if (holds !== undefined) return `its ${holds.kind} ${holds.name} keeps floats inside of a node`;
  return graph.constants.some(({ type }) => type === F32) ? null : 'it has no f32 weights';
}

/**
 * Makes a graph of f32 one of f16: constants, what is computed, and the cache of keys and values; what else
 * comes out stays f32. Numbers beyond half precision become its largest.
 */
export function toHalf(model: OnnxModel, report: Report): OnnxModel {
  const { graph } = model;
  const inputs = graph.inputs.map((value) => (value.type === F32 ? retyped(value) : value));
  const isCache = ({ name, type }: OnnxValue) => type === F32 && /^(past|present)/.test(name);
  const isOutside = (value: OnnxValue) => value.type === F32 && !isCache(value);
  const outside = new Set(graph.outputs.filter(isOutside).map(({ name }) => name));
  const outputs = graph.outputs.map((value) => (isCache(value) ? retyped(value) : value));
  const inner = (name: string) => (outside.has(name) ? `${name}/f16` : name);
  const nodes = graph.nodes.map((node): OnnxNode => {
    const named = { ...node, inputs: node.inputs.map(inner), outputs: node.outputs.map(inner) };
    const widens = node.kind === 'Cast' && intOf(node, 'to', 0) === F32;
    return widens ? { ...named, attributes: attributes({ to: F16 }) } : named;
  });
  const casts = [...outside].map((name): OnnxNode => {
    const said = { name: `${name}/Cast`, kind: 'Cast', domain: '', attributes: attributes({ to: F32 }) };
    return { ...said, inputs: [inner(name)], outputs: [name] };
  });
  const constants = graph.constants.map((one) => (one.type === F32 ? halved(one, report) : one));
  const changed = { ...graph, nodes: [...nodes, ...casts], constants, inputs, outputs, valueInfo: [] };
  return { ...model, graph: changed };
}

/** Without a value a ConstantOfShape is of f32. */
function isWhole(node: OnnxNode): boolean {
  const fields = fieldsOf(tensorOf(node, 'value') ?? new Uint8Array());
  return fields.some(({ number, value: type }) => number === TENSOR.type && type !== F32);
}

const retyped = ({ name, shape }: OnnxValue): OnnxValue => ({ name, shape, type: F16 });

function halved(tensor: OnnxTensor, report: Report): OnnxTensor {
  const { name, shape } = tensor;
  report.expect();
  return constant(name, 'f16', shape, async function* () {
    const values = await numbersOf(tensor);
    const bounded = values.map((value) => Math.max(-LARGEST, Math.min(LARGEST, value)));
    const bytes = encodeFloats(bounded, 'f16');
    const kept = decodeFloats(bytes, 'f16');
    let lost = 0;
    let power = 0;
    for (let i = 0; i < values.length; i++) {
      lost += (values[i]! - kept[i]!) ** 2;
      power += values[i]! ** 2;
    }
    report.add({ name, bits: 16, lost, power });
    yield bytes;
  });
}
