import type { Pointer } from '../../native/onnxruntime/api.js';
import type { OrtRuntime } from '../../native/onnxruntime/runtime.js';
import { ELEMENTS, tensorBytes } from '../../native/onnxruntime/tensors.js';

/** Memory that the library gave: it never moves, and values of any shape are laid over it. */
export interface Block {
  readonly address: Pointer;
  readonly bytes: Uint8Array;
}

/** Owns the blocks and values of one model. */
export class Memory {
  readonly #runtime: OrtRuntime;
  readonly #blocks: Pointer[] = [];

  constructor(runtime: OrtRuntime) {
    this.#runtime = runtime;
  }

  /** @returns zeros. */
  block(bytes: number): Block {
    const { api, allocator } = this.#runtime;
    const size = Math.max(64, bytes);
    const address = api.make('AllocatorAlloc', allocator, size);
    this.#blocks.push(address);
    const view = new Uint8Array(api.view(address, size));
    view.fill(0);
    return { address, bytes: view };
  }

  /** Lays a tensor over the front of a block; its owner releases it. */
  value({ address }: Block, type: number, shape: readonly number[]): Pointer {
    const sizes = BigInt64Array.from(shape.length === 0 ? [0] : shape, BigInt);
    return this.#runtime.api.make(
      'CreateTensorWithDataAsOrtValue',
      this.#runtime.memory,
      address,
      tensorBytes(type, shape),
      sizes,
      shape.length,
      type,
    );
  }

  release(value: Pointer): void {
    this.#runtime.api.call('ReleaseValue', value);
  }

  close(): void {
    for (const address of this.#blocks.splice(0)) {
      this.#runtime.api.call('AllocatorFree', this.#runtime.allocator, address);
    }
  }
}

/** Whole numbers that a graph takes as int32 or int64: each is written in its low half, and the high half stays 0. */
export class Integers {
  readonly #words: Int32Array;
  readonly #stride: number;

  constructor({ bytes }: Block, type: number) {
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
    this.#stride = (ELEMENTS[type]?.bits ?? 32) / 32;
  }

  set(index: number, value: number): void {
    this.#words[index * this.#stride] = value;
  }
}
