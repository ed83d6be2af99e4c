import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { failed } from '../../core/errors.js';
import { orElse } from '../../core/or-else.js';
import { importKoffi } from '../../process/koffi.js';
import { nativeEngineFile } from './engines/location.js';
import {
  BINDINGS_RELEASE,
  bindFunctions,
  CONSTANTS,
  type FunctionName,
  functionAddress,
  type LlamaFunctions,
  type Pointer,
  type Reference,
  type StructName,
  StructTypes,
  type StructValue,
} from './llama-cpp/bindings.js';
import { type EngineDevice, listDevices } from './llama-cpp/devices.js';
import { EngineLog } from './llama-cpp/log.js';
import { type EnginePackage, findEngine, LIBLLAMA } from './packages.js';
import { loadPlugin } from './plugins.js';

export { CONSTANTS, type EngineDevice, EngineLog, type LlamaFunctions, type Pointer, type StructValue };

/** llama.cpp, loaded into this process. */
export interface Llama {
  readonly release: string;
  readonly functions: LlamaFunctions;
  /** Where a function is, for native code of ours that calls it. */
  address(name: FunctionName): Pointer;
  readonly log: EngineLog;
  readonly devices: readonly EngineDevice[];
  /** File of the CPU backend that was picked, e.g. `libggml-cpu-zen4.so`; null where the OS does not tell. */
  readonly cpuLibrary: string | null;
  /** Paths of the engine's libraries in this process, those of other devices behind the CPU's. */
  readonly files: readonly string[];
  /** Passes a struct by address. */
  reference<S extends StructName>(struct: S, value: StructValue<S>): Reference;
  /** Copies a struct out of the engine's memory. */
  read<S extends StructName>(struct: S, address: Pointer): StructValue<S>;
  /** Memory of the engine as bytes of JavaScript, without a copy. Valid as long as the engine keeps it. */
  bytes(address: Pointer, length: number): ArrayBuffer;
  /** Memory that never moves: typed arrays of up to 64 bytes live on the heap of V8 and do. */
  allocate(type: string, length: number): Pointer;
  free(address: Pointer): void;
  /** Whether the system's linker finds and loads a shared library; it stays loaded. */
  canOpen(library: string): boolean;
  /** Calls a function that only the CPU backend exports, whatever file that came from. */
  callCpu(name: string, result: string, args: readonly (readonly [string, unknown])[]): unknown;
  /** Calls a function that a backend gives by its name. @param registry of the backend. */
  callBackend(
    registry: Pointer,
    name: string,
    result: string,
    args: readonly (readonly [string, unknown])[],
  ): unknown;
}

export interface LlamaOptions {
  /** CPU backend: the best shipped variant, or the one that `ridge engines build` made here. */
  readonly backend: 'shipped' | 'native';
  /** `cpu`, `cuda`, `vulkan`, `metal`, with or without a `:model` after it. */
  readonly deviceClass: string;
}

let loaded: { readonly key: string; readonly llama: Promise<Llama> } | null = null;

/**
 * Loads the engine into this process, once: the registry of backends is one per process. Native code
 * can abort, so only children that a parent watches call this.
 * @throws FailureError `engine-missing`, `engine-mismatch`, `device-missing`.
 */
export function loadLlama(options: LlamaOptions): Promise<Llama> {
  const key = `${options.backend} ${options.deviceClass}`;
  if (loaded && loaded.key !== key) {
    const message = `This process already runs llama.cpp as "${loaded.key}"; "${key}" needs a process of its own.`;
    return Promise.reject(failed('internal', message));
  }
  const llama = loaded?.llama ?? open(options);
  loaded = { key, llama };
  // A failure is not kept: what lacked may be there next time.
  llama.catch(() => {
    loaded = null;
  });
  return llama;
}

async function open({ backend, deviceClass }: LlamaOptions): Promise<Llama> {
  const engine = findEngine();
  if (engine.release !== BINDINGS_RELEASE) {
    throw failed(
      'engine-mismatch',
      `The installed packages of node-llama-cpp ${engine.version} carry llama.cpp ${engine.release}, but these bindings are for ${BINDINGS_RELEASE}.`,
      'Install Ridgepoint again, with the packages that it names.',
    );
  }
  core ??= openCore(engine);
  const llama = await core;
  const cpuFile = loadCpu(llama, engine, backend);
  const files = [...llama.files, ...(cpuFile === null ? [] : [cpuFile])];
  const family = deviceClass.split(':')[0] ?? 'cpu';
  if (family !== 'cpu') {
    const state = loadPlugin(llama, engine, family);
    if (!state.ok) {
      throw failed(
        'device-missing',
        `No ${family} device can be used: ${state.reason}.`,
        'Run `ridge doctor` on the node; it names what is missing and how to get it.',
      );
    }
    if (state.file !== null) files.push(state.file);
  }
  const cpuLibrary = cpuFile === null ? null : basename(cpuFile);
  return { ...llama, files, devices: listDevices(llama), cpuLibrary };
}

/** Opened once, even when what follows fails: koffi's types and the log's callback are one per process. */
let core: Promise<Core> | null = null;

type Core = Omit<Llama, 'devices' | 'cpuLibrary'>;

