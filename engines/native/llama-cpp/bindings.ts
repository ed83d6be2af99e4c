import { failed } from '../../../core/errors.js';
import type { Koffi, LibraryHandle, TypeObject } from '../../../process/koffi.js';
import { CONSTANTS, FUNCTIONS, RELEASE, STRUCTS } from './gen/v0.4.0.js';

/** The llama.cpp release that these bindings describe. Struct layouts change between releases. */
export const BINDINGS_RELEASE = RELEASE;
export { CONSTANTS, STRUCTS };

export type StructName = keyof typeof STRUCTS;
export type FunctionName = keyof typeof FUNCTIONS;

/** Handles and pointers are untyped addresses: a wrong one kills the process, so they stay in few hands. */
export type Pointer = bigint | null;
declare const cast: unique symbol;
/** A struct that is passed by address for the length of one call. */
export interface Reference {
  readonly [cast]: true;
}

type Value<T> = T extends 'void'
  ? undefined
  : T extends 'bool'
    ? boolean
    : T extends 'str'
      ? string | null
      : T extends 'void *'
        ? Pointer
        : T extends 'int64_t' | 'uint64_t' | 'size_t'
          ? number | bigint
          : T extends StructName
            ? StructValue<T>
            : T extends `${string}[${number}]`
              ? unknown
              : number;
type Argument<T> = T extends 'void *' ? Pointer | ArrayBufferView | Reference : Value<T>;
type Arguments<T extends readonly string[]> = { -readonly [I in keyof T]: Argument<T[I]> };

/** A C struct as a plain object; made by the engine's own `…_default_params()`, changed, passed back. */
export type StructValue<S extends StructName> = {
  [F in (typeof STRUCTS)[S]['fields'][number] as F[0]]: Value<F[1]>;
};

/**
 * Every function of llama.h, ggml.h, ggml-backend.h, ggml-cpu.h and gguf.h, typed from the generated table.
 */
export type LlamaFunctions = {
  readonly [N in FunctionName]: (
    ...args: Arguments<(typeof FUNCTIONS)[N][1]>
  ) => Value<(typeof FUNCTIONS)[N][0]>;
};

/**
 * @returns where fields of llama.cpp's ggml_tensor are, in bytes, for native code of ours that reads them.
 */
export function tensorOffsets(fields: readonly string[]): number[] {
  return fields.map((name) => STRUCTS.ggml_tensor.fields.find(([field]) => field === name)![2]);
}

/** koffi's struct types for one process; koffi knows types by name, so they are made once. */
export class StructTypes {
  readonly #koffi: Koffi;
  readonly #made = new Map<string, TypeObject>();

  constructor(koffi: Koffi) {
    this.#koffi = koffi;
  }

  /** @returns the koffi type of a C type of the table. */
  type(name: string): TypeObject | string {
    const array = /^(.*)\[(\d+)\]$/.exec(name);
    if (array) return this.#koffi.array(this.type(array[1] ?? ''), Number(array[2]));
    return name in STRUCTS ? this.struct(name as StructName) : name;
  }

  struct(name: StructName): TypeObject {
    const known = this.#made.get(name);
    if (known) return known;
    const fields = STRUCTS[name].fields.map(([field, type]) => [field, this.type(type)] as const);
    const made = this.#koffi.struct(name, Object.fromEntries(fields));
    this.#made.set(name, made);
    return made;
  }

  /**
   * Compares every struct with the C compiler's sizes and offsets.
   * @returns one line per difference; empty when this platform lays structs out as the table says.
   */
  differences(): string[] {
    return (Object.keys(STRUCTS) as StructName[]).flatMap((name) => {
      const made = this.struct(name);
      const expected = STRUCTS[name];
      const wrong = expected.fields
        .filter(([field, , offset]) => made.members?.[field]?.offset !== offset)
        .map(([field, , offset]) => `${name}.${field} is at ${made.members?.[field]?.offset}, not ${offset}`);
      return made.size === expected.size
        ? wrong
        : [...wrong, `${name} has ${made.size} bytes, not ${expected.size}`];
    });
  }
}

/**
 * Binds functions on first use. Looking one up through the proxy costs a little; hot loops keep the
 * function itself.
 * @throws FailureError `engine-mismatch` when struct layouts differ from the compiler's.
 */
export function bindFunctions(types: StructTypes, libraries: readonly LibraryHandle[]): LlamaFunctions {
  const differences = types.differences();
  if (differences.length > 0) {
    throw failed(
      'engine-mismatch',
      `Struct layouts differ from llama.cpp ${RELEASE}: ${differences[0]}.`,
      'This platform is not supported by the bindings; report it with the output of `ridge doctor`.',
    );
  }
  const bound = new Map<string, unknown>();
  return new Proxy({} as LlamaFunctions, {
    get(_, name: string) {
      let found = bound.get(name);
      if (found === undefined) {
        found = bindFunction(types, libraries, name as FunctionName);
        bound.set(name, found);
      }
      return found;
    },
  });
}

/** @returns where a function is. */
export function functionAddress(libraries: readonly LibraryHandle[], name: FunctionName): Pointer {
  return inFirst(libraries, (library) => library.symbol(name) as Pointer);
}

function bindFunction(types: StructTypes, libraries: readonly LibraryHandle[], name: FunctionName): unknown {
  const [result, args] = FUNCTIONS[name];
  const argumentTypes = args.map((type) => types.type(type));
  return inFirst(libraries, (library) => library.func(name, types.type(result), argumentTypes));
}

/** @returns what the first library gives that has it. @throws what the last one says. */
function inFirst<T>(libraries: readonly LibraryHandle[], find: (library: LibraryHandle) => T): T {
  const last = libraries.length - 1;
  for (const [index, library] of libraries.entries()) {
    try {
      return find(library);
    } catch (error) {
      if (index === last) throw error;
    }
  }
  throw new Error('there is no library to look into');
}
