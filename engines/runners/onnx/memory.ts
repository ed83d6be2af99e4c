import type { Pointer } from '../../native/onnxruntime/api.js';
import type { OrtRuntime } from '../../native/onnxruntime/runtime.js';
import type { Place, Session } from '../../native/onnxruntime/session.js';
import { ELEMENTS, tensorBytes } from '../../native/onnxruntime/tensors.js';

/** Memory that the library gave: it never moves, and values of any shape are laid over it. */
export interface Block {
  readonly address: Pointer;
  /** OrtMemoryInfo of where it is. */
  readonly info: Pointer;
  /** null where the CPU does not reach it. */
  readonly bytes: Uint8Array | null;
}

/** One that the CPU reads and writes. */
export interface HostBlock extends Block {
  readonly bytes: Uint8Array;
}

/** Owns the blocks and values of one model. */
export class Memory {
  readonly #runtime: OrtRuntime;
  readonly #session: Session;
  readonly #blocks: { readonly address: Pointer; readonly allocator: Pointer }[] = [];
  /** Of devices, by their memory. */
  readonly #allocators = new Map<Pointer, Pointer>();

  constructor(runtime: OrtRuntime, session: Session) {
    this.#runtime = runtime;
    this.#session = session;
  }

  /** @returns zeros. */
  block(bytes: number): HostBlock {
    const { api, allocator, memory } = this.#runtime;
    const size = Math.max(64, bytes);
    const address = this.#take(allocator, size);
    const view = new Uint8Array(api.view(address, size));
    view.fill(0);
    return { address, info: memory, bytes: view };
  }

  /**
   * @returns memory of a place, null = of the CPU: zeros there, and whatever was there before on a device.
   */
  blockAt(place: Place | null, bytes: number): Block {
    if (place === null || place.host) return this.block(bytes);
    const { info } = place;
    const known = this.#allocators.get(info);
    const allocator = known ?? this.#runtime.api.make('CreateAllocator', this.#session.handle, info);
    this.#allocators.set(info, allocator);
    return { address: this.#take(allocator, Math.max(64, bytes)), info, bytes: null };
  }

  /** Lays a tensor over the front of a block; its owner releases it. */
  value({ address, info }: Block, type: number, shape: readonly number[]): Pointer {
    const sizes = BigInt64Array.from(shape.length === 0 ? [0] : shape, BigInt);
    return this.#runtime.api.make(
      'CreateTensorWithDataAsOrtValue',
      info,
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

  /** Before the session, whose allocators it uses. */
  close(): void {
    const { api } = this.#runtime;
    for (const { address, allocator } of this.#blocks.splice(0))
      api.call('AllocatorFree', allocator, address);
    for (const allocator of this.#allocators.values()) api.call('ReleaseAllocator', allocator);
    this.#allocators.clear();
  }

  #take(allocator: Pointer, bytes: number): Pointer {
    const address = this.#runtime.api.make('AllocatorAlloc', allocator, bytes);
    this.#blocks.push({ address, allocator });
    return address;
  }
}

/**
 * Whole numbers that a graph takes as int32 or int64: each is written in its low half, and the high half
 * stays 0.
 */
export class Integers {
  readonly #words: Int32Array;
  readonly #stride: number;

  constructor({ bytes }: HostBlock, type: number) {
    this.#words = new Int32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
    this.#stride = (ELEMENTS[type]?.bits ?? 32) / 32;
  }

  set(index: number, value: number): void {
    this.#words[index * this.#stride] = value;
  }
}
