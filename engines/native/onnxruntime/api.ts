import { failed } from '../../../core/errors.js';
import { importKoffi, type Koffi } from '../../../process/koffi.js';
import { openTiles } from '../tiles.js';
import { FUNCTIONS, type FunctionName, NEWEST, OLDEST, PLAIN_RESULTS } from './functions.js';

/** An untyped address: a wrong one kills the process, so they stay in few hands. */
export type Pointer = bigint;
export type Argument = Pointer | number | string | null | ArrayBufferView;

/** A status that was no success, in ONNX Runtime's own words. */
export class OrtError extends Error {
  override readonly name = 'OrtError';
  /** OrtErrorCode. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * @returns what ONNX Runtime says, without its own source lines and functions, on one line and without a full
 *   stop.
 */
export function bare(text: string): string {
  return text
    .replace(/^Load model from .+? failed:\s*/, '')
    .replace(/\S*\/onnxruntime\/\S+:\d+ /g, '')
    .replace(
      /(?:virtual |static )?[\w:&<>, *]+ onnxruntime::[^\s(]+\([^)]*\)(?: const)?(?:::<lambda\([^)]*\)>)? /g,
      '',
    )
    .replace(/\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : /g, '')
    .replace(/^onnxruntime::[^\s(]+\(.*?\)(?:::<lambda\([^)]*\)>)? /, '')
    .replace(/^.* was false\. /, '')
    .replace(/^Failed to load library (\S+) with error: \1: /, '$1: ')
    .replace(/\w+\.cc:\d+ \w+ /g, '')
    .replace(/^This is an invalid model\. In Node, \("([^"]*)", (\w+),.*?, Error /s, 'node $1 ($2): ')
    .replace(/\\n|\s+/g, ' ')
    .trim()
    .replace(/[.\s]+$/, '')
    .slice(0, 400);
}

/** ONNX Runtime's C API, loaded into this process. */
export interface OrtApi {
  /** As the library says it: `1.30.0`. */
  readonly version: string;
  /** Minor release of the API that is spoken: 24. */
  readonly level: number;
  /** Calls a function. @returns what it gives beside a status. @throws OrtError for a status that is none. */
  call(name: FunctionName, ...args: Argument[]): unknown;
  /** The same, bound once: for hot loops. */
  bind(name: FunctionName): (...args: Argument[]) => unknown;
  /** Calls a function whose last argument is where a pointer goes. */
  make(name: FunctionName, ...args: Argument[]): Pointer;
  /** Calls a function whose last argument is where a size goes. */
  size(name: FunctionName, ...args: Argument[]): number;
  /** Calls a function whose last argument is where an int goes. */
  integer(name: FunctionName, ...args: Argument[]): number;
  /** Whether this release has a function. */
  has(name: FunctionName): boolean;
  /** Memory of the library as bytes of JavaScript, without a copy. */
  view(address: Pointer, bytes: number): ArrayBuffer;
  /** @returns the text at an address. */
  text(address: Pointer): string;
  /** Texts that the library reads, and the array of their addresses; they stay as long as the process. */
  names(texts: readonly string[]): BigUint64Array;
}

const KINDS: Readonly<Record<string, string>> = {
  p: 'void *',
  s: 'str',
  f: process.platform === 'win32' ? 'str16' : 'str',
  i: 'int32_t',
  z: 'size_t',
};

/** What computes in the thread that calls: a session that is made folds constants. */
const COMPUTING: readonly FunctionName[] = [
  'CreateSession',
  'CreateSessionFromArray',
  'Run',
  'RunWithBinding',
];

/** Libraries of which nothing but addresses is held: koffi closes one that the garbage collector finds. */
const opened: unknown[] = [];

/** @throws FailureError `engine-missing` */
function baseOf(koffi: Koffi, file: string): Pointer | null {
  try {
    const library = koffi.load(file);
    opened.push(library);
    return library.func('OrtGetApiBase', 'void *', [])() as Pointer | null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw failed(
      'engine-missing',
      `${file} cannot be opened as ONNX Runtime: ${reason}.`,
      'Name a libonnxruntime for this platform, with the libraries that it needs beside it.',
    );
  }
}

