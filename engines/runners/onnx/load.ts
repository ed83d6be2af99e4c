import { availableParallelism } from 'node:os';
import { failed } from '../../../core/errors.js';
import { deviceKind } from '../../../core/experiment/experiment.js';
import { type Warning, warn } from '../../../core/result/warnings.js';
import { type OnnxOptions, PROVIDER_OF } from '../../../core/runners/onnx.js';
import { FormatError } from '../../../formats/format.js';
import { graphOf } from '../../../formats/onnx/format.js';
import { type OnnxFile, readOnnx } from '../../../formats/onnx/reader.js';
import { findLibraries, noLibrary } from '../../native/onnxruntime/libraries.js';
import { loadRuntime, type OrtRuntime } from '../../native/onnxruntime/runtime.js';
import { openSession, type Session, type SessionSettings } from '../../native/onnxruntime/session.js';
import { ELEMENTS } from '../../native/onnxruntime/tensors.js';
import { modelFile } from '../llama-cpp/load.js';
import { requireRoomForWeights } from '../llama-cpp/memory.js';
import type { GeneratorRequest, ModelRequest, WithOptions } from '../runner.js';
import { cachePlace, OnnxModel } from './model.js';
import { loadFailure } from './reasons.js';
import { type Signature, signatureOf } from './signature.js';

/** A graph in a session, and what it was opened with. */
export interface OpenedGraph {
  readonly runtime: OrtRuntime;
  readonly session: Session;
  readonly settings: OnnxSettings;
  readonly path: string;
  readonly engineFiles: readonly string[];
  /** Facts for the record's environment. */
  readonly environment: Readonly<Record<string, string | number | boolean | null>>;
  readonly warnings: readonly Warning[];
  /** @returns bytes of all weights; null where ONNX Runtime reads what we do not. */
  readonly weightBytes: () => number | null;
}

/**
 * @param profile front of the path of a profile; null = none is written.
 * @throws FailureError with ONNX Runtime's own words.
 */
export async function openGraph(
  request: WithOptions<ModelRequest, OnnxOptions>,
  profile: string | null = null,
): Promise<OpenedGraph> {
  const path = graphOf(modelFile(request.modelPath));
  const settings = settingsFor(request);
  const runtime = await runtimeFor(request, settings.engine);
  requireRoomForWeights(path);
  let session: Session;
  try {
    session = openSession(runtime, path, { ...settings.session, profile });
  } catch (error) {
    throw loadFailure(error, path, settings.session.provider);
  }
  return {
    runtime,
    session,
    settings,
    path,
    engineFiles: filesOf(runtime, session.provider),
    environment: environmentOf(runtime, session, settings.session),
    warnings: fallbackWarnings(session, settings.session.provider),
    weightBytes: () => bytesOf(readable(path)),
  };
}

/** @throws FailureError `engine-missing`, `engine-mismatch`. */
async function runtimeFor(
  { engines }: Pick<ModelRequest, 'engines'>,
  engine: string | null,
): Promise<OrtRuntime> {
  const libraries = findLibraries(engines?.onnxRuntimes);
  const [first] = libraries;
  if (first === undefined) throw noLibrary();
  if (engine === null) return await loadRuntime(first);
  const there: string[] = [];
  for (const library of libraries) {
    const runtime = await loadRuntime(library);
    if (runtime.release === engine) return runtime;
    there.push(runtime.release);
  }
  const message = `This node has no ${engine}; it has ${there.join(', ')}.`;
  throw failed('engine-mismatch', message, 'Correct engine in the sweep.');
}

/** Opens a decoder with room for what is asked. @throws FailureError */
export async function loadModel(
  request: WithOptions<GeneratorRequest, OnnxOptions>,
  profile: string | null = null,
): Promise<OnnxModel> {
  return decoderOf(await openGraph(request, profile), request);
}

/** Drives a graph as a decoder; its session ends with it. @throws FailureError */
export function decoderOf(
  graph: OpenedGraph,
  { contextTokens, sequences }: Pick<GeneratorRequest, 'contextTokens' | 'sequences'>,
): OnnxModel {
  const { session, runtime, settings, path } = graph;
  try {
    const signature = signatureOf(session.inputs, session.outputs, session.optional);
    requireBatch(signature, sequences);
    const file = readable(path);
    const cached = signature.cache.length > 0;
    const sharesCache = cached && settings.shareCache && file !== null && sharesItsCache(file, signature);
    const capacity = Math.max(1, contextTokens);
    const driving = { path, signature, sequences, capacity, batch: settings.batch, sharesCache };
    const facts = (cacheBytes: number) => ({
      modelBytes: bytesOf(file),
      parameters: null,
      kvCacheBytes: cacheBytes,
      engineFiles: graph.engineFiles,
      vocabularySize: signature.vocabularySize,
      contextLength: driving.capacity,
      environment: {
        ...graph.environment,
        kvCacheType: ELEMENTS[signature.cache[0]?.past.type ?? 0]?.name ?? null,
        kvCacheShared: cached ? sharesCache : null,
        kvCacheMemory: cached ? (cachePlace(session, signature.cache)?.name ?? 'Cpu') : null,
      },
    });
    return new OnnxModel(runtime, session, driving, facts, graph.warnings);
  } catch (error) {
    session.close();
    throw error;
  }
}

