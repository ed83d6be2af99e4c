import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { failed } from '../../../core/errors.js';
import type { FileTensor } from '../../../formats/gguf/header.js';
import { typeNamed } from '../../../formats/gguf/tensor-bytes.js';
import { CONSTANTS, type Pointer } from '../../native/llama.js';
import type { Engine } from './engine.js';
import type { Shape, Value } from './tape.js';

/** The tensors of a model file in the engine's memory. */
export class Weights {
  readonly bytes: number;
  readonly #values = new Map<string, Value>();

  /**
   * @param path of the model, for sentences.
   * @param tensors of a file whose header was checked.
   * @param learns whether a tensor is trained: it is then kept in f32, and the others as the file has them.
   */
  constructor(
    engine: Engine,
    path: string,
    tensors: readonly FileTensor[],
    learns: (name: string) => boolean,
    plain: (name: string) => boolean = learns,
  ) {
    const context = engine.context(tensors.length);
    for (const { name, type, shape } of tensors) {
      const [columns = 1, rows = 1, planes = 1, blocks = 1] = shape;
      const whole: Shape = [columns, rows, planes, blocks];
      const f32 = type === 'f32' || plain(name);
      const number = f32 ? CONSTANTS.GGML_TYPE_F32 : typeNamed(type).number;
      const tensor = engine.functions.ggml_new_tensor_4d(context, number, ...whole);
      if (learns(name)) engine.functions.ggml_set_param(tensor);
      this.#values.set(name, { tensor, shape: whole, f32, learns: learns(name) });
    }
    this.bytes = engine.allocate(context, `the weights of ${basename(path)}`);
    for (const info of tensors) this.#load(engine, info);
  }

  /** @returns null for a tensor that this model does not have. */
  get(name: string): Value | null {
    return this.#values.get(name) ?? null;
  }

  /** @throws Error for a tensor that this model does not have. */
  need(name: string): Value {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`there is no tensor ${name}`);
    return value;
  }

  entries(): IterableIterator<[string, Value]> {
    return this.#values.entries();
  }

  #load(engine: Engine, info: FileTensor): void {
    const { tensor } = this.need(info.name);
    const room = new Uint8Array(engine.bytes(tensor));
    if (room.length === info.bytes) {
      readInto(room, info);
      return;
    }
    // Read in the type of the file, and turned into f32 by the engine.
    const scratch = engine.context(4, 16);
    const { functions } = engine;
    const written = functions.ggml_new_tensor_4d(
      scratch,
      typeNamed(info.type).number,
      ...this.need(info.name).shape,
    );
    const read = engine.borrow(scratch, `${info.name} as it is written`);
    readInto(new Uint8Array(engine.bytes(written)), info);
    engine.computeOne(scratch, functions.ggml_cpy(scratch, written, tensor));
    read.free();
  }
}

function readInto(room: Uint8Array, { name, path, offset, bytes }: FileTensor): void {
  const file = openSync(path, 'r');
  try {
    for (let done = 0; done < bytes; ) {
      const count = readSync(file, room, done, Math.min(bytes - done, 2 ** 30), offset + done);
      if (count === 0) {
        const message = `${basename(path)} ends inside its tensor ${JSON.stringify(name)}`;
        throw failed('model-unreadable', message);
      }
      done += count;
    }
  } finally {
    closeSync(file);
  }
}

/** @returns the numbers of a tensor of any type, as f32, in the order of the file. */
export function numbersOf(engine: Engine, { tensor, shape, f32 }: Value): Float32Array {
  if (f32) return engine.floats(tensor).slice();
  const scratch = engine.context(4, 16);
  const { functions } = engine;
  const into: Pointer = functions.ggml_new_tensor_4d(scratch, CONSTANTS.GGML_TYPE_F32, ...shape);
  const room = engine.borrow(scratch, 'a matrix in f32');
  engine.computeOne(scratch, functions.ggml_cpy(scratch, tensor, into));
  const numbers = engine.floats(into).slice();
  room.free();
  return numbers;
}