/** @throws FailureError `engine-mismatch` */
function releaseOf(koffi: Koffi, base: Pointer | null, file: string) {
  if (base === null) throw new Error('OrtGetApiBase gave nothing');
  const [getApi, getVersion] = koffi.decode(base, 'void *', 2) as [Pointer, Pointer];
  const version = koffi.call(getVersion, koffi.proto('str', [])) as string;
  // One API for each minor release, and each library gives those of all that came before it.
  const level = Math.min(NEWEST, Number(/^1\.(\d+)\./.exec(version)?.[1] ?? 0));
  const table =
    level < OLDEST
      ? null
      : (koffi.call(getApi, koffi.proto('void *', ['uint32_t']), level) as Pointer | null);
  if (table === null) {
    const message = `${file} is ONNX Runtime ${version}, and 1.${OLDEST} is the oldest that can be used.`;
    throw failed('engine-mismatch', message, 'Use a newer release.');
  }
  return { version, level, table };
}

/** @returns addresses of the texts, in memory that stays. */
function textsOf(koffi: Koffi, texts: readonly string[]): BigUint64Array {
  const all = texts.map((text) => Buffer.from(`${text}\0`, 'utf8'));
  const together = Buffer.concat(all);
  const memory = koffi.alloc('uint8_t', together.length + 1) as Pointer;
  Buffer.from(koffi.view(memory, together.length)).set(together);
  let at = 0;
  return BigUint64Array.from(all, ({ length }) => {
    const start = at;
    at += length;
    return memory + BigInt(start);
  });
}

/**
 * Opens a library, in a child process alone: native code can take its process down.
 * @throws FailureError `engine-missing` where it does not open or is none of ONNX Runtime; `engine-mismatch`
 *   for a release that is too old.
 */
export async function openApi(file: string): Promise<OrtApi> {
  const koffi = await importKoffi();
  const tiles = await openTiles();
  const base = baseOf(koffi, file);
  const { version, level, table } = releaseOf(koffi, base, file);
  // A library gives its functions in the order of the struct, and as many as its release has.
  const places = Object.values(FUNCTIONS).flatMap(([place, since]) => (since <= level ? [place] : []));
  const addresses = koffi.decode(table, 'void *', Math.max(...places) + 1) as (Pointer | null)[];
  const bound = new Map<FunctionName, (...args: Argument[]) => unknown>();

  const has = (name: FunctionName) => FUNCTIONS[name][1] <= level;
  const bind: OrtApi['bind'] = (name) => {
    const known = bound.get(name);
    if (known !== undefined) return known;
    const [place, since, args] = FUNCTIONS[name];
    const address = addresses[place] ?? null;
    if (!has(name) || address === null) {
      const message = `${name} came with ONNX Runtime 1.${since}, and ${file} is ${version}.`;
      throw failed('engine-mismatch', message, 'Use a newer release.');
    }
    const result = PLAIN_RESULTS[name] ?? 'void *';
    const kinds = [...args].map((kind) => KINDS[kind]!);
    const type = koffi.proto(result, kinds);
    const direct = (...given: Argument[]) => koffi.call(address, type, ...given);
    const plain =
      tiles !== null && COMPUTING.includes(name)
        ? (...given: Argument[]) => tiles.kept(() => direct(...given))
        : direct;
    const made = name in PLAIN_RESULTS ? plain : checked(plain);
    bound.set(name, made);
    return made;
  };
  const checked =
    (plain: (...given: Argument[]) => unknown) =>
    (...given: Argument[]) => {
      const status = plain(...given) as Pointer | null;
      if (status !== null) throw errorOf(status);
    };
  const errorOf = (status: Pointer): OrtError => {
    const [code, message] = [bind('GetErrorCode')(status), bind('GetErrorMessage')(status)];
    const error = new OrtError(code as number, message as string);
    bind('ReleaseStatus')(status);
    return error;
  };
  const call: OrtApi['call'] = (name, ...args) => bind(name)(...args);
  const pointers = new BigUint64Array(1);
  const integers = new Int32Array(1);
  return {
    version,
    level,
    has,
    bind,
    call,
    make(name, ...args) {
      pointers[0] = 0n;
      call(name, ...args, pointers);
      return pointers[0];
    },
    size(name, ...args) {
      pointers[0] = 0n;
      call(name, ...args, pointers);
      return Number(pointers[0]);
    },
    integer(name, ...args) {
      integers[0] = 0;
      call(name, ...args, integers);
      return integers[0];
    },
    view: (address, bytes) => koffi.view(address, bytes),
    text: (address) => koffi.decode(address, 'char', -1) as string,
    names: (texts) => textsOf(koffi, texts),
  };
}
