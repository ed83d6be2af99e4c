import { failed } from '../../../core/errors.js';
import { bare, type OrtApi, OrtError, openApi, type Pointer } from './api.js';
import type { RuntimeLibrary } from './libraries.js';
import { openSession, type SessionSettings } from './session.js';
import { ELEMENTS } from './tensors.js';

/** ONNX Runtime, ready in this process. */
export interface OrtRuntime {
  readonly api: OrtApi;
  readonly library: RuntimeLibrary;
  /** `onnxruntime 1.30.0`, with the name that the configuration gives the library behind it. */
  readonly release: string;
  readonly env: Pointer;
  /** Of memory of the CPU: names and buffers. */
  readonly allocator: Pointer;
  /** Describes that memory. */
  readonly memory: Pointer;
  /** Execution providers that the library was built with, as it calls them. */
  readonly builtIn: readonly string[];
}

/** OrtLoggingLevel: errors come back as sentences, and the rest would fill stderr. */
const LOG_FATAL = 4;
const DEFAULT_MEMORY = 0;
const DEVICE_ALLOCATOR = 0;

const loaded = new Map<string, Promise<OrtRuntime>>();

/**
 * Opens a library, once, in a child process alone, and checks with a small graph that the table of its
 * functions is what it says.
 * @throws FailureError `engine-missing`, `engine-mismatch`.
 */
export function loadRuntime(library: RuntimeLibrary): Promise<OrtRuntime> {
  const known = loaded.get(library.file);
  if (known !== undefined)
    return known.then((runtime) => ({ ...runtime, library, release: named(runtime.api, library) }));
  const opening = open(library);
  loaded.set(library.file, opening);
  opening.catch(() => loaded.delete(library.file));
  return opening;
}

const named = ({ version }: OrtApi, { name }: RuntimeLibrary) =>
  `onnxruntime ${version}${name === null ? '' : ` (${name})`}`;

async function open(library: RuntimeLibrary): Promise<OrtRuntime> {
  const api = await openApi(library.file);
  const env = api.make('CreateEnv', LOG_FATAL, 'ridgepoint');
  const runtime = {
    api,
    library,
    release: named(api, library),
    env,
    allocator: api.make('GetAllocatorWithDefaultOptions'),
    memory: api.make('CreateCpuMemoryInfo', DEVICE_ALLOCATOR, DEFAULT_MEMORY),
    builtIn: providersOf(api),
  };
  selfCheck(runtime);
  return runtime;
}

function providersOf(api: OrtApi): string[] {
  const array = new BigUint64Array(1);
  const count = new Int32Array(1);
  api.call('GetAvailableProviders', array, count);
  const names = Array.from(new BigUint64Array(api.view(array[0]!, 8 * count[0]!)), (at) => api.text(at));
  api.call('ReleaseAvailableProviders', array[0]!, count[0]!);
  return names;
}

/** relu(x W) with W = [[1, 2], [3, 4]], x: float32[n, 2]. */
const GRAPH = Buffer.from(
  'CAcSADqAAQoaCgF4CgF3EgFwGgdwcm9kdWN0IgZNYXRNdWwKFgoBcBIBeRoIcG9zaXRpdmUiBFJlbHUSAWcqGwgCCAIQAUIBd0oQAACAPwAAAEAAAEBAAACAQFoUCgF4Eg8KDQgBEgkKAxIBbgoCCAJiFAoBeRIPCg0IARIJCgMSAW4KAggCQgQKABAN',
  'base64',
);
export const CHECK_GRAPH: Uint8Array = new Uint8Array(GRAPH);
const INPUT = [1, -1, 2, 0.5];
const EXPECTED = [0, 0, 3.5, 6];
const FLOAT = Number(Object.entries(ELEMENTS).find(([, { name }]) => name === 'float32')![0]);

export const CHECK_SETTINGS: SessionSettings = {
  graphOptimization: 'all',
  executionMode: 'sequential',
  threads: 1,
  interThreads: 1,
  arena: true,
  arenaGrowth: 'doubling',
  arenaShrink: false,
  memoryPattern: true,
  spinning: false,
  provider: 'cpu',
  deviceIndex: 0,
  profile: null,
};

/**
 * A table in the wrong order would take the process down sooner or later: here, where nothing depends on it
 * yet.
 */
function selfCheck(runtime: OrtRuntime): void {
  const wrong = (problem: string) => {
    const message = `ONNX Runtime ${runtime.api.version} does not compute a small graph: ${problem}.`;
    return failed('engine-mismatch', message, 'Use another library.');
  };
  try {
    const session = openSession(runtime, CHECK_GRAPH, CHECK_SETTINGS);
    const problem = checkRun(runtime, session.handle);
    const nodes = session.assigned?.get(session.provider) ?? null;
    session.close();
    if (problem !== null) throw wrong(problem);
    if (session.assigned !== null && nodes !== 2) throw wrong(`it tells of ${nodes} nodes, and it has 2`);
  } catch (error) {
    throw error instanceof OrtError ? wrong(bare(error.message)) : error;
  }
}

/** Runs a session of the graph. @returns what is wrong with what it gives; null = nothing. */
export function checkRun({ api, allocator, memory }: OrtRuntime, session: Pointer): string | null {
  const bytes = 4 * INPUT.length;
  const addresses = [0, 1].map(() => api.make('AllocatorAlloc', allocator, bytes));
  const arrays = addresses.map((address) => new Float32Array(api.view(address, bytes)));
  const values = addresses.map((address) =>
    api.make('CreateTensorWithDataAsOrtValue', memory, address, bytes, BigInt64Array.of(2n, 2n), 2, FLOAT),
  );
  try {
    arrays[0]!.set(INPUT);
    const [x, y] = [api.names(['x']), api.names(['y'])];
    api.call('Run', session, null, x, BigUint64Array.of(values[0]!), 1, y, 1, BigUint64Array.of(values[1]!));
    const given = Array.from(arrays[1]!);
    // Providers may compute in half precision.
    const right = EXPECTED.every((value, i) => Math.abs(given[i]! - value) < 0.01);
    return right ? null : `it gives ${given.join(', ')} where ${EXPECTED.join(', ')} is right`;
  } finally {
    for (const value of values) api.call('ReleaseValue', value);
    for (const address of addresses) api.call('AllocatorFree', allocator, address);
  }
}
