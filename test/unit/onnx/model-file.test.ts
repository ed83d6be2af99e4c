import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { quantizeGraph } from '../../../artifacts/onnx/quantize.js';
import { readGraphQuantization } from '../../../core/techniques/graph-quantization.js';
import { attributes, floatOf, intOf } from '../../../formats/onnx/attributes.js';
import { onnx } from '../../../formats/onnx/format.js';
import { CONTRIB, constant, type OnnxModel } from '../../../formats/onnx/model.js';
import { readOnnx } from '../../../formats/onnx/reader.js';
import { typeNumber } from '../../../formats/onnx/types.js';
import { ATTRIBUTE, ENTRY, GRAPH, Message, NODE, TENSOR } from '../../../formats/onnx/wire.js';
import { writeOnnx } from '../../../formats/onnx/writer.js';
import { sharedFolder } from '../../support/folder.js';

const folder = sharedFolder();

const weights = Float32Array.from({ length: 1024 }, (_, i) => i / 7);
const bytes = new Uint8Array(weights.buffer);
/** Fields of numbers that nobody knows. */
const unknown = (number: number) =>
  new Message()
    .text(number, 'kept')
    .int(number + 1, 77)
    .finish();

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
    valueInfo: [new Message().text(1, 'between').finish()],
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

describe('weights in other files, wherever in the graph a tensor names one', () => {
  const entries = (location: string | Uint8Array) => {
    const entry = new Message().text(ENTRY.key, 'location').entry(ENTRY.value, location).finish();
    return new Message().entry(TENSOR.external, entry).int(TENSOR.location, 1).finish();
  };
  const tensor = (location: string | Uint8Array) =>
    new Message()
      .int(TENSOR.dimension, 1)
      .int(TENSOR.type, 1)
      .text(TENSOR.name, 'c')
      .raw(entries(location))
      .finish();
  const attribute = (number: number, held: Uint8Array) =>
    new Message().text(ATTRIBUTE.name, 'value').entry(number, held).finish();
  const node = (held: Uint8Array) =>
    new Message().text(NODE.kind, 'Constant').entry(NODE.attribute, held).finish();
  const constantNode = (location: string | Uint8Array) => node(attribute(ATTRIBUTE.tensor, tensor(location)));
  const graph = (held: Uint8Array) => new Message().entry(GRAPH.node, held).finish();
  const inBranch = (location: string) => node(attribute(ATTRIBUTE.graph, graph(constantNode(location))));
  const sparse = (location: string) => new Message().entry(1, tensor(location)).finish();

  /** Each a model whose one tensor is elsewhere. */
  const places: Readonly<Record<string, (location: string) => Uint8Array>> = {
    'a constant': (at) => new Message().entry(7, new Message().entry(5, tensor(at)).finish()).finish(),
    'a node': (at) => new Message().entry(7, graph(constantNode(at))).finish(),
    'a list of a node': (at) => new Message().entry(7, graph(node(attribute(10, tensor(at))))).finish(),
    'a branch of a branch': (at) =>
      new Message().entry(7, graph(node(attribute(ATTRIBUTE.graphs, graph(inBranch(at)))))).finish(),
    "a branch's constants": (at) => {
      const branch = new Message().entry(GRAPH.constant, tensor(at)).finish();
      return new Message().entry(7, graph(node(attribute(ATTRIBUTE.graph, branch)))).finish();
    },
    'a sparse constant': (at) =>
      new Message().entry(7, new Message().entry(15, sparse(at)).finish()).finish(),
    'a sparse attribute': (at) => new Message().entry(7, graph(node(attribute(22, sparse(at))))).finish(),
    'a function': (at) =>
      new Message()
        .entry(7, new Uint8Array())
        .entry(25, new Message().entry(7, constantNode(at)).finish())
        .finish(),
    training: (at) => {
      const training = new Message().entry(1, graph(constantNode(at))).finish();
      return new Message().entry(7, new Uint8Array()).entry(20, training).finish();
    },
  };

  test.each(Object.keys(places))('of %s are part of the model, and lie beside it', (place) => {
    const path = join(folder, 'named.onnx');
    const put = (location: string) => writeFileSync(path, places[place]!(location));
    writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(4));
    put('weights.bin');
    expect(onnx.files(path)).toEqual([path, join(folder, 'weights.bin')]);
    expect(readOnnx(path).nodesNeedFiles).toBe(place !== 'a constant');
    for (const away of ['/etc/passwd', '../weights.bin', '*/_ORT_MEM_ADDR_/*', 'a/../../weights.bin', '']) {
      put(away);
      expect(() => onnx.files(path), away).toThrow(/is no file beside it/);
    }
    put('none.bin');
    expect(() => onnx.files(path)).toThrow(/which is not beside it/);
  });

  test('are those that the engine opens, however their name is written', () => {
    const path = join(folder, 'written.onnx');
    writeFileSync(path, new Message().entry(7, graph(constantNode(Buffer.from([0xff])))).finish());
    expect(() => readOnnx(path)).toThrow(/is no file beside it/);
    const twice = new Message()
      .text(ENTRY.key, 'length')
      .text(ENTRY.key, 'location')
      .text(ENTRY.value, '/etc/passwd');
    const tensor = new Message().entry(TENSOR.external, twice.finish()).finish();
    writeFileSync(path, new Message().entry(7, graph(node(attribute(ATTRIBUTE.tensor, tensor)))).finish());
    expect(() => readOnnx(path)).toThrow(/"\/etc\/passwd", which is no file beside it/);
    const two = new Message().entry(7, graph(constantNode('/etc/passwd'))).entry(7, new Uint8Array());
    writeFileSync(path, two.finish());
    expect(() => readOnnx(path)).toThrow('the file holds two graphs');
  });

  test('in branches without end are refused', () => {
    const path = join(folder, 'deep.onnx');
    let held = constantNode('weights.bin');
    for (let i = 0; i < 40; i++) held = node(attribute(ATTRIBUTE.graph, graph(held)));
    writeFileSync(path, new Message().entry(7, graph(held)).finish());
    expect(() => readOnnx(path)).toThrow('its graphs lie in each other without end');
  });

  test('are not written again, and a graph of such nodes is not quantized', async () => {
    const path = join(folder, 'nodes.onnx');
    writeFileSync(join(folder, 'weights.bin'), Buffer.alloc(4));
    writeFileSync(path, places['a node']!('weights.bin'));
    const reading = readGraphQuantization('int8_dynamic');
    const quantization = reading?.ok === true ? reading.value : expect.unreachable();
    const request = { inputPath: path, outputPath: join(folder, 'made'), quantization };
    await expect(quantizeGraph(request, () => {})).rejects.toThrow(
      'nodes.onnx has constants inside of nodes that lie in other files',
    );
  });
});
