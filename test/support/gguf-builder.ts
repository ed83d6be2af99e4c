/** Writes GGUF files byte by byte, right ones and wrong ones (format: ggml's docs/gguf.md). */
export class GgufBuilder {
  #version = 3;
  #tensorCount: number | null = null;
  #keyCount: number | null = null;
  readonly #keys: { key: string; bytes: Buffer }[] = [];
  readonly #tensors: Buffer[] = [];
  #dataBytes = 0;
  #writtenBytes = 0;

  version(version: number): this {
    this.#version = version;
    return this;
  }

  tensorCount(count: number): this {
    this.#tensorCount = count;
    return this;
  }

  keyCount(count: number): this {
    this.#keyCount = count;
    return this;
  }

  u32(key: string, value: number): this {
    return this.#key(key, u32(4), u32(value));
  }

  replaceU32(key: string, value: number): this {
    this.#keys.splice(
      this.#keys.findIndex((entry) => entry.key === key),
      1,
    );
    return this.u32(key, value);
  }

  u32s(key: string, values: readonly number[]): this {
    return this.#key(key, u32(9), u32(4), u64(values.length), ...values.map(u32));
  }

  string(key: string, value: string): this {
    return this.#key(key, u32(8), text(value));
  }

  strings(key: string, values: readonly string[]): this {
    return this.#key(key, u32(9), u32(8), u64(values.length), ...values.map(text));
  }

  /** A list that claims `count` elements of a type, of which only the length of the first is there. */
  list(key: string, type: number, count: number, first = 0): this {
    return this.#key(key, u32(9), u32(type), u64(count), u64(first));
  }

  /** @param written bytes of data that really follow; by default as many f32 weights as the shape holds. */
  tensor(name: string, type: number, shape: readonly number[], written?: number, offset?: number): this {
    const bytes = shape.reduce((a, b) => a * b, 1) * 4;
    this.#tensors.push(
      Buffer.concat([
        text(name),
        u32(shape.length),
        ...shape.map(u64),
        u32(type),
        u64(offset ?? this.#dataBytes),
      ]),
    );
    this.#dataBytes += Math.ceil(Math.min(bytes, 1e6) / 32) * 32;
    this.#writtenBytes += written ?? Math.ceil(Math.min(bytes, 1e6) / 32) * 32;
    return this;
  }

  build(): Buffer {
    const header = Buffer.concat([
      Buffer.from('GGUF'),
      u32(this.#version),
      u64(this.#tensorCount ?? this.#tensors.length),
      u64(this.#keyCount ?? this.#keys.length),
      ...this.#keys.map(({ bytes }) => bytes),
      ...this.#tensors,
    ]);
    const padding = Buffer.alloc((32 - (header.length % 32)) % 32);
    return Buffer.concat([header, padding, Buffer.alloc(this.#writtenBytes)]);
  }

  #key(key: string, ...value: Buffer[]): this {
    this.#keys.push({ key, bytes: Buffer.concat([text(key), ...value]) });
    return this;
  }
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}
