import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { toFailure } from '../../core/errors.js';
import { readOptions } from '../../core/experiment/options.js';
import { onnx } from '../../core/runners/onnx.js';
import { NO_ENGINES } from '../../engines/config.js';
import { findLibraries } from '../../engines/native/onnxruntime/libraries.js';
import { probeProviders } from '../../engines/native/onnxruntime/probe.js';
import { openAnyGraph } from '../../engines/runners/onnx/graph.js';
import { onnxRunner } from '../../engines/runners/onnx/index.js';
import { decoderOf, fallbackWarnings, loadModel, openGraph } from '../../engines/runners/onnx/load.js';
import { openProfiled } from '../../engines/runners/onnx/profiled.js';
import { type GeneratorRequest, type GraphRequest, open } from '../../engines/runners/runner.js';
import { sharedFolder } from '../support/folder.js';

/** One decoder, as exporters spell it (test/fixtures/onnx/graphs.py). */
const graph = (name: string) => join(import.meta.dirname, '../fixtures/onnx', `${name}.onnx`);
const SPELLINGS = ['plain', 'cached', 'grouped', 'merged'];
const WORDS = 32;
const folder = sharedFolder();

const here = findLibraries().length > 0;
const request = (name: string, { options = {}, ...changes }: Partial<GeneratorRequest> = {}) => ({
  modelPath: graph(name),
  options: readOptions(onnx.options, options),
  deviceClass: 'cpu',
  deviceId: 'cpu0',
  cpus: [0],
  contextTokens: 40,
  sequences: 1,
  ...changes,
});
const tokens = Int32Array.from({ length: 12 }, (_, i) => (7 * i + 3) % WORDS);

/**
 * The decoder of graphs.py in double precision, of the weights that a graph holds: logits of the last token.
 */
function expected(sequence: Int32Array): number[] {
  const bytes = readFileSync(graph('plain'));
  const weight = (name: string, rows: number, columns: number) => {
    // Its name, a varint of the length, and then the numbers as they are (TensorProto.name, raw_data).
    const at = bytes.lastIndexOf(name) + name.length;
    const length = 4 * rows * columns;
    const start = bytes.indexOf(Buffer.from([0x4a]), at) + (length < 128 ? 2 : length < 16_384 ? 3 : 4);
    return Array.from({ length: rows }, (_, r) =>
      Array.from({ length: columns }, (_, c) => bytes.readFloatLE(start + 4 * (r * columns + c))),
    );
  };
  const layer = 'model.layers.0.self_attn.';
  const [E, Q, K, V] = [
    weight('model.embed_tokens.weight', WORDS, 16),
    ...['q', 'k', 'v'].map((one) => weight(`${layer}${one}_proj.weight`, 16, one === 'q' ? 16 : 8)),
  ] as [number[][], number[][], number[][], number[][]];
  const [O, head] = [weight(`${layer}o_proj.weight`, 16, 16), weight('lm_head.weight', 16, WORDS)];
  const times = (x: readonly number[], W: readonly number[][]) =>
    W[0]!.map((_, c) => x.reduce((sum, value, r) => sum + value * W[r]![c]!, 0));
  const x = Array.from(sequence, (token) => E[token]!);
  const [keys, values] = [x.map((one) => times(one, K)), x.map((one) => times(one, V))];
  const query = times(x.at(-1)!, Q);
  const attended = [0, 1].flatMap((h) => {
    const scores = keys.map(
      (key) => key.reduce((sum, k, i) => sum + k * query[8 * h + i]!, 0) / Math.sqrt(8),
    );
    const most = Math.max(...scores);
    const shares = scores.map((score) => Math.exp(score - most));
    const all = shares.reduce((a, b) => a + b, 0);
    return values[0]!.map((_, i) =>
      values.reduce((sum, value, t) => sum + (shares[t]! / all) * value[i]!, 0),
    );
  });
  const added = times(attended, O);
  return times(
    x.at(-1)!.map((value, i) => value + added[i]!),
    head,
  );
}