async function openCore(engine: EnginePackage): Promise<Core> {
  const koffi = await importKoffi();
  const names = readdirSync(engine.folder);
  const files: string[] = [];
  const library = (pattern: RegExp) => {
    const name = names.find((n) => pattern.test(n));
    if (name === undefined) {
      const message = `${engine.folder} holds no file like ${pattern.source}.`;
      throw failed('engine-missing', message, 'Reinstall with `npm ci`.');
    }
    files.push(join(engine.folder, name));
    try {
      return koffi.load(join(engine.folder, name));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const hint = 'The shipped libraries need glibc 2.35 or newer; `ridge doctor` says more.';
      throw failed('engine-missing', `${name} does not load: ${reason}`, hint);
    }
  };
  // Base first: what comes later finds it by its name among the libraries that are already there.
  const base = library(/^libggml-base\.(so|dylib)$/);
  const registry = library(/^libggml(?:\.[^-]*)?\.(so|dylib)$/);
  const main = library(LIBLLAMA);
  const types = new StructTypes(koffi);
  const libraries = [main, registry, base];
  const functions = bindFunctions(types, libraries);

  requireSameRelease(functions.llama_version());

  // The callback runs on this thread, inside our own synchronous calls: the engine logs from the thread that
  // calls it. From a worker thread it would have to wait for this one, which waits for the call: the parent's
  // time limit ends such a trial.
  const log = new EngineLog();
  const logs = koffi.pointer(koffi.proto('void ridge_log(int, const char *, void *)'));
  const callback = koffi.register(log.write, logs);
  functions.llama_log_set(callback, null);
  functions.ggml_log_set(callback, null);

  const callBackend: Llama['callBackend'] = (registry, name, result, args) => {
    const address = functions.ggml_backend_reg_get_proc_address(registry, name);
    if (address === null)
      throw new Error(`The backend ${functions.ggml_backend_reg_name(registry)} has no ${name}.`);
    const types = args.map(([of]) => of);
    return koffi.call(address, koffi.proto(result, types), ...args.map(([, value]) => value));
  };

  return {
    release: engine.release,
    files,
    functions,
    address: (name) => functionAddress(libraries, name),
    log,
    reference: (struct, value) =>
      koffi.as(value, koffi.pointer(types.struct(struct))) as unknown as Reference,
    read: (struct, address) => koffi.decode(address, types.struct(struct)),
    bytes: (address, length) => koffi.view(address, length),
    allocate: (type, length) => koffi.alloc(type, length) as Pointer,
    free: (address) => koffi.free(address),
    canOpen: (library) => orElse(() => koffi.load(library) !== null, false),
    callCpu(name, result, args) {
      const device = functions.ggml_backend_dev_by_type(CONSTANTS.GGML_BACKEND_DEVICE_TYPE_CPU);
      return callBackend(functions.ggml_backend_dev_backend_reg(device), name, result, args);
    },
    callBackend,
  };
}

/** The library's own word, since a package may be patched or mixed. It says `0.4.0-dev` for v0.4.0. */
function requireSameRelease(version: string | null): void {
  if (`v${version?.replace(/-.*/, '')}` === BINDINGS_RELEASE) return;
  throw failed(
    'engine-mismatch',
    `libllama says it is ${version}, but the bindings are for ${BINDINGS_RELEASE}.`,
    'Reinstall with `npm ci`.',
  );
}

/**
 * The variant of the engine's CPU library that uses what a level of our own kernels does (kernels/cpu/cpu.h)
 * and no more, by how ggml builds them (ggml/src/CMakeLists.txt, `ggml_add_cpu_backend_variant`).
 */
const VARIANT_OF_LEVEL: Readonly<Record<string, string>> = {
  scalar: 'x64',
  avx2: 'haswell',
  avx512: 'skylakex',
  avx512vnni: 'cascadelake',
  avx512bf16: 'cooperlake',
};

/** @returns the file of the backend that was picked; null where the OS does not tell. */
function loadCpu(llama: Core, engine: EnginePackage, backend: LlamaOptions['backend']): string | null {
  const load = (file: string, hint: string) => {
    if (llama.functions.ggml_backend_load(file) !== null) return;
    const message = `${file} does not load: ${llama.log.errors() ?? 'no reason given'}`;
    throw failed('engine-mismatch', message, hint);
  };
  const limited = process.arch === 'x64' ? VARIANT_OF_LEVEL[process.env.RIDGEPOINT_CPU ?? ''] : undefined;
  if (backend === 'native') {
    const file = nativeEngineFile(engine.release);
    if (!existsSync(file)) {
      throw failed(
        'engine-missing',
        'No CPU backend was built on this machine (cpuBackend: native).',
        'Run `ridge engines build` on this node, or use `cpuBackend: shipped`.',
      );
    }
    load(file, 'Build it again with `ridge engines build`.');
  } else if (limited !== undefined && process.platform === 'linux') {
    load(join(engine.folder, `libggml-cpu-${limited}.so`), 'Unset RIDGEPOINT_CPU.');
  } else {
    // Every variant says how well it suits this processor; the engine keeps the best that it can run.
    llama.functions.ggml_backend_load_all_from_path(engine.folder);
  }
  if (llama.functions.ggml_backend_dev_by_type(CONSTANTS.GGML_BACKEND_DEVICE_TYPE_CPU) === null) {
    throw failed(
      'engine-missing',
      `No CPU backend in ${engine.folder} runs on this processor.`,
      'Run `ridge engines build` and use `cpuBackend: native`.',
    );
  }
  return llama.log.find(/loaded CPU backend from (.+)$/);
}
