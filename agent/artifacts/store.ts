import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { FailureError, failure } from '../../core/errors.js';
import { launch } from '../isolation/launch.js';
import type { WorkerOrder } from '../isolation/messages.js';
import { digestOf } from './digest.js';
import { makeRoom } from './eviction.js';
import { withLock } from './lock.js';
import { type Launcher, type Making, makeFile, storageFailure } from './making.js';
import { type Recipe, recipeHash, recipeWord } from './recipe.js';
import type { ResolvedModel } from './resolve.js';

export interface StoreSettings {
  readonly cacheFolder: string;
  /** The oldest artifacts go when all together are larger than this. */
  readonly artifactBytes: number;
}

export interface ArtifactRequest {
  readonly base: ResolvedModel;
  readonly quantization: string;
  readonly runnerKind: string;
  readonly engine: string;
  readonly cpus: readonly number[];
  readonly timeLimitSeconds: number;
}

export interface Artifact {
  readonly path: string;
  readonly digest: string;
  readonly base: string;
  readonly bytes: number;
  readonly recipe: string;
  /** null when it was made by an earlier trial. */
  readonly makeSeconds: number | null;
  /** What its maker said, e.g. of tensors that got another type. */
  readonly warnings: readonly string[];
}

const noteSchema = z.object({
  digest: z.string(),
  bytes: z.number(),
  recipe: z.string(),
  base: z.string(),
  warnings: z.array(z.string()),
});

export type { Launcher } from './making.js';

/**
 * Artifacts by recipe hash: made once in a child process, written beside their place and moved there
 * whole, so that a file under its name is always complete.
 */
export class ArtifactStore {
  readonly #settings: StoreSettings;
  readonly #folder: string;

  constructor(settings: StoreSettings) {
    this.#settings = settings;
    this.#folder = join(settings.cacheFolder, 'artifacts');
  }

  /**
   * @returns the file for this quantization of the base: the base itself when it is that already.
   * @throws FailureError `artifact-failed`, `disk-full`, or what the engine's child died of.
   */
  async prepare(request: ArtifactRequest, launcher: Launcher = launch): Promise<Artifact> {
    const { base, quantization, engine } = request;
    if (quantization === 'base' || quantization === base.facts.quantization) {
      return await this.#base(request, launcher);
    }
    const recipe: Recipe = { base: base.digest, quantization, engine };
    return await this.#once(recipeHash(recipe), async (path) => {
      // A synthetic base is written for this alone, if it is not there.
      const { path: inputPath } = await this.#base(request, launcher);
      const order = (outputPath: string): WorkerOrder => ({
        order: 'quantize',
        runnerKind: request.runnerKind,
        inputPath,
        outputPath,
        quantization,
        threads: Math.max(1, request.cpus.length),
      });
      const { cpus, timeLimitSeconds } = request;
      // Room for the base's size is asked for: most quantizations are smaller, and the engine finds out the rest.
      const { bytes } = base.facts;
      const making = { path, bytes, order, what: quantization, cpus, timeLimitSeconds };
      return await this.#make(making, recipeWord(recipe), base.digest, launcher);
    });
  }

  async #base({ base, cpus, timeLimitSeconds }: ArtifactRequest, launcher: Launcher): Promise<Artifact> {
    const { synthetic: model, digest } = base;
    const { bytes } = base.facts;
    if (base.path !== null) {
      return {
        path: base.path,
        digest,
        base: digest,
        bytes,
        recipe: 'base',
        makeSeconds: null,
        warnings: [],
      };
    }
    if (model === null) throw new Error('a model without a file is synthetic');
    const limit = this.#settings.artifactBytes;
    if (bytes > limit) {
      const message = `the synthetic model needs ${bytes} bytes and artifacts may take ${limit} on this node`;
      const hint = 'Raise artifactBytes in the agent’s config, or make the model smaller.';
      throw new FailureError(failure('disk-full', message, { hint }));
    }
    const order = (outputPath: string): WorkerOrder => ({ order: 'synthesize', model, outputPath });
    const how = { bytes, order, what: 'the synthetic model', cpus, timeLimitSeconds };
    return await this.#once(`synthetic-${digest.replace(/^.*:/, '').slice(0, 24)}`, (path) =>
      this.#make({ path, ...how }, 'synthetic', digest, launcher),
    );
  }

  /** Makes the file of that name unless it is there; one process at a time. */
  async #once(name: string, make: (path: string) => Promise<Artifact>): Promise<Artifact> {
    const path = join(this.#folder, `${name}.gguf`);
    try {
      await mkdir(this.#folder, { recursive: true });
      return await withLock(join(this.#folder, `${name}.lock`), async () => {
        return (await this.#find(path)) ?? (await make(path));
      });
    } catch (error) {
      throw storageFailure(error);
    }
  }

  async #find(path: string): Promise<Artifact | null> {
    try {
      const note = noteSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
      if ((await stat(path)).size !== note.bytes) return null;
      // Looked at by eviction as the time of last use.
      const now = new Date();
      await utimes(`${path}.json`, now, now);
      return { path, ...note, makeSeconds: null };
    } catch {
      return null;
    }
  }

  async #make(making: Making, recipe: string, base: string, launcher: Launcher): Promise<Artifact> {
    const { path } = making;
    await this.#dropDrafts(path);
    const { seconds, warnings } = await makeFile(making, launcher);
    const { size } = await stat(path);
    const digest = await digestOf(path, this.#settings.cacheFolder);
    const note = { digest, bytes: size, recipe, base, warnings: [...warnings] };
    await writeFile(`${path}.json`, JSON.stringify(note));
    await makeRoom(this.#folder, this.#settings.artifactBytes, path);
    return { path, ...note, makeSeconds: seconds };
  }

  /** What makers that were killed left behind; the lock says that nobody is writing one now. */
  async #dropDrafts(path: string): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.startsWith(`${basename(path)}.`) && name.endsWith('.draft')) {
        await rm(join(this.#folder, name), { force: true });
      }
    }
  }
}
