import { InferenceSession, Tensor } from 'onnxruntime-node';

type Values = Record<string, Tensor>;

// onnxruntime-common 1.30 stores float16 as `Float16Array` where there is one (from Node 24 on), and
// onnxruntime-node cannot read that. It decides once, at the first tensor of the process.
const float16Array = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
if (float16Array !== undefined) {
  Reflect.deleteProperty(globalThis, 'Float16Array');
  new Tensor('float32', new Float32Array(1), [1]);
  Object.defineProperty(globalThis, 'Float16Array', float16Array);
}

/** A decoder's graph in ONNX Runtime, one sequence at a time, by the names of onnxruntime-genai. */
export class OnnxRun {
  readonly #session: InferenceSession;
  #cache: Values = {};
  #length = 0;

  private constructor(session: InferenceSession) {
    this.#session = session;
  }

  static async open(path: string, options: InferenceSession.SessionOptions = {}): Promise<OnnxRun> {
    const threads = { intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3 } as const;
    return new OnnxRun(await InferenceSession.create(path, { ...threads, ...options }));
  }

  /** Appends tokens to the cache. @returns logits of each of them, or of the last `kept`. */
  async evaluate(tokens: Int32Array, kept: number | null = null): Promise<Float32Array[]> {
    const total = this.#length + tokens.length;
    const ids = BigInt64Array.from(tokens, BigInt);
    const feeds: Values = {
      input_ids: new Tensor('int64', ids, [1, tokens.length]),
      attention_mask: new Tensor('int64', new BigInt64Array(total).fill(1n), [1, total]),
      ...(this.#length === 0 ? this.#empty() : this.#cache),
      ...(kept === null
        ? {}
        : { num_logits_to_keep: new Tensor('int64', BigInt64Array.of(BigInt(kept)), [1]) }),
    };
    const outputs = await this.#session.run(feeds);
    this.#cache = {};
    for (const [name, value] of Object.entries(outputs))
      if (name.startsWith('present.'))
        this.#cache[name.replace('present', 'past_key_values')] = value as Tensor;
    this.#length = total;
    const { data, dims } = outputs.logits as Tensor;
    const width = dims.at(-1)!;
    const rows = (data as Float32Array).length / width;
    return Array.from({ length: rows }, (_, row) =>
      (data as Float32Array).slice(row * width, (row + 1) * width),
    );
  }

  /** Empties the cache. */
  reset(): void {
    this.#cache = {};
    this.#length = 0;
  }

  async close(): Promise<void> {
    await this.#session.release();
  }

  #empty(): Values {
    const feeds: Values = {};
    for (const input of this.#session.inputMetadata) {
      if (!input.isTensor || !input.name.startsWith('past_key_values.')) continue;
      const [, heads, , length] = input.shape;
      const type = input.type as 'float32' | 'float16';
      const data = type === 'float32' ? new Float32Array() : new Uint16Array();
      feeds[input.name] = new Tensor(type, data as never, [1, Number(heads), 0, Number(length)]);
    }
    return feeds;
  }
}
