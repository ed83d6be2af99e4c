import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failed } from '../../../core/errors.js';
import { decodeFloats } from '../../../core/techniques/float-types.js';
import { CONFIG, fieldsOf, readJson } from '../../../formats/config-json.js';
import { ELEMENTS, spelled, type TensorInfo, tensorBytes } from '../../native/onnxruntime/tensors.js';
import { framed } from '../framed-text.js';
import type { Embedder, EmbedderInput } from '../opened.js';
import { openPublishedFrame, type PublishedFrame } from '../published-tokenizer.js';
import type { EmbedderDemands, EmbedderRequest } from '../runner.js';
import { type OpenedGraph, openGraph } from './load.js';
import { type HostBlock, Integers, Memory } from './memory.js';
import { runFailure } from './reasons.js';

/** Inputs that encoders take, by the names that exporters use, and what each has for a token of a text. */
const INPUTS = {
  input_ids: ({ tokens }: EmbedderInput, i: number, padding: number) => tokens[i] ?? padding,
  attention_mask: ({ tokens }: EmbedderInput, i: number) => (i < tokens.length ? 1 : 0),
  token_type_ids: ({ tokens, secondFrom }: EmbedderInput, i: number) =>
    i >= secondFrom && i < tokens.length ? 1 : 0,
} as const;
/** Numbers of ONNX Runtime's element types: float32, float16, bfloat16. */
const FLOATS: readonly number[] = [1, 10, 16];

/** Tokens of a batch, filled up to its longest text. */
const TOKENS_TOGETHER = 8192;
const USUAL_LONGEST = 512;

/** Opens an encoder, or a cross-encoder, for vectors of texts. @throws FailureError `model-unsupported` for a graph that takes or gives something else. */
export async function openEmbedder(request: EmbedderRequest): Promise<Embedder> {
  const graph = await openGraph(request);
  try {
    const folder = dirname(graph.path);
    const frame = openPublishedFrame(folder);
    if (frame === null)
      throw failed(
        'model-unsupported',
        `There is no tokenizer beside ${graph.path}, so it reads no text.`,
        'Put its tokenizer.json there.',
      );
    return new OnnxEmbedder(graph, frame, saidBeside(folder), request.pooling);
  } catch (error) {
    graph.session.close();
    throw error;
  }
}

interface PublishedPooling {
  /** As sentence-transformers' folders say it. */
  readonly pooling: 'mean' | 'cls' | 'last' | null;
  readonly longest: number;
}

function saidBeside(folder: string): PublishedPooling {
  const read = (...names: string[]) => {
    const path = join(folder, ...names);
    return existsSync(path) ? fieldsOf(readJson(path)) : {};
  };
  const pooling = read('1_Pooling', 'config.json');
  const longest = [
    read('sentence_bert_config.json').max_seq_length,
    read(CONFIG).max_position_embeddings,
  ].find((value) => Number.isSafeInteger(value) && Number(value) > 0);
  const modes = { mean: 'mean_tokens', cls: 'cls_token', last: 'lasttoken' } as const;
  const named = (Object.keys(modes) as (keyof typeof modes)[]).find(
    (mode) => pooling[`pooling_mode_${modes[mode]}`] === true,
  );
  return {
    pooling: named ?? null,
    longest: Number(longest ?? USUAL_LONGEST),
  };
}

/** What is read of a graph, and how it becomes one vector of a text. */
interface Output {
  readonly info: TensorInfo;
  readonly width: number;
  /** `ready` = the graph gives one row of a text. */
  readonly pooling: 'mean' | 'cls' | 'last' | 'ready';
}

class OnnxEmbedder implements Embedder {
  readonly facts: Embedder['facts'];
  readonly warnings: Embedder['warnings'];
  readonly width: number;
  readonly #graph: OpenedGraph;
  readonly #memory: Memory;
  readonly #frame: PublishedFrame;
  readonly #longest: number;
  readonly #output: Output;
  readonly #inputs: readonly { readonly info: TensorInfo; readonly block: HostBlock }[];
  readonly #states: HostBlock;
  readonly #names: { readonly inputs: BigUint64Array; readonly outputs: BigUint64Array };
  readonly #run: (...args: unknown[]) => unknown;