function requireBatch({ ids }: Signature, sequences: number): void {
  const [batch] = ids.shape;
  if (typeof batch !== 'number' || batch === sequences) return;
  const hint = `Set parallel to ${batch}, or export the graph with an open batch.`;
  throw failed('impossible-combination', `The graph is for ${batch} sequences, not ${sequences}.`, hint);
}

function bytesOf(file: OnnxFile | null): number | null {
  return file?.graph.constants.reduce((sum, { bytes }) => sum + bytes, 0) ?? null;
}

/** @returns what the file says beside its weights; null where ONNX Runtime reads what we do not. */
function readable(path: string): OnnxFile | null {
  try {
    return readOnnx(path);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** @returns bytes of the constants that each node takes, by its name. */
export function weightsByNode(path: string): ReadonlyMap<string, number> {
  const file = readable(path);
  const sizes = new Map(file?.graph.constants.map(({ name, bytes }) => [name, bytes] as const));
  const bytesIn = (inputs: readonly string[]) => inputs.reduce((sum, one) => sum + (sizes.get(one) ?? 0), 0);
  return new Map(file?.graph.nodes.map(({ name, inputs }) => [name, bytesIn(inputs)]));
}

/**
 * @returns whether GroupQueryAttention alone reads the cache: it adds to it in place where past and present
 *   are the same memory.
 */
function sharesItsCache({ graph: { nodes } }: OnnxFile, { cache }: Signature): boolean {
  const names = new Set(cache.map(({ past }) => past.name));
  const readers = nodes.filter(({ inputs }) => inputs.some((name) => names.has(name)));
  return readers.length > 0 && readers.every(({ kind }) => kind === 'GroupQueryAttention');
}

function filesOf({ library: { file, plugins } }: OrtRuntime, provider: string): string[] {
  const plugin = plugins[provider];
  return plugin === undefined ? [file] : [file, plugin];
}

function environmentOf(
  runtime: OrtRuntime,
  { assigned, provider }: Session,
  settings: Omit<SessionSettings, 'profile'>,
): OpenedGraph['environment'] {
  const { threads, graphOptimization } = settings;
  return {
    engine: runtime.release,
    engineDevice: provider,
    engineLibrary: runtime.library.file,
    threads,
    graphOptimization,
    nodes: assigned === null ? null : total(assigned),
    nodesElsewhere: assigned === null ? null : total(assigned) - (assigned.get(provider) ?? 0),
  };
}

/** @returns what is to be said of nodes that another provider got than was asked for. */
export function fallbackWarnings(
  { assigned, provider }: Pick<Session, 'assigned' | 'provider'>,
  asked: string,
): Warning[] {
  if (assigned === null) return [];
  const all = total(assigned);
  const others = [...assigned].filter(([name]) => name !== provider);
  const elsewhere = others.reduce((sum, [, count]) => sum + count, 0);
  if (elsewhere === 0) return [];
  const where = others.map(([name, count]) => `${count} on ${name}`).join(', ');
  const text = `${elsewhere} of ${all} nodes did not go to ${asked}: ${where}`;
  return [2 * elsewhere > all ? warn('provider-fallback', text) : warn('engine-warning', text)];
}

const total = (counts: ReadonlyMap<string, number>) =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

/** What the runner's options come to on a device. */
interface OnnxSettings {
  readonly session: Omit<SessionSettings, 'profile'>;
  readonly batch: number;
  /** Whether a cache that can be added to in place is. */
  readonly shareCache: boolean;
  /** A release that is asked for; null = the first that is here. */
  readonly engine: string | null;
}

function settingsFor({
  options,
  deviceClass,
  cpus,
}: Pick<WithOptions<ModelRequest, OnnxOptions>, 'options' | 'deviceClass' | 'cpus'>): OnnxSettings {
  const { executionProvider, batch, shareCache, engine, ...session } = options;
  const usual = PROVIDER_OF[deviceKind(deviceClass)] ?? 'cpu';
  return {
    session: {
      ...session,
      threads: session.threads ?? (cpus.length || availableParallelism()),
      interThreads: session.interThreads ?? 1,
      provider: executionProvider === 'auto' ? usual : executionProvider,
      // The agent shows a trial its own device alone.
      deviceIndex: 0,
    },
    batch,
    shareCache,
    engine,
  };
}
