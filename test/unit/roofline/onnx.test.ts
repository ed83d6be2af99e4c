import { describe, expect, test } from 'vitest';
import { sizeOf } from '../../../core/work/model-size.js';
import { architectureFromOnnx } from '../../../roofline/readers/onnx.js';

/** The wire format, as onnx.proto asks for it: what torch.onnx writes of a model, without weights. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}
const number = (field: number, value: number) => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, held: readonly number[]) => [
  ...varint(field * 8 + 2),
  ...varint(held.length),
  ...held,
];
const text = (field: number, word: string) => bytes(field, [...new TextEncoder().encode(word)]);

const FLOAT16 = 10;
const constant = (name: string, shape: readonly number[], packed = false, type = FLOAT16) =>
  bytes(5, [
    ...(packed ? bytes(1, shape.flatMap(varint)) : shape.flatMap((length) => number(1, length))),
    ...number(2, type),
    ...text(8, name),
    ...bytes(9, [0, 0]),
  ]);
const node = (kind: string, inputs: readonly string[]) =>
  bytes(1, [...inputs.flatMap((input) => text(1, input)), ...text(2, 'out'), ...text(4, kind)]);

/** 2 heads of 4, 1 of keys, 8 elements, feed-forward of 16, 300 tokens. */
const LAYER = [
  [8, 8],
  [8, 4],
  [8, 4],
  [8, 8],
  [8, 16],
  [8, 16],
  [16, 8],
] as const;

function model(
  layers: number,
  options: { readonly packed?: boolean; readonly leaveOut?: number; readonly type?: number } = {},
) {
  const matrices = Array.from({ length: layers }, () => LAYER).flat();
  const graph = [
    ...constant('table', [300, 8], options.packed),
    ...node('Gather', ['table', 'ids']),
    // A product of two activations is no matrix of the model.
    ...node('MatMul', ['scores', 'values']),
    ...matrices.flatMap((shape, i) =>
      i === options.leaveOut
        ? []
        : [...constant(`w${i}`, shape, options.packed), ...node('MatMul', ['x', `w${i}`])],
    ),
    ...constant('head', [8, 300], options.packed, options.type),
    ...node('MatMul', ['x', 'head']),
  ];
  return Uint8Array.from([...number(1, 8), ...text(2, 'pytorch'), ...bytes(7, graph)]);
}

const facts = { heads: 2, contextLength: 64 };

describe('an ONNX graph', () => {
  for (const packed of [false, true]) {
    test(`its matrices are the model's (dimensions ${packed ? 'packed' : 'one by one'})`, () => {
      const reading = architectureFromOnnx(model(3, { packed }), facts);
      if (!reading.ok) throw new Error(reading.reason);
      const { architecture } = reading;
      expect(architecture).toMatchObject({ embedding: 8, vocabulary: 300, contextLength: 64 });
      expect(architecture.layers).toMatchObject([
        {
          count: 3,
          attention: { heads: 2, kvHeads: 1, keyLength: 4, query: { bits: 16 } },
          feedForward: { up: { inputs: 8, outputs: 16 } },
        },
      ]);
      const matrices = 3 * LAYER.reduce((sum, [a, b]) => sum + a * b, 0) + 2 * 8 * 300;
      expect(sizeOf(architecture).parameters).toBe(matrices + (3 * 2 + 1) * 8);
    });
  }

  test('what it cannot be is refused in a sentence', () => {
    const refused = (held: Uint8Array, heads = 2) => {
      const reading = architectureFromOnnx(held, { ...facts, heads });
      return reading.ok ? 'was read' : reading.reason;
    };
    const whole = model(2);
    expect(refused(whole.subarray(0, whole.length - 5))).toMatch(/cut off/);
    expect(refused(new Uint8Array())).toMatch(/holds no ONNX graph/);
    expect(refused(new TextEncoder().encode('<html>'))).toMatch(/no ONNX|cut off/);
    expect(refused(model(2, { leaveOut: 3 }))).toMatch(/14 products with constants/);
    expect(refused(model(2, { type: 99 }))).toMatch(/constant head has a data_type whose bits are not known/);
    expect(refused(whole, 3)).toMatch(/layer 0 are not those of a Llama-like layer with 3 heads/);
  });
});
