import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { failed } from '../../core/errors.js';
import { orElse } from '../../core/or-else.js';
import { artifactStepSchema } from '../../core/result/result.js';
import { requireRoom, writeWhole } from '../../formats/whole-file.js';
import { digestOfAll, joinDigests } from '../../process/digest.js';
import { taskOf } from '../../process/isolation/job.js';
import { launch } from '../../process/isolation/launch.js';
import { type BuildRequest, buildFile, type Launcher, storageFailure } from './build-file.js';
import { cachedPath, lockOf, makeRoom } from './eviction.js';
import type { Exchange } from './exchange.js';
import { rememberOrigin } from './lineage.js';
import { withLock } from './lock.js';
import { readNote } from './note.js';
import { Pins } from './pins.js';
import type { ResolvedModel } from './resolve.js';
import { chainName, type Step } from './step.js';
import { SYNTHESIZE } from './synthetic/job.js';
import { bytesOf, filesOf } from './tree.js';
import { touched } from './used.js';

export interface StoreSettings {
  readonly cacheFolder: string;
  /** The oldest artifacts go when all together are larger than this. */
  readonly artifactBytes: number;
}

export interface ArtifactRequest {
  readonly base: ResolvedModel;
  /** What is done to the base, in order; none = the base as it is. */
  readonly steps: readonly Step[];
  readonly cpus: readonly number[];
  readonly timeLimitSeconds: number;
  /** Where else it may be; left out = it is made here. */
  readonly exchange?: Exchange | undefined;
}

/** A file of its own, by a name that says all it follows from. */
export interface FileRequest extends Pick<BuildRequest, 'bytes' | 'task' | 'cpus' | 'timeLimitSeconds'> {
  readonly name: string;
  readonly recipe: string;
  /** Digest of the model it is for. */
  readonly base: string;
}

const noteSchema = z.object({
  digest: z.string(),
  bytes: z.number(),
  recipe: z.string(),
  base: z.string(),
  /** What their makers said, e.g. of tensors that got another type. */
  warnings: z.array(z.string()),
  steps: z.array(artifactStepSchema),
  /** The node that made it, where that was another one. */
  madeOn: z.string().optional(),
});

export interface Artifact extends z.infer<typeof noteSchema> {
  readonly path: string;
  /** Of all steps that had to be made now; null when none had to. */
  readonly makeSeconds: number | null;
}

export type { Launcher } from './build-file.js';

/**
 * Artifacts by the hash of their base and steps: each made once in a child process, written beside its place
 * and moved there whole, so that a file, or a folder of files, under its name is always complete.
 */
export class ArtifactStore {
  readonly #settings: StoreSettings;
  readonly #folder: string;

  constructor(settings: StoreSettings) {
    this.#settings = settings;
    this.#folder = join(settings.cacheFolder, 'artifacts');
  }