test('nodes that another provider got are told, and most of them make a row of another provider', () => {
  const assigned = (own: number, others: number) => ({
    provider: 'QNNExecutionProvider',
    assigned: new Map([
      ['QNNExecutionProvider', own],
      ['CPUExecutionProvider', others],
    ]),
  });
  expect(fallbackWarnings(assigned(3, 0), 'qnn')).toEqual([]);
  expect(fallbackWarnings(assigned(9, 5), 'qnn')).toMatchObject([
    {
      code: 'engine-warning',
      severity: 'note',
      message: '5 of 14 nodes did not go to qnn: 5 on CPUExecutionProvider',
    },
  ]);
  expect(fallbackWarnings(assigned(0, 14), 'qnn')).toMatchObject([
    { code: 'provider-fallback', severity: 'invalid' },
  ]);
});

describe.skipIf(!here)('decoders in ONNX Runtime (needs onnxruntime-node)', () => {
  test('the library stays open where nothing but its addresses is held', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const model = await loadModel(request('cached'));
    for (let turn = 0; turn < 3; turn++) {
      collect();
      await new Promise(setImmediate);
    }
    model.prefill([tokens]);
    for (const [i, value] of expected(tokens).entries()) expect(model.lastLogits(0)[i]).toBeCloseTo(value, 4);
    model.close();
  });

  test.each(SPELLINGS)(
    '%s: logits are right at once, and after the cache was cut back and filled in pieces',
    async (name) => {
      const model = await loadModel(request(name));
      try {
        const right = expected(tokens);
        const near = (row: Float32Array) => {
          for (const [i, value] of right.entries()) expect(row[i]).toBeCloseTo(value, 4);
        };
        const seen: number[] = [];
        model.evaluate(tokens, 8, (index, row) => {
          seen.push(index);
          if (index === 11) near(row);
        });
        expect(seen).toEqual([8, 9, 10, 11]);
        model.reset(0);
        model.prefill([tokens.subarray(0, 5)]);
        model.reset(3);
        model.prefill([tokens.subarray(3, 9)]);
        model.steps([tokens.subarray(9, 10), tokens.subarray(10, 11)]);
        model.evaluate(tokens.subarray(11), 0, (_, row) => near(row));
        expect(() => model.prefill([new Int32Array(30)])).toThrow('do not fit into the cache of 40');
        expect(model.facts).toMatchObject({ vocabularySize: WORDS, contextLength: 40 });
        // Two sides of keys and values, or one that is written in place.
        const copies = { plain: 0, cached: 2, grouped: 1, merged: 2 }[name]!;
        expect(model.facts.kvCacheBytes).toBe(copies * 2 * 40 * 8 * 4);
      } finally {
        model.close();
      }
    },
  );

  test.each([
    ['cached', 6, 4],
    // Several sequences go into an empty cache alone.
    ['grouped', 20, 1],
  ])('%s: sequences of a batch do not mix, in passes as small as is asked', async (name, batch, passes) => {
    const others = tokens.map((token) => (token + 5) % WORDS);
    const model = await loadModel(request(name, { sequences: 2, options: { batch } }));
    model.prefill([tokens.subarray(0, 10), others.subarray(0, 10)]);
    const ends = model.steps([
      Int32Array.of(tokens[10]!, others[10]!),
      Int32Array.of(tokens[11]!, others[11]!),
    ]);
    expect(ends).toHaveLength(2);
    // Ten tokens of two sequences, six at once: three of each, and the last alone.
    expect(model.runs).toBe(passes + 2);
    const [first, second] = [model.lastLogits(0), model.lastLogits(1)];
    for (const [i, value] of expected(tokens).entries()) expect(first[i]).toBeCloseTo(value, 4);
    for (const [i, value] of expected(others).entries()) expect(second[i]).toBeCloseTo(value, 4);
    model.close();
  });

  test.each([
    ['grouped', { shareCache: false }, 2],
    ['grouped', { arenaGrowth: 'as-requested', arenaShrink: true }, 1],
    ['cached', { arena: false, memoryPattern: false }, 2],
    ['cached', { executionMode: 'parallel', interThreads: 2, arenaShrink: true }, 2],
  ] as const)('%s: %j changes no answer', async (name, options, sides) => {
    const model = await loadModel(request(name, { options }));
    model.prefill([tokens.subarray(0, 9)]);
    model.reset(4);
    model.prefill([tokens.subarray(4, 11)]);
    model.steps([tokens.subarray(11)]);
    const logits = model.lastLogits(0);
    for (const [i, value] of expected(tokens).entries()) expect(logits[i]).toBeCloseTo(value, 4);
    expect(model.facts).toMatchObject({
      kvCacheBytes: sides * 2 * 40 * 8 * 4,
      environment: { kvCacheShared: sides === 1, kvCacheMemory: 'Cpu' },
    });
    model.close();
  });

  test.each(['cached', 'grouped'])(
    '%s: a cache in memory of the session, which the CPU is not to touch, gives the same, also cut back',
    async (name) => {
      const graph = await openGraph(request(name));
      const { places } = graph.session;
      expect([...places.inputs, ...places.outputs]).toEqual(
        Array.from([...graph.session.inputs, ...graph.session.outputs], () => ({
          info: expect.any(BigInt),
          name: 'Cpu',
          host: true,
        })),
      );
      // No accelerator is needed: the provider's allocator is asked as a device's would be, and nobody looks
      // into what it gives.
      const hidden = (all: typeof places.inputs) => all.map((place) => ({ ...place, host: false }));
      const session = {
        ...graph.session,
        places: { inputs: hidden(places.inputs), outputs: hidden(places.outputs) },
      };
      const model = decoderOf({ ...graph, session }, { contextTokens: 40, sequences: 1 });
      model.prefill([tokens.subarray(0, 7)]);
      model.steps([Int32Array.of(1), Int32Array.of(2)]);
      const runs = model.runs;
      // Rows of a cache that has two sides would have to move: it is filled again, and says so.
      expect(model.reset(5)).toBe(name === 'grouped');
      expect(model.runs - runs).toBe(name === 'cached' ? 1 : 0);
      model.prefill([tokens.subarray(5)]);
      const logits = model.lastLogits(0);
      for (const [i, value] of expected(tokens).entries()) expect(logits[i]).toBeCloseTo(value, 4);
      model.close();
    },
  );

  test('a profile tells every operator with its bytes, round by round', async () => {
    const model = await openProfiled(request('cached'));
    model.reset(0);
    model.prefill([tokens.subarray(0, 4)]);
    model.watch(true);
    model.take();
    model.prefill([tokens.subarray(4)]);
    const watched = model.take();
    model.watch(false);
    model.prefill([tokens]);
    const plain = model.take();
    const operators = watched();
    expect(plain()).toEqual([]);
    const products = operators.filter(({ op }) => op === 'MatMul');
    expect(products.map(({ operator }) => operator)).toEqual(
      expect.arrayContaining(['q_proj', 'k_proj', 'v_proj', 'o_proj', 'lm_head']),
    );
    const head = products.find(({ operator }) => operator === 'lm_head');
    // Eight tokens of 16 numbers, the matrix, and eight rows of logits.
    expect(head).toMatchObject({
      module: 'lm-head',
      flops: 2 * 8 * 16 * WORDS,
      bytes: 4 * (8 * 16 + 16 * WORDS + 8 * WORDS),
      provider: 'CPUExecutionProvider',
    });
    model.close();
  });

  test('what cannot be opened or run is one sentence with what to do', async () => {
    const bytes = readFileSync(graph('cached'));
    const spelled = (name: string, content: Uint8Array) => {
      const path = join(folder, `${name}.onnx`);
      writeFileSync(path, content);
      return path;
    };
    const renamed = (from: string, to: string) =>
      Buffer.from(bytes.toString('latin1').replaceAll(from, to), 'latin1');
    const opened = async (changes: Partial<GeneratorRequest>) => {
      const error = await loadModel(request('cached', changes)).then(() => null, toFailure);
      expect(error?.message).toMatch(/\.$/);
      expect(error?.message).not.toMatch(/\n|onnxruntime_src/);
      if (error?.code !== 'model-missing') expect(error?.hint).toMatch(/\.$/);
      return [error?.code, error?.message];
    };
    const path = (modelPath: string) => opened({ modelPath });
    expect(await path(spelled('cut', bytes.subarray(0, 5000)))).toEqual([
      'model-unreadable',
      'ONNX Runtime cannot load cut.onnx: Protobuf parsing failed.',
    ]);
    expect(await path(spelled('empty', Buffer.alloc(0)))).toEqual([
      'model-unreadable',
      'ONNX Runtime cannot load empty.onnx: ModelProto does not have a graph.',
    ]);
    expect(await path(spelled('operator', renamed('Softmax', 'Softmix')))).toEqual([
      'model-unsupported',
      'ONNX Runtime cannot load operator.onnx: node /model/layers.0/self_attn/Softmix (Softmix): No Op registered for Softmix with domain_version of 17.',
    ]);
    expect(await path(graph('away'))).toEqual([
      'model-unreadable',
      expect.stringMatching(/away\.onnx: External data path .* does not exist: .*weights\.bin"\.$/),
    ]);
    expect(await path(graph('classes'))).toEqual([
      'model-unsupported',
      expect.stringContaining('it also takes pixels, a float32[batch, 3, height, width]'),
    ]);
    expect(await path(join(folder, 'nothing.onnx'))).toEqual(['model-missing', expect.anything()]);
    const provider = (executionProvider: string, onnxRuntimes = {}) =>
      opened({ options: { executionProvider }, engines: { ...NO_ENGINES, onnxRuntimes } });
    expect(await provider('qnn')).toEqual([
      'device-missing',
      'ONNX Runtime cannot use qnn: QNN execution provider is not supported in this build.',
    ]);
    expect(await provider('Own')).toEqual([
      'device-missing',
      'ONNX Runtime cannot use Own: no execution provider is called Own.',
    ]);
    expect(await provider('Own', { own: { plugins: { Own: '/nowhere/libown.so' } } })).toEqual([
      'device-missing',
      expect.stringContaining('/nowhere/libown.so: cannot open shared object file'),
    ]);
    expect(await opened({ options: { engine: 'onnxruntime 1.2.3' } })).toEqual([
      'engine-mismatch',
      expect.stringMatching(/^This node has no onnxruntime 1\.2\.3; it has onnxruntime 1\./),
    ]);
    const model = await loadModel(request('cached'));
    expect(() => model.prefill([Int32Array.of(WORDS)])).toThrow(
      /could not evaluate 1 tokens of 1 sequences: .*indices element out of data bounds/,
    );
    model.close();
    const mute = await open(onnxRunner, 'language-model', request('cached')).then(() => null, toFailure);
    expect(mute).toMatchObject({
      code: 'model-unsupported',
      hint: expect.stringContaining('tokenizer.json'),
    });
  });

  test('any graph runs on inputs of its own types and sizes', async () => {
    const opened = (changes: Partial<GraphRequest> = {}, file = graph('classes')) =>
      openAnyGraph({
        ...request('classes', { modelPath: file }),
        graph: { items: 3, size: 8, sizes: { height: 16 }, seed: 1, ...changes },
      });
    const ready = await opened();
    expect(ready.record).toEqual({
      items: 3,
      inputs: [{ name: 'pixels', type: 'float32', shape: [3, 3, 16, 8] }],
      outputs: [{ name: 'shares', type: 'float32', shape: [3, 5] }],
    });
    expect(ready.facts.modelBytes).toBe(3 * 5 * 4);
    expect(ready.call(4).every((seconds) => seconds > 0)).toBe(true);
    ready.close();
    // Words and masks: a decoder is a graph like any other.
    const words = await opened({ sizes: { sequence: 6, total: 6, past: 1 }, size: 1 }, graph('cached')).then(
      () => null,
      toFailure,
    );
    expect(words?.message).toMatch(/^ONNX Runtime could not evaluate inputs of input_ids int64\[3, 6\]/);
    const unknown = await opened({ sizes: { depth: 4 } }).then(() => null, toFailure);
    expect(unknown).toMatchObject({
      code: 'impossible-combination',
      message: 'The graph has no open dimension depth; it has batch, height, width.',
    });
  });

  test('providers are tried with a small graph, each in a process of its own', async () => {
    const found = await probeProviders(
      findLibraries({ broken: { library: '/nowhere/libonnxruntime.so', plugins: {} } }),
    );
    const of = (provider: string, name: string | null = null) =>
      found.find((one) => one.provider === provider && one.library.name === name);
    expect(of('cpu')).toMatchObject({
      problem: null,
      hint: null,
      release: expect.stringMatching(/^onnxruntime 1\./),
    });
    expect(of('openvino')?.problem).toMatch(/was built without it$/);
    expect(of('cpu', 'broken')).toMatchObject({
      release: null,
      problem: expect.stringContaining('cannot be opened'),
    });
  });
});
