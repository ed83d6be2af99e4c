import { CONTRIB, constant, type OnnxModel, type OnnxValue } from '../../../formats/onnx/model.js';
import { typeNumber } from '../../../formats/onnx/types.js';
import { GRAPH, Message, MODEL } from '../../../formats/onnx/wire.js';
import { GraphBuilder } from './builder.js';
import { type Described, EMBEDDING, refusal } from './described.js';
import { type Attention, Layers } from './layers.js';
import { rotaryTables } from './rotary.js';

/** Of ONNX's operators: the first that has Gelu by tanh, which every runtime of these years reads. */
const OPSET = 20;
const IR_VERSION = 9;
/** A position that no context reaches: all logits are asked for. */
const ALL = 2 ** 31;

/**
 * Builds the graph of a decoder, by the names of onnxruntime-genai: token ids, a mask over all tokens, keys
 * and values of the tokens before in; logits, and keys and values of all tokens out. Everything is computed
 * in f32. `num_logits_to_keep` is an input with a fallback: of how many tokens, counted from the last, logits
 * are wanted.
 * @throws FailureError `model-unsupported` for weights of types that the graph has no form for, and for
 *   tensors that it would leave out.
 */
export function decoder(model: Described): OnnxModel {
  const graph = new GraphBuilder();
  const layers = new Layers(model, graph);
  const table = model.tensor(EMBEDDING);
  let hidden = layers.embed(table);
  const attention = attentionOf(model, graph);
  for (let layer = 0; layer < model.layers; layer++) hidden = layers.block(layer, hidden, attention);
  const last = graph.add('logits/kept', 'Slice', [
    layers.norm('output', hidden, 'output_norm.weight'),
    graph.add('logits/from', 'Neg', ['num_logits_to_keep']),
    graph.integers([ALL]),
    graph.integers([1]),
  ]);
  // A tied matrix is written twice, as all exporters do: rows of the table are columns of the product.
  layers.multiply('logits', last, model.optional('output.weight') ?? table, 'output.weight');
  const left = model.left();
  if (left.length > 0) throw refusal(`it has the tensor ${left[0]}`);
  const all = new Uint8Array(BigInt64Array.of(BigInt(ALL)).buffer);
  graph.hold(constant('num_logits_to_keep', 'i64', [1], () => [all]));
  const { nodes, constants } = graph;
  const rest = new Message().text(GRAPH.name, model.architecture).finish();
  return {
    irVersion: IR_VERSION,
    opsets: new Map([['', OPSET] as const, [CONTRIB, 1] as const]),
    graph: { nodes, constants, ...signatureOf(model), valueInfo: [], rest },
    rest: new Message().text(MODEL.producer, 'ridgepoint').finish(),
  };
}

/** Inputs and outputs, by the names of onnxruntime-genai. */
function signatureOf({ layers, kvHeads, headLength, vocabulary }: Described) {
  const value = (name: string, type: 'f32' | 'i64', shape: OnnxValue['shape']): OnnxValue => {
    return { name, type: typeNumber(type), shape };
  };
  const cache = (prefix: string, length: string) => {
    const shape = ['batch_size', kvHeads, length, headLength];
    const names = Array.from({ length: layers }, (_, layer) => [`${layer}.key`, `${layer}.value`]).flat();
    return names.map((name) => value(`${prefix}.${name}`, 'f32', shape));
  };
  return {
    inputs: [
      value('input_ids', 'i64', ['batch_size', 'sequence_length']),
      value('attention_mask', 'i64', ['batch_size', 'total_sequence_length']),
      ...cache('past_key_values', 'past_sequence_length'),
      value('num_logits_to_keep', 'i64', [1]),
    ],
    outputs: [
      value('logits', 'f32', ['batch_size', 'kept_sequence_length', vocabulary]),
      ...cache('present', 'total_sequence_length'),
    ],
  };
}

function attentionOf({ rotary, contextLength, headLength }: Described, graph: GraphBuilder): Attention {
  const lengths = counted(graph);
  const tables = rotaryTables(rotary, contextLength);
  const shape = [contextLength, headLength / 2];
  const hold = (part: 'cos' | 'sin') =>
    graph.hold(constant(`rotary.${part}`, 'f32', shape, () => [new Uint8Array(tables[part].buffer)]));
  return { lengths, cos: hold('cos'), sin: hold('sin') };
}

/**
 * @returns what attention has to know of lengths: the last position of each sequence, and the tokens of the
 *   longest.
 */
function counted(graph: GraphBuilder): readonly [string, string] {
  const asI32 = (name: string, from: string) =>
    graph.add(`${name}/i32`, 'Cast', [from], { attributes: { to: typeNumber('i32') } });
  const flat = { attributes: { keepdims: 0 } };
  const tokens = graph.add('tokens', 'ReduceSum', ['attention_mask', graph.integers([1])], flat);
  const last = graph.add('tokens/last', 'Sub', [tokens, graph.integers([1])]);
  const shape = graph.add('tokens/shape', 'Shape', ['attention_mask']);
  const length = graph.add('tokens/length', 'Gather', [shape, graph.integers(1)]);
  return [asI32('tokens/last', last), asI32('tokens/length', length)];
}
