import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { canonicalJson } from '../../core/sweep/identity.js';
import type { AdapterPart } from '../../core/techniques/adapter.js';
import { unattachable, unusable } from '../../formats/adapters/base.js';
import { canAttach, writeAdapterGguf } from '../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { GgufError } from '../../formats/gguf/reader.js';
import { taskOf } from '../../process/isolation/job.js';
import type { Launcher } from '../files/build-file.js';
import type { Pins } from '../files/pins.js';
import type { ModelSettings } from '../files/resolve.js';
import type { ArtifactStore } from '../files/store.js';
import { WRITE_ADAPTER } from './jobs.js';
import { type AdapterRequest, loadAdapter } from './load.js';
import { type LocatedAdapter, locateAdapter } from './source.js';

/** An adapter that runs beside a model. */
export interface AttachedAdapter {
  readonly source: string;
  /** Of the files that the source names, not of what they became. */
  readonly digest: string;
  /** Of the GGUF file that the engine reads. */
  readonly bytes: number;
  readonly scale: number;
  readonly path: string;
}

export interface AttachRequest {
  readonly parts: readonly AdapterPart[];
  /** The model that adapters were trained on, for the order of its rows and its heads. */
  readonly base: { readonly path: string; readonly digest: string; readonly name: string };
  /** The model that runs: what a synthetic adapter has the shapes of. */
  readonly shape: { readonly path: string; readonly digest: string };
  readonly settings: ModelSettings;
  readonly store: ArtifactStore;
  readonly launcher: Launcher;
  readonly uses: Pins | null;
  readonly cpus: readonly number[];
  readonly timeLimitSeconds: number;
}

/** Changes whenever the same adapter would be written differently. */
const WRITER = 1;

/**
 * Gets ready what llama.cpp attaches: a GGUF LoRA as it is, everything else (PEFT, synthetic, on a residual)
 * written as one into the cache, by a child process, once.
 * @throws FailureError `source-not-allowed`, `model-missing`, `model-unreadable`, `impossible-combination`.
 */
export async function attachedAdapters(request: AttachRequest): Promise<AttachedAdapter[]> {
  const attached: AttachedAdapter[] = [];
  for (const { source, scale } of request.parts) {
    const located = await locateAdapter(source, request.settings);
    const { digest } = located;
    const { path, bytes } = readyFile(located) ?? (await written(located, request));
    attached.push({ source, digest, bytes, scale, path });
  }
  return attached;
}

interface AdapterFile {
  readonly path: string;
  readonly bytes: number;
}

/** @returns null for what has to be written first. */
function readyFile({ source, place, bytes }: LocatedAdapter): AdapterFile | null {
  if (place.form !== 'gguf') return null;
  try {
    const form = readGgufHeader(place.path).metadata.get('adapter.type');
    if (form === 'dora') throw unattachable(source);
    return form === 'residual' ? null : { path: place.path, bytes };
  } catch (error) {
    if (error instanceof GgufError) throw unusable(source, error.message);
    throw error;
  }
}

async function written(
  { source, place, digest }: LocatedAdapter,
  { base: trained, shape, store, launcher, uses, cpus, timeLimitSeconds }: AttachRequest,
): Promise<AdapterFile> {
  const base = place.form === 'synthetic' ? { ...shape, name: trained.name } : trained;
  const asked: AdapterRequest = { source, place, basePath: base.path, baseName: base.name };
  const identity = canonicalJson([WRITER, digest, base.digest]);
  return await store.make(
    {
      name: `adapter-${bytesToHex(sha256(utf8ToBytes(identity))).slice(0, 24)}`,
      recipe: `adapter(${source})`,
      base: base.digest,
      bytes: 0,
      task: (outputPath) => taskOf(WRITE_ADAPTER, { ...asked, outputPath }),
      cpus,
      timeLimitSeconds,
    },
    launcher,
    uses,
  );
}

/** In a child: reads an adapter and writes it for llama.cpp. @returns what there is to say of it. */
export async function writeAttachable(
  request: AdapterRequest,
  outputPath: string,
): Promise<{ readonly warnings: readonly string[] }> {
  const { adapter, warnings } = await loadAdapter(request);
  if (!canAttach(adapter)) throw unattachable(request.source);
  await writeAdapterGguf(outputPath, adapter, { name: request.source });
  return { warnings };
}
