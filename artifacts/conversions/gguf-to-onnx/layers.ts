import type { FileTensor } from '../../../formats/gguf/header.js';
import type { GraphBuilder } from './builder.js';
import { type Described, EMBEDDING } from './described.js';
import { blocks, floats, turned } from './weights.js';

/**
 * What products by MatMulNBits round their inputs to: int8 in blocks, as llama.cpp's products of quantized
 * weights do.
 */
const INT8_INPUTS = 4;

/** What attention is given in every layer. */
export interface Attention {
  /** The last position of each sequence, and the tokens of the longest. */
  readonly lengths: readonly [string, string];
  /** Tables of rotary positions. */
  readonly cos: string;
  readonly sin: string;
}

/** Adds the parts of a decoder to a graph. Each returns the name of its output. */
export class Layers {
  readonly #model: Described;
  readonly #graph: GraphBuilder;

  constructor(model: Described, graph: GraphBuilder) {
    this.#model = model;
    this.#graph = graph;
  }

  norm(name: string, input: string, weight: string): string {
    const held = this.#model.tensor(weight);
    return this.#normBy(`${name}/norm`, input, held, held.shape[0] ?? 0);
  }

  #normBy(name: string, input: string, weight: FileTensor, length: number): string {
    const { rmsEpsilon } = this.#model;
    const held = this.#graph.hold(floats(weight, weight.name, [length]));
    const attributes = { axis: -1, epsilon: { float: rmsEpsilon }, stash_type: 1 };
    return this.#graph.add(name, 'SimplifiedLayerNormalization', [input, held], { attributes });
  }

  #linear(name: string, input: string, tensor: string): string {
    const product = this.multiply(name, input, this.#model.tensor(tensor), tensor);
    const bias = this.#model.optional(tensor.replace(/weight$/, 'bias'));
    if (bias === null) return product;
    const held = this.#graph.hold(floats(bias, bias.name, [bias.shape[0] ?? 0]));
    return this.#graph.add(`${name}/add`, 'Add', [product, held]);
  }

  /** @param weight what its constants are called. */
  multiply(name: string, input: string, of: FileTensor, weight: string): string {
    const graph = this.#graph;
    const packed = blocks(of, weight);
    const outputs = [name];
    if (packed === null)
      return graph.add(`${name}/MatMul`, 'MatMul', [input, graph.hold(turned(of, weight))], { outputs });
    const { bits, blockLength, quants, scales } = packed;
    const [K = 0, N = 0] = of.shape;
    const inputs = [input, graph.hold(quants), graph.hold(scales)];
    const attributes = { K, N, bits, block_size: blockLength, accuracy_level: INT8_INPUTS };
    return graph.add(`${name}/MatMulNBits`, 'MatMulNBits', inputs, { contrib: true, attributes, outputs });
  }

  /** Rows of the table for the tokens that are given. */
  embed(table: FileTensor): string {
    const { embedding, family } = this.#model;
    const rows = this.#rowsOf(table);
    if (family.scaledEmbedding !== true) return rows;
    const scale = this.#graph.number('embedding.scale', Math.sqrt(embedding));
    return this.#graph.add('embedding/scaled', 'Mul', [rows, scale]);
  }

  /** The table as it lies: of floats rows are gathered, of blocks they are gathered and multiplied out. */
  #rowsOf(table: FileTensor): string {
    const graph = this.#graph;
    const { vocabulary, embedding } = this.#model;
    const packed = blocks(table, EMBEDDING);
    if (packed === null) {
      const held = graph.hold(floats(table, EMBEDDING, [vocabulary, embedding]));
      return graph.add('embedding', 'Gather', [held, 'input_ids']);
    }
    const { bits, blockLength, quants, scales } = packed;
    const flat = { ...quants, name: `${quants.name}.rows`, shape: [vocabulary, (embedding * bits) / 8] };
    const rows = { ...scales, name: `${scales.name}.rows` };
    const inputs = [graph.hold(flat), 'input_ids', graph.hold(rows)];
    const attributes = { bits, block_size: blockLength, gather_axis: 0, quantize_axis: 1 };
    return graph.add('embedding', 'GatherBlockQuantized', inputs, { contrib: true, attributes });
  }

  /** A layer: attention, then the feed-forward part, each behind a norm and added to what came in. */
  block(layer: number, input: string, attention: Attention): string {
    const graph = this.#graph;
    const name = `layers.${layer}`;
    const weightName = (part: string) => `blk.${layer}.${part}.weight`;
    const attended = this.#attend(layer, input, attention);
    const output = this.#linear(`${name}/output`, attended, weightName('attn_output'));
    const mixed = graph.add(`${name}/mixed`, 'Add', [input, output]);
    const between = this.norm(`${name}/feed-forward`, mixed, weightName('ffn_norm'));
    const gate = this.#activated(
      `${name}/gate`,
      this.#linear(`${name}/gate`, between, weightName('ffn_gate')),
    );
    const up = this.#linear(`${name}/up`, between, weightName('ffn_up'));
    const gated = graph.add(`${name}/gated`, 'Mul', [gate, up]);
    return graph.add(`${name}/done`, 'Add', [
      mixed,
      this.#linear(`${name}/down`, gated, weightName('ffn_down')),
    ]);
  }

  #attend(layer: number, input: string, { lengths, cos, sin }: Attention): string {
    const { heads, kvHeads, headLength, family } = this.#model;
    const name = `layers.${layer}`;
    const weightName = (part: string) => `blk.${layer}.${part}.weight`;
    const before = this.norm(`${name}/attention`, input, weightName('attn_norm'));
    const query = this.#perHead(
      layer,
      'q',
      heads,
      this.#linear(`${name}/query`, before, weightName('attn_q')),
    );
    const key = this.#perHead(layer, 'k', kvHeads, this.#linear(`${name}/key`, before, weightName('attn_k')));
    const values = this.#linear(`${name}/value`, before, weightName('attn_v'));
    const without = family.withoutPositions ?? 0;
    const turns = without === 0 || (layer + 1) % without !== 0;
    const cacheName = (part: string) => `past_key_values.${layer}.${part}`;
    const inputs = [
      query,
      key,
      values,
      cacheName('key'),
      cacheName('value'),
      ...lengths,
      ...(turns ? [cos, sin] : []),
    ];
    const attributes = {
      num_heads: heads,
      kv_num_heads: kvHeads,
      scale: { float: 1 / Math.sqrt(headLength) },
      ...(turns ? { do_rotary: 1, rotary_interleaved: family.neighbours ? 1 : 0 } : {}),
    };
    const outputs = [`${name}/attended`, `present.${layer}.key`, `present.${layer}.value`];
    const call = { contrib: true, attributes, outputs } as const;
    return this.#graph.add(`${name}/attention`, 'GroupQueryAttention', inputs, call);
  }

  /** Qwen 3: each head has the same norm of its own. */
  #perHead(layer: number, part: 'q' | 'k', count: number, input: string): string {
    const graph = this.#graph;
    const { headLength } = this.#model;
    const weight = this.#model.optional(`blk.${layer}.attn_${part}_norm.weight`);
    if (weight === null) return input;
    const name = `layers.${layer}/${part}`;
    const split = graph.add(`${name}/heads`, 'Reshape', [input, graph.integers([0, 0, count, headLength])]);
    const normed = this.#normBy(`${name}/norm`, split, weight, headLength);
    return graph.add(`${name}/joined`, 'Reshape', [normed, graph.integers([0, 0, count * headLength])]);
  }

  #activated(name: string, input: string): string {
    const graph = this.#graph;
    if (this.#model.family.activation === 'gelu')
      return graph.add(`${name}/gelu`, 'Gelu', [input], { attributes: { approximate: 'tanh' } });
    return graph.add(`${name}/silu`, 'Mul', [input, graph.add(`${name}/sigmoid`, 'Sigmoid', [input])]);
  }
}