  /**
   * @param uses keeps the file, and nothing that it was made from, until the caller releases it; without it
   *   the next artifact may take its room.
   * @returns the file that the steps make of the base, made now unless it is there.
   * @throws FailureError `artifact-failed`, `disk-full`, or what a maker's process died of.
   */
  async prepare(
    request: ArtifactRequest,
    launcher: Launcher = launch,
    uses: Pins | null = null,
  ): Promise<Artifact> {
    const { base, steps, exchange } = request;
    const step = steps.at(-1);
    if (step === undefined) return await this.#base(request, launcher, uses);
    const name = chainName(base.digest, steps);
    const artifact = await this.#makeOnce(name, uses, async (path) => {
      const elsewhere = exchange && (await this.#fetched(path, name, base.digest, exchange));
      if (elsewhere) return elsewhere;
      const inputs = new Pins();
      try {
        const input = await this.prepare({ ...request, steps: steps.slice(0, -1) }, launcher, inputs);
        return await this.#make(path, input, step, request, launcher);
      } catch (error) {
        exchange?.failed(name);
        throw error;
      } finally {
        await inputs.release();
      }
    });
    if (artifact.makeSeconds !== null) await exchange?.made(name, artifact);
    return artifact;
  }

  /**
   * Gets what another node made, whole and as its maker noted it.
   * @returns null where there is nothing that can be used.
   */
  async #fetched(path: string, name: string, base: string, exchange: Exchange): Promise<Artifact | null> {
    const offer = await exchange.find(name);
    if (offer === null) return null;
    const draft = `${path}.${process.pid}.draft`;
    const report = `${draft}.report`;
    try {
      await this.#dropDrafts(path);
      await makeRoom(this.#folder, { limitBytes: this.#settings.artifactBytes, comingBytes: offer.bytes });
      await requireRoom(this.#folder, offer.bytes);
      const { note: said, digests } = await offer.get(draft, report);
      const note = noteSchema.parse(said);
      const digest = joinDigests(filesOf(draft).map((file) => digests.get(file) ?? ''));
      if (note.digest !== digest || note.bytes !== bytesOf(draft) || note.base !== base)
        throw new Error('it is not what its maker noted');
      await rm(path, { force: true, recursive: true });
      await rename(draft, path);
      if (existsSync(report)) await rename(report, reportPath(path));
      return { ...(await this.#keep(path, { ...note, madeOn: offer.madeOn }, 0)), makeSeconds: null };
    } catch (error) {
      exchange.refused(name, (error as Error).message);
      return null;
    } finally {
      for (const left of [draft, report]) await rm(left, { force: true, recursive: true });
    }
  }

  /**
   * Makes a file that no chain of steps leads to, such as an adapter in the form that an engine reads.
   * @throws FailureError as prepare does.
   */
  async make(
    { name, recipe, base, ...making }: FileRequest,
    launcher: Launcher = launch,
    uses: Pins | null = null,
  ): Promise<Artifact> {
    return await this.#makeOnce(name, uses, async (path) => {
      const request = { path, what: recipe, ...making };
      const { seconds, warnings, digest, bytes } = await this.#write(request, launcher);
      const note = { digest, bytes, recipe, base, warnings: [...warnings], steps: [] };
      return await this.#keep(path, note, seconds);
    });
  }

  async #make(
    path: string,
    input: Artifact,
    step: Step,
    { cpus, timeLimitSeconds }: ArtifactRequest,
    launcher: Launcher,
  ): Promise<Artifact> {
    const { recipe } = step;
    const task = await step.taskFor(input.path, input.digest, { cpus, timeLimitSeconds, launcher });
    const bytes = step.bytes?.(input.bytes) ?? input.bytes;
    const making = { path, bytes, task, what: recipe, cpus, timeLimitSeconds };
    const { seconds, warnings, facts, report = null, ...file } = await this.#write(making, launcher);
    if (report !== null) await writeWhole(reportPath(path), JSON.stringify(report));
    await rememberOrigin(path, input.path, this.#settings.cacheFolder);
    const steps = [...input.steps, { recipe, ...file, makeSeconds: seconds, facts }];
    const said = { recipe: steps.map((made) => made.recipe).join(' → '), base: input.base, steps };
    const note = { ...file, ...said, warnings: [...input.warnings, ...warnings] };
    return await this.#keep(path, note, seconds + (input.makeSeconds ?? 0));
  }

  async #base(
    { base, cpus, timeLimitSeconds }: ArtifactRequest,
    launcher: Launcher,
    uses: Pins | null,
  ): Promise<Artifact> {
    const { synthetic: model, digest } = base;
    const { bytes } = base.facts;
    const said = { recipe: 'base', base: digest, warnings: [], steps: [] };
    if (base.path !== null) return { path: base.path, digest, bytes, ...said, makeSeconds: null };
    if (model === null) throw new Error('a model without a file is synthetic');
    const limit = this.#settings.artifactBytes;
    if (bytes > limit) {
      const message = `the synthetic model needs ${bytes} bytes and artifacts may take ${limit} on this node`;
      const hint = 'Raise artifactBytes in the agent’s config, or make the model smaller.';
      throw failed('disk-full', message, hint);
    }
    const task = (outputPath: string) => taskOf(SYNTHESIZE, { model, outputPath });
    const making = { bytes, task, what: 'the synthetic model', cpus, timeLimitSeconds };
    return await this.#makeOnce(
      `synthetic-${digest.replace(/^.*:/, '').slice(0, 24)}`,
      uses,
      async (path) => {
        const { seconds, digest: content, bytes: size } = await this.#write({ path, ...making }, launcher);
        return await this.#keep(
          path,
          { ...said, recipe: 'synthetic', digest: content, bytes: size },
          seconds,
        );
      },
    );
  }

  /** Makes the file of that name unless it is there; one process at a time. */
  async #makeOnce(
    name: string,
    uses: Pins | null,
    make: (path: string) => Promise<Artifact>,
  ): Promise<Artifact> {
    const path = cachedPath(this.#folder, name);
    try {
      await mkdir(this.#folder, { recursive: true });
      return await withLock(lockOf(path), async () => {
        const artifact = (await this.#find(path)) ?? (await make(path));
        await uses?.hold(path);
        return artifact;
      });
    } catch (error) {
      throw storageFailure(error);
    }
  }

  async #find(path: string): Promise<Artifact | null> {
    const note = await readNote(`${path}.json`, noteSchema);
    if (note === null || orElse(() => bytesOf(path), null) !== note.bytes) return null;
    return (await touched(`${path}.json`)) ? { path, ...note, makeSeconds: null } : null;
  }

  async #write(making: BuildRequest, launcher: Launcher) {
    const { path } = making;
    await this.#dropDrafts(path);
    await makeRoom(this.#folder, { limitBytes: this.#settings.artifactBytes, comingBytes: making.bytes });
    const made = await buildFile(making, launcher);
    const digest = await digestOfAll(filesOf(path), this.#settings.cacheFolder);
    return { ...made, digest, bytes: bytesOf(path) };
  }

  async #keep(path: string, note: z.infer<typeof noteSchema>, makeSeconds: number): Promise<Artifact> {
    await writeWhole(`${path}.json`, JSON.stringify(note));
    await makeRoom(this.#folder, { limitBytes: this.#settings.artifactBytes, keep: path });
    return { path, ...note, makeSeconds };
  }

  /** What makers that were killed left behind; the lock says that nobody is writing one now. */
  async #dropDrafts(path: string): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      if (name.startsWith(`${basename(path)}.`) && name.endsWith('.draft'))
        await rm(join(this.#folder, name), { force: true, recursive: true });
    }
  }
}

/** @returns where the report of what was done to a file lies: per layer, for whoever wants to know. */
export function reportPath(path: string): string {
  return `${path}.report.json`;
}
