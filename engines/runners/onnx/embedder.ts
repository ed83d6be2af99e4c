import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failed } from '../../../core/errors.js';
import type { OnnxOptions } from '../../../core/runners/onnx.js';
import { decodeFloats } from '../../../core/techniques/float-types.js';
import { CONFIG, fieldsOf, readJson } from '../../../formats/config-json.js';
import { ELEMENTS, spelled, type TensorInfo, tensorBytes } from '../../native/onnxruntime/tensors.js';
import { framed } from '../framed-text.js';
import type { Embedder, EmbedderInput } from '../opened.js';
import { openPublishedFrame, type PublishedFrame } from '../published-tokenizer.js';
import type { EmbedderDemands, EmbedderRequest, WithOptions } from '../runner.js';
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

/**
 * Opens an encoder, or a cross-encoder, for vectors of texts.
 * @throws FailureError `model-unsupported` for a graph that takes or gives something else.
 */
export async function openEmbedder(request: WithOptions<EmbedderRequest, OnnxOptions>): Promise<Embedder> {
  const graph = await openGraph(request);
  try {
    const folder = dirname(graph.path);
    const frame = openPublishedFrame(folder);
    const message = `There is no tokenizer beside ${graph.path}, so it reads no text.`;
    if (frame === null) throw failed('model-unsupported', message, 'Put its tokenizer.json there.');
    return embedderOf(graph, frame, saidBeside(folder), request.pooling);
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
  const fieldsIn = (...names: string[]) => {
    const path = join(folder, ...names);
    return existsSync(path) ? fieldsOf(readJson(path)) : {};
  };
  const pooling = fieldsIn('1_Pooling', 'config.json');
  const said = [
    fieldsIn('sentence_bert_config.json').max_seq_length,
    fieldsIn(CONFIG).max_position_embeddings,
  ];
  const longest = said.find((value) => Number.isSafeInteger(value) && Number(value) > 0);
  const modes = { mean: 'mean_tokens', cls: 'cls_token', last: 'lasttoken' } as const;
  const names = Object.keys(modes) as (keyof typeof modes)[];
  const named = names.find((mode) => pooling[`pooling_mode_${modes[mode]}`] === true);
  return { pooling: named ?? null, longest: Number(longest ?? USUAL_LONGEST) };
}

/** What is read of a graph, and how it becomes one vector of a text. */
interface Output {
  readonly info: TensorInfo;
  readonly width: number;
  /** `ready` = the graph gives one row of a text. */
  readonly pooling: 'mean' | 'cls' | 'last' | 'ready';
}

function embedderOf(
  graph: OpenedGraph,
  frame: PublishedFrame,
  said: PublishedPooling,
  asked: EmbedderDemands['pooling'],
): Embedder {
  const { session, runtime, warnings, engineFiles, environment } = graph;
  const unknown = session.inputs.find(({ name }) => !Object.hasOwn(INPUTS, name));
  const known = Object.keys(INPUTS).join(', ');
  if (unknown !== undefined)
    throw unsupported(`The graph takes ${unknown.name} ${spelled(unknown)}; encoders of text take ${known}.`);
  const most = Math.min(said.longest, TOKENS_TOGETHER);
  const output = outputOf(session.outputs, asked, said.pooling);
  const { info: made, width } = output;
  const memory = new Memory(runtime, session);
  const blocks = session.inputs.map(({ type }) => memory.block(tensorBytes(type!, [TOKENS_TOGETHER])));
  const states = memory.block(tensorBytes(made.type!, [TOKENS_TOGETHER, width]));
  const inputNames = runtime.api.names(session.inputs.map(({ name }) => name));
  const outputNames = runtime.api.names([made.name]);
  const run = runtime.api.bind('Run') as (...args: unknown[]) => unknown;
  const embedBatch = (texts: readonly EmbedderInput[]): Float32Array[] => {
    const length = Math.max(1, ...texts.map(({ tokens }) => tokens.length));
    const ready = output.pooling === 'ready';
    const inputs = session.inputs.map(({ name, type }, at) => {
      const integers = new Integers(blocks[at]!, type!);
      const value = INPUTS[name as keyof typeof INPUTS];
      for (const [row, text] of texts.entries())
        for (let i = 0; i < length; i++) integers.set(row * length + i, value(text, i, frame.padding));
      return memory.value(blocks[at]!, type!, [texts.length, length]);
    });
    const out = memory.value(states, made.type!, [texts.length, ...(ready ? [] : [length]), width]);
    const values = BigUint64Array.from(inputs, (value) => value ?? 0n);
    const into = BigUint64Array.of(out ?? 0n);
    try {
      run(session.handle, session.runOptions, inputNames, values, values.length, outputNames, 1, into);
    } catch (error) {
      throw runFailure(error, `${texts.length} texts of ${length} tokens`);
    } finally {
      for (const value of [...inputs, out]) memory.release(value);
    }
    const rows = ready ? 1 : length;
    return texts.map(({ tokens }, text) => vectorOf(output, states, text * rows, tokens.length));
  };
  return {
    warnings,
    width,
    facts: {
      modelBytes: graph.weightBytes(),
      parameters: null,
      kvCacheBytes: 0,
      engineFiles,
      environment,
      vocabularySize: frame.size,
      contextLength: most,
    },
    cut: (text, second) =>
      framed(frame, most, frame.cut(text), second === undefined ? null : frame.cut(second)),
    embed(texts) {
      const vectors: Float32Array[] = [];
      for (let from = 0; from < texts.length; ) {
        let [to, longest] = [from, 0];
        // A batch is filled up to its longest text.
        while (to < texts.length) {
          longest = Math.max(longest, texts[to]!.tokens.length);
          if (to > from && longest * (to - from + 1) > TOKENS_TOGETHER) break;
          to += 1;
        }
        vectors.push(...embedBatch(texts.slice(from, to)));
        from = to;
      }
      return vectors;
    },
    close() {
      memory.close();
      session.close();
    },
  };
}

/** @param first row of a text. @param count rows that are its own. */
function vectorOf(
  { info, width, pooling }: Output,
  states: HostBlock,
  first: number,
  count: number,
): Float32Array {
  const { bits, name } = ELEMENTS[info.type!]!;
  const size = bits / 8;
  const row = (at: number): Float32Array => {
    const bytes = states.bytes.slice((first + at) * width * size, (first + at + 1) * width * size);
    if (size === 2) return decodeFloats(bytes, name === 'float16' ? 'f16' : 'bf16');
    return new Float32Array(bytes.buffer);
  };
  if (pooling === 'ready' || pooling === 'cls') return row(0);
  if (pooling === 'last') return row(count - 1);
  const sums = new Float64Array(width);
  for (let i = 0; i < count; i++) for (const [k, value] of row(i).entries()) sums[k]! += value;
  return Float32Array.from(sums, (sum) => sum / count);
}

/** @throws FailureError where nothing that comes out is what is asked for. */
function outputOf(
  outputs: readonly TensorInfo[],
  asked: EmbedderDemands['pooling'],
  said: PublishedPooling['pooling'],
): Output {
  const all = outputs.map((info) => `${info.name} ${spelled(info)}`).join(', ');
  const find = (dimensions: number, names: RegExp) => {
    const isFloat = ({ type }: TensorInfo) => FLOATS.includes(type ?? 0);
    const fitting = outputs.filter((one) => one.shape.length === dimensions && isFloat(one));
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
  const message = 'Nothing beside the graph says how the states of its tokens become one vector.';
  const hint = 'Set pooling to mean, cls or last, as the model’s card says.';
  throw failed('impossible-combination', message, hint);
}

const unsupported = (message: string) => failed('model-unsupported', message);