  constructor(
    graph: OpenedGraph,
    frame: PublishedFrame,
    said: PublishedPooling,
    asked: EmbedderDemands['pooling'],
  ) {
    const { session, runtime } = graph;
    const unknown = session.inputs.find(({ name }) => !Object.hasOwn(INPUTS, name));
    if (unknown !== undefined)
      throw unsupported(
        `The graph takes ${unknown.name} ${spelled(unknown)}; encoders of text take ${Object.keys(INPUTS).join(', ')}.`,
      );
    this.#graph = graph;
    this.#frame = frame;
    this.#longest = Math.min(said.longest, TOKENS_TOGETHER);
    this.#output = outputOf(session.outputs, asked, said.pooling);
    this.width = this.#output.width;
    this.#memory = new Memory(runtime, session);
    this.#inputs = session.inputs.map((info) => ({
      info,
      block: this.#memory.block(tensorBytes(info.type!, [TOKENS_TOGETHER])),
    }));
    this.#states = this.#memory.block(tensorBytes(this.#output.info.type!, [TOKENS_TOGETHER, this.width]));
    this.#names = {
      inputs: runtime.api.names(session.inputs.map(({ name }) => name)),
      outputs: runtime.api.names([this.#output.info.name]),
    };
    this.#run = runtime.api.bind('Run') as (...args: unknown[]) => unknown;
    this.warnings = graph.warnings;
    this.facts = {
      ...{ modelBytes: graph.weightBytes(), parameters: null, kvCacheBytes: 0 },
      ...{ engineFiles: graph.engineFiles, environment: graph.environment },
      ...{ vocabularySize: frame.size, contextLength: this.#longest },
    };
  }

  cut(text: string, second?: string): EmbedderInput {
    const { cut } = this.#frame;
    return framed(this.#frame, this.#longest, cut(text), second === undefined ? null : cut(second));
  }

  embed(texts: readonly EmbedderInput[]): Float32Array[] {
    const vectors: Float32Array[] = [];
    for (let from = 0; from < texts.length; ) {
      let [to, longest] = [from, 0];
      // A batch is filled up to its longest text.
      while (to < texts.length) {
        longest = Math.max(longest, texts[to]!.tokens.length);
        if (to > from && longest * (to - from + 1) > TOKENS_TOGETHER) break;
        to += 1;
      }
      vectors.push(...this.#together(texts.slice(from, to)));
      from = to;
    }
    return vectors;
  }

  close(): void {
    this.#memory.close();
    this.#graph.session.close();
  }

  #together(texts: readonly EmbedderInput[]): Float32Array[] {
    const { session } = this.#graph;
    const length = Math.max(1, ...texts.map(({ tokens }) => tokens.length));
    const ready = this.#output.pooling === 'ready';
    const shape = ready ? [texts.length, this.width] : [texts.length, length, this.width];
    const inputs = this.#inputs.map(({ info, block }) => {
      const integers = new Integers(block, info.type!);
      const value = INPUTS[info.name as keyof typeof INPUTS];
      for (const [row, text] of texts.entries())
        for (let i = 0; i < length; i++) integers.set(row * length + i, value(text, i, this.#frame.padding));
      return this.#memory.value(block, info.type!, [texts.length, length]);
    });
    const output = this.#memory.value(this.#states, this.#output.info.type!, shape);
    try {
      const { inputs: inputNames, outputs: outputNames } = this.#names;
      const values = BigUint64Array.from(inputs, (value) => value ?? 0n);
      const into = BigUint64Array.of(output ?? 0n);
      this.#run(session.handle, session.runOptions, inputNames, values, values.length, outputNames, 1, into);
    } catch (error) {
      throw runFailure(error, `${texts.length} texts of ${length} tokens`);
    } finally {
      for (const value of [...inputs, output]) this.#memory.release(value);
    }
    return texts.map(({ tokens }, row) => this.#vector(row, ready ? 1 : length, tokens.length));
  }

  /** @param length rows of each text. @param count those of them that are its own. */
  #vector(text: number, length: number, count: number): Float32Array {
    const { pooling } = this.#output;
    const row = (at: number) => this.#row(text * length + at);
    if (pooling === 'ready' || pooling === 'cls') return row(0);
    if (pooling === 'last') return row(count - 1);
    const sums = new Float64Array(this.width);
    for (let i = 0; i < count; i++) for (const [k, value] of row(i).entries()) sums[k]! += value;
    return Float32Array.from(sums, (sum) => sum / count);
  }

  #row(at: number): Float32Array {
    const { type } = this.#output.info;
    const size = ELEMENTS[type!]!.bits / 8;
    const bytes = this.#states.bytes.slice(at * this.width * size, (at + 1) * this.width * size);
    if (size === 2) return decodeFloats(bytes, ELEMENTS[type!]!.name === 'float16' ? 'f16' : 'bf16');
    return new Float32Array(bytes.buffer);
  }
}

/** @throws FailureError where nothing that comes out is what is asked for. */
function outputOf(
  outputs: readonly TensorInfo[],
  asked: EmbedderDemands['pooling'],
  said: PublishedPooling['pooling'],
): Output {
  const all = outputs.map((info) => `${info.name} ${spelled(info)}`).join(', ');
  const find = (dimensions: number, names: RegExp) => {
    const fitting = outputs.filter(
      ({ shape, type }) => shape.length === dimensions && FLOATS.includes(type ?? 0),
    );
    const found = fitting.find(({ name }) => names.test(name)) ?? (dimensions === 3 ? fitting[0] : undefined);
    const width = found?.shape.at(-1);
    return found === undefined || typeof width !== 'number' ? null : { info: found, width };
  };
  if (asked === 'rank') {
    const head = find(2, /logits|score/i);
    if (head !== null) return { ...head, pooling: 'ready' };
    throw unsupported(`The graph has no head that ranks (logits of a text): it gives ${all}.`);
  }
  const pooled = find(2, /sentence_embedding|^embeddings?$/i);
  if (asked === 'model' && pooled !== null) return { ...pooled, pooling: 'ready' };
  const states = find(3, /last_hidden_state|token_embeddings/i);
  if (states === null) throw unsupported(`The graph gives no states of tokens: it gives ${all}.`);
  const pooling = asked === 'model' ? said : asked;
  if (pooling !== null) return { ...states, pooling };
  throw failed(
    'impossible-combination',
    'Nothing beside the graph says how the states of its tokens become one vector.',
    'Set pooling to mean, cls or last, as the model’s card says.',
  );
}

const unsupported = (message: string) => failed('model-unsupported', message);
