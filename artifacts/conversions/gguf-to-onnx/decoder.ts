import type { FileTensor } from '../../../formats/gguf/header.js';
import { CONTRIB, constant, type OnnxModel, type OnnxValue } from '../../../formats/onnx/model.js';
import { typeNumber } from '../../../formats/onnx/types.js';
import { GRAPH, Message, MODEL } from '../../../formats/onnx/wire.js';
import { GraphBuilder } from './builder.js';
import { type Described, EMBEDDING, refusal } from './described.js';
import { rotaryTables } from './rotary.js';
import { blocks, floats, turned } from './weights.js';

/** Of ONNX's operators: the first that has Gelu by tanh, which every runtime of these years reads. */
const OPSET = 20;
const IR_VERSION = 9;
/** What products by MatMulNBits round their inputs to: int8 in blocks, as llama.cpp's products of quantized weights do. */
const INT8_INPUTS = 4;
/** A position that no context reaches: all logits are asked for. */
const ALL = 2 ** 31;

/**
 * Builds the graph of a decoder, by the names of onnxruntime-genai: token ids, a mask over all tokens, keys and values of the tokens
 * before in; logits, and keys and values of all tokens out. Everything is computed in f32. `num_logits_to_keep` is an input with a
 * fallback: of how many tokens, counted from the last, logits are wanted.
 * @throws FailureError `model-unsupported` for weights of types that the graph has no form for, and for tensors that it would leave out.
 */
