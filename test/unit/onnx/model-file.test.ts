import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { attributes, floatOf, intOf } from '../../../formats/onnx/attributes.js';
import { onnx } from '../../../formats/onnx/format.js';
import { CONTRIB, constant, type OnnxModel } from '../../../formats/onnx/model.js';
import { readOnnx } from '../../../formats/onnx/reader.js';
import { typeNumber } from '../../../formats/onnx/types.js';
import { Message } from '../../../formats/onnx/wire.js';
import { writeOnnx } from '../../../formats/onnx/writer.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-onnx-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const weights = Float32Array.from({ length: 1024 }, (_, i) => i / 7);
const bytes = new Uint8Array(weights.buffer);
/** Fields of numbers that nobody knows. */
const unknown = (number: number) =>
  new Message()
    .text(number, 'kept')
    .int(number + 1, 77)
    .done();

const model: OnnxModel = {
  irVersion: 9,
  opsets: new Map([
    ['', 20],
    [CONTRIB, 1],
  ]),
  graph: {
    nodes: [
      {
        name: 'product',
        kind: 'MatMul',
        domain: '',
        inputs: ['x', 'w'],
        outputs: ['y'],
        attributes: attributes({ axis: -1, epsilon: { float: 0.5 }, mode: 'tanh', sizes: [1, 300] }),
        rest: unknown(40),
      },
    ],
    constants: [
      constant('w', 'f32', [32, 32], () => [bytes.subarray(0, 100), bytes.subarray(100)]),
      constant('few', 'i64', [2], () => [new Uint8Array(BigInt64Array.of(-1n, 2n).buffer)]),
    ],
    inputs: [{ name: 'x', type: typeNumber('f32'), shape: ['batch', null, 32] }],
    outputs: [{ name: 'y', type: typeNumber('f32'), shape: null }],
    valueInfo: [new Message().text(1, 'between').done()],
    rest: unknown(50),
  },
  rest: unknown(60),
};

async function read(path: string) {
  const file = readOnnx(path);
  const held = async (name: string) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of file.graph.constants.find((one) => one.name === name)!.data!())
      chunks.push(chunk);
    return Buffer.concat(chunks);
  };
  return { file, w: await held('w'), few: await held('few') };
}

describe('a model that was written', () => {
  test.each([false, true])('is read as it was, weights beside it: %s', async (beside) => {
    const path = join(folder, `beside-${beside}.onnx`);
    const written = await writeOnnx(path, model, beside);
    const { file, w, few } = await read(path);
    expect(w).toEqual(Buffer.from(bytes));
    expect(new BigInt64Array(new Uint8Array(few).buffer)).toEqual(BigInt64Array.of(-1n, 2n));
    expect(file.besides.map((one) => basename(one))).toEqual(beside ? [`beside-${beside}.onnx.data`] : []);
    expect(file.fileBytes).toBe(written);
    expect(file.opsets).toEqual(model.opsets);
    const { nodes, inputs, outputs } = file.graph;
    expect(nodes).toMatchObject([{ name: 'product', kind: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }]);
    expect([intOf(nodes[0]!, 'axis', 0), intOf(nodes[0]!, 'none', 3)]).toEqual([-1, 3]);
    expect(floatOf(nodes[0]!, 'epsilon', 0)).toBe(0.5);
    expect([...inputs, ...outputs]).toMatchObject([...model.graph.inputs, ...model.graph.outputs]);
  });

  test('is written again byte by byte, with fields that nobody knows', async () => {
    const [first, second] = [join(folder, 'first.onnx'), join(folder, 'second.onnx')];
    await writeOnnx(first, model);
    const { file } = await read(first);
    await writeOnnx(second, file);
    const [a, b] = [readFileSync(first), readFileSync(second)];
    expect(b.equals(a)).toBe(true);
    expect(b.toString('latin1').match(/kept/g)).toHaveLength(3);
  });

  test('says what it holds', async () => {
    const path = join(folder, 'facts.onnx');
    await writeOnnx(path, model, true);
    expect(onnx.inspect(path)).toMatchObject({
      facts: { format: 'onnx', quantization: 'f32', bytes: statSync(path).size + 4096 },
      weightBytes: 4096 + 16,
    });
    expect(onnx.files(path)).toEqual([path, `${path}.data`]);
    expect(onnx.details(path).tensors).toMatchObject([
      { name: 'w', type: 'f32', bytes: 4096 },
      { name: 'few' },
    ]);
  });
});

describe('a model that is not whole is refused in a sentence', () => {
  const refusal = (path: string) => {
    try {
      readOnnx(path);
      return 'was read';
    } catch (error) {
      return (error as Error).message;
    }
  };

  test('cut off anywhere', async () => {
    const path = join(folder, 'cut.onnx');
    const size = await writeOnnx(path, model);
    for (let left = size - 1; left > 0; left -= 97) {
      truncateSync(path, left);
      expect(refusal(path)).toMatch(/cut off|holds no ONNX graph|no ONNX model/);
    }
  });

  test('with weights that are not beside it, or too few of them, or anywhere else', async () => {
    const path = join(folder, 'away.onnx');
    await writeOnnx(path, model, true);
    const whole = readFileSync(path);
    truncateSync(`${path}.data`, 4000);
    expect(refusal(path)).toBe(
      'away.onnx.data is cut off: it has 4000 bytes, and the weights of "w" end at 4096',
    );
    rmSync(`${path}.data`);
    expect(refusal(path)).toBe('the weights of "w" are in away.onnx.data, which is not beside it');
    for (const place of ['../escape.data', '/etc/passwd.da']) {
      writeFileSync(path, Buffer.from(whole.toString('latin1').replace('away.onnx.data', place), 'latin1'));
      expect(refusal(path)).toMatch(/is no file beside it/);
    }
  });

  test('with a shape that its weights do not fit', async () => {
    const path = join(folder, 'shape.onnx');
    const [w, few] = model.graph.constants;
    const constants = [{ ...w!, shape: [32, 33] }, few!];
    await writeOnnx(path, { ...model, graph: { ...model.graph, constants } });
    expect(refusal(path)).toBe('the constant "w" has 4096 bytes, and its type and shape ask for 4224');
  });

  test('while it is written, a weight of another size than its shape leaves nothing behind', async () => {
    const path = join(folder, 'short.onnx');
    const constants = [constant('w', 'f32', [32, 32], () => [bytes.subarray(4)])];
    const writing = writeOnnx(path, { ...model, graph: { ...model.graph, constants } });
    await expect(writing).rejects.toThrow('the constant "w" gave 4092 of the 4096 bytes of its shape');
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});