export function decoder(model: Described): OnnxModel {
  const { layers, embedding, heads, kvHeads, headLength, vocabulary, family, rmsEpsilon } = model;
  const graph = new GraphBuilder();
  const norm = (name: string, input: string, weight: string) =>
    graph.add(`${name}/norm`, 'SimplifiedLayerNormalization', [input, vector(weight, weight)], {
      attributes: { axis: -1, epsilon: { float: rmsEpsilon }, stash_type: 1 },
    });
  const vector = (tensor: string, name: string) => {
    const held = model.tensor(tensor);
    return graph.hold(floats(held, name, [held.shape[0] ?? 0]));
  };
  const linear = (name: string, input: string, tensor: string) => {
    const product = multiply(name, input, model.tensor(tensor), tensor);
    const bias = model.optional(tensor.replace(/weight$/, 'bias'));
    if (bias === null) return product;
    return graph.add(`${name}/add`, 'Add', [
      product,
      graph.hold(floats(bias, bias.name, [bias.shape[0] ?? 0])),
    ]);
  };
  const multiply = (name: string, input: string, of: FileTensor, weight: string) => {
    const packed = blocks(of, weight);
    const outputs = [name];
    if (packed === null)
      return graph.add(`${name}/MatMul`, 'MatMul', [input, graph.hold(turned(of, weight))], { outputs });
    const { bits, blockLength, quants, scales } = packed;
    const [K = 0, N = 0] = of.shape;
    const inputs = [input, graph.hold(quants), graph.hold(scales)];
    const attributes = { K, N, bits, block_size: blockLength, accuracy_level: INT8_INPUTS };
    return graph.add(`${name}/MatMulNBits`, 'MatMulNBits', inputs, { contrib: true, attributes, outputs });
  };

  const table = model.tensor(EMBEDDING);
  let hidden = embed();
  if (family.scaledEmbedding === true)
    hidden = graph.add('embedding/scaled', 'Mul', [
      hidden,
      graph.number('embedding.scale', Math.sqrt(embedding)),
    ]);
  const lengths = counted(graph);
  const positions = rotaryTables(model.rotary, model.contextLength);
  const shape = [model.contextLength, headLength / 2];
  const cos = graph.hold(constant('rotary.cos', 'f32', shape, () => [new Uint8Array(positions.cos.buffer)]));
  const sin = graph.hold(constant('rotary.sin', 'f32', shape, () => [new Uint8Array(positions.sin.buffer)]));
  for (let layer = 0; layer < layers; layer++) hidden = block(layer, hidden);
  const last = graph.add('logits/kept', 'Slice', [
    norm('output', hidden, 'output_norm.weight'),
    graph.add('logits/from', 'Neg', ['num_logits_to_keep']),
    graph.whole([ALL]),
    graph.whole([1]),
  ]);
  // A tied matrix is written twice, as all exporters do: rows of the table are columns of the product.
  multiply('logits', last, model.optional('output.weight') ?? table, 'output.weight');
  const left = model.left();
  if (left.length > 0) throw refusal(`it has the tensor ${left[0]}`);

  const kept = graph.hold(
    constant('num_logits_to_keep', 'i64', [1], () => [new Uint8Array(BigInt64Array.of(BigInt(ALL)).buffer)]),
  );
  const value = (name: string, type: 'f32' | 'i64', dimensions: OnnxValue['shape']): OnnxValue => ({
    name,
    type: typeNumber(type),
    shape: dimensions,
  });
  const cache = (prefix: string, length: string) =>
    Array.from({ length: layers }, (_, layer) =>
      ['key', 'value'].map((part) =>
        value(`${prefix}.${layer}.${part}`, 'f32', ['batch_size', kvHeads, length, headLength]),
      ),
    ).flat();
  return {
    irVersion: IR_VERSION,
    opsets: new Map([
      ['', OPSET],
      [CONTRIB, 1],
    ]),
    graph: {
      nodes: graph.nodes,
      constants: graph.constants,
      inputs: [
        value('input_ids', 'i64', ['batch_size', 'sequence_length']),
        value('attention_mask', 'i64', ['batch_size', 'total_sequence_length']),
        ...cache('past_key_values', 'past_sequence_length'),
        value(kept, 'i64', [1]),
      ],
      outputs: [
        value('logits', 'f32', ['batch_size', 'kept_sequence_length', vocabulary]),
        ...cache('present', 'total_sequence_length'),
      ],
      valueInfo: [],
      rest: new Message().text(GRAPH.name, model.architecture).done(),
    },
    rest: new Message().text(MODEL.producer, 'ridgepoint').done(),
  };

  /** The table as it lies: of floats rows are gathered, of blocks they are gathered and multiplied out. */
  function embed(): string {
    const packed = blocks(table, EMBEDDING);
    if (packed === null)
      return graph.add('embedding', 'Gather', [
        graph.hold(floats(table, EMBEDDING, [vocabulary, embedding])),
        'input_ids',
      ]);
    const { bits, blockLength, quants, scales } = packed;
    const flat = { ...quants, name: `${quants.name}.rows`, shape: [vocabulary, (embedding * bits) / 8] };
    const rows = { ...scales, name: `${scales.name}.rows` };
    return graph.add('embedding', 'GatherBlockQuantized', [graph.hold(flat), 'input_ids', graph.hold(rows)], {
      contrib: true,
      attributes: { bits, block_size: blockLength, gather_axis: 0, quantize_axis: 1 },
    });
  }

  function block(layer: number, input: string): string {
    const name = `layers.${layer}`;
    const at = (part: string) => `blk.${layer}.${part}.weight`;
    const before = norm(`${name}/attention`, input, at('attn_norm'));
    const query = perHead(layer, 'q', heads, linear(`${name}/query`, before, at('attn_q')));
    const key = perHead(layer, 'k', kvHeads, linear(`${name}/key`, before, at('attn_k')));
    const values = linear(`${name}/value`, before, at('attn_v'));
    const without = family.withoutPositions ?? 0;
    const turns = without === 0 || (layer + 1) % without !== 0;
    const past = (part: string) => `past_key_values.${layer}.${part}`;
    const attended = graph.add(
      `${name}/attention`,
      'GroupQueryAttention',
      [query, key, values, past('key'), past('value'), ...lengths, ...(turns ? [cos, sin] : [])],
      {
        contrib: true,
        attributes: {
          num_heads: heads,
          kv_num_heads: kvHeads,
          scale: { float: 1 / Math.sqrt(headLength) },
          ...(turns ? { do_rotary: 1, rotary_interleaved: family.neighbours ? 1 : 0 } : {}),
        },
        outputs: [`${name}/attended`, `present.${layer}.key`, `present.${layer}.value`],
      },
    );
    const mixed = graph.add(`${name}/mixed`, 'Add', [
      input,
      linear(`${name}/output`, attended, at('attn_output')),
    ]);
    const between = norm(`${name}/feed-forward`, mixed, at('ffn_norm'));
    const gate = activated(`${name}/gate`, linear(`${name}/gate`, between, at('ffn_gate')));
    const up = linear(`${name}/up`, between, at('ffn_up'));
    const gated = graph.add(`${name}/gated`, 'Mul', [gate, up]);
    return graph.add(`${name}/done`, 'Add', [mixed, linear(`${name}/down`, gated, at('ffn_down'))]);
  }

  /** Qwen 3: each head has the same norm of its own. */
  function perHead(layer: number, part: 'q' | 'k', count: number, input: string): string {
    const weight = model.optional(`blk.${layer}.attn_${part}_norm.weight`);
    if (weight === null) return input;
    const name = `layers.${layer}/${part}`;
    const split = graph.add(`${name}/heads`, 'Reshape', [input, graph.whole([0, 0, count, headLength])]);
    const normed = graph.add(
      `${name}/norm`,
      'SimplifiedLayerNormalization',
      [split, graph.hold(floats(weight, weight.name, [headLength]))],
      { attributes: { axis: -1, epsilon: { float: rmsEpsilon }, stash_type: 1 } },
    );
    return graph.add(`${name}/joined`, 'Reshape', [normed, graph.whole([0, 0, count * headLength])]);
  }

  function activated(name: string, input: string): string {
    if (family.activation === 'gelu')
      return graph.add(`${name}/gelu`, 'Gelu', [input], { attributes: { approximate: 'tanh' } });
    return graph.add(`${name}/silu`, 'Mul', [input, graph.add(`${name}/sigmoid`, 'Sigmoid', [input])]);
  }
}

/** @returns what attention has to know of lengths: the last position of each sequence, and the tokens of the longest. */
function counted(graph: GraphBuilder): readonly [string, string] {
  const i32 = { attributes: { to: typeNumber('i32') } };
  const tokens = graph.add('tokens', 'ReduceSum', ['attention_mask', graph.whole([1])], {
    attributes: { keepdims: 0 },
  });
  const last = graph.add('tokens/last', 'Sub', [tokens, graph.whole([1])]);
  const length = graph.add('tokens/length', 'Gather', [
    graph.add('tokens/shape', 'Shape', ['attention_mask']),
    graph.whole(1),
  ]);
  return [
    graph.add('tokens/last/i32', 'Cast', [last], i32),
    graph.add('tokens/length/i32', 'Cast', [length], i32),
  ];
}
