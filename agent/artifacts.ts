import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Exchange, Offer } from '../artifacts/files/exchange.js';
import { type Artifact, reportPath } from '../artifacts/files/store.js';
import { filesOf } from '../artifacts/files/tree.js';
import { digestOf } from '../process/digest.js';
import type { AgentConnection } from '../proto/client.js';
import { WireError } from '../proto/errors.js';
import {
  type ArtifactFile,
  ArtifactIntent,
  type ClaimArtifactResponse,
  type Artifact as WireArtifact,
} from '../proto/gen/ridgepoint/v1/artifacts.js';
import { Backoff } from './backoff.js';
import { isFinal } from './bodies.js';
import { bringFile } from './pieces.js';

export interface SharingSettings {
  /** Of all that comes and goes; a faster network would be felt by what is measured on other devices. */
  readonly bytesPerSecond: number;
  /** How long a trial waits for what another node makes. */
  readonly waitSeconds: number;
}

export interface SharingNeeds {
  readonly connection: Pick<
    AgentConnection,
    'claimArtifact' | 'putArtifact' | 'offerArtifact' | 'getArtifact'
  >;
  readonly settings: SharingSettings;
  readonly cacheFolder: string;
  readonly log: (level: 'info' | 'warn' | 'debug', sentence: string) => void;
  /** Milliseconds between two questions whether another node is done. */
  readonly askMilliseconds?: number;
  /** Before a transfer that broke goes on. */
  readonly firstWaitSeconds?: number;
}

/** What stops the work that a trial waits for. */
type Watch = (stoppable: { stop(): void; kill(): void }) => void;

const ASK_MILLISECONDS = 1000;
/** Whoever makes something says so as often: a claim ends without a word in 20 s. */
const RENEW_MILLISECONDS = 5000;
const CLAIM_DEADLINE_SECONDS = 10;
const DEADLINE_SECONDS = 60;
/** Of a transfer that breaks: half a minute in all. */
const TRIES = 8;
/**
 * A path of a file below an artifact's folder that comes from elsewhere: no segment leads out of it or hides.
 */
const PATH = /^(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,199}\/){0,8}[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/;

/** Artifacts of other nodes, through the coordinator. */
export class SharedArtifacts {
  readonly #needs: SharingNeeds;
  readonly #pace: Pace;

  constructor(needs: SharingNeeds) {
    this.#needs = needs;
    this.#pace = new Pace(needs.settings.bytesPerSecond);
  }

  /** @returns the exchange of one trial, which stops with it. */
  exchangeOf(trialId: string, watch: Watch): Exchange {
    return new TrialExchange(this.#needs, this.#pace, trialId, watch);
  }
}

class TrialExchange implements Exchange {
  readonly #needs: SharingNeeds;
  readonly #pace: Pace;
  readonly #trialId: string;
  readonly #watch: Watch;
  readonly #stopped = new AbortController();
  readonly #renewing = new Map<string, NodeJS.Timeout>();

  constructor(needs: SharingNeeds, pace: Pace, trialId: string, watch: Watch) {
    this.#needs = needs;
    this.#pace = pace;
    this.#trialId = trialId;
    this.#watch = watch;
  }

  async find(name: string): Promise<Offer | null> {
    this.#listen();
    const { settings, log, askMilliseconds = ASK_MILLISECONDS } = this.#needs;
    const end = performance.now() + 1000 * settings.waitSeconds;
    let isLogged = false;
    try {
      for (;;) {
        const { artifact, maker } = await this.#claim(name);
        if (artifact !== undefined) return this.#offerOf(name, artifact);
        if (maker === '') {
          this.#renew(name);
          return null;
        }
        if (performance.now() > end) {
          log('info', `${maker} has not made ${name} within ${settings.waitSeconds} s: it is made here`);
          return null;
        }
        if (!isLogged) log('info', `${this.#trialId} waits for ${name}, which ${maker} makes`);
        isLogged = true;
        await sleep(askMilliseconds, undefined, { signal: this.#stopped.signal });
      }
    } catch (error) {
      // A coordinator that keeps none is nobody's trouble.
      log('debug', `${name} is made here: ${(error as Error).message}`);
      return null;
    }
  }

  async made(name: string, artifact: Artifact): Promise<void> {
    this.#listen();
    const { settings, log } = this.#needs;
    try {
      const { wanted } = await this.#claim(name);
      if (!wanted) return;
      const files = await filesToBring(artifact, this.#needs.cacheFolder);
      const bytes = files?.reduce((sum, { file }) => sum + file.bytes, 0) ?? Number.POSITIVE_INFINITY;
      if (files === null || bytes / settings.bytesPerSecond > (artifact.makeSeconds ?? 0)) {
        await this.#claim(name, ArtifactIntent.ARTIFACT_INTENT_KEPT_BACK);
        return;
      }
      for (const { path, file } of files) await this.#persistently(() => this.#bring(name, path, file));
      const { path: _, makeSeconds: __, ...note } = artifact;
      const offered = { files: files.map(({ file }) => file), noteJson: JSON.stringify(note), madeOn: '' };
      const request = { trialId: this.#trialId, name, artifact: offered };
      await this.#needs.connection.offerArtifact(request, this.#limits);
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      const full = error instanceof WireError && error.code === 'too-large';
      log(
        full ? 'info' : 'warn',
        `other nodes make ${artifact.recipe} for themselves: ${(error as Error).message}`,
      );
      await this.#claim(name, ArtifactIntent.ARTIFACT_INTENT_KEPT_BACK).catch(() => undefined);
    } finally {
      this.failed(name);
    }
  }

  failed(name: string): void {
    clearInterval(this.#renewing.get(name));
    this.#renewing.delete(name);
  }

  refused(name: string, why: string): void {
    if (!this.#stopped.signal.aborted)
      this.#needs.log('warn', `${name} of another node is not used, and made here: ${why}`);
  }

  #listen(): void {
    const stop = () => this.#stopped.abort();
    this.#watch({ stop, kill: stop });
  }

  get #limits() {
    return { deadlineSeconds: DEADLINE_SECONDS, signal: this.#stopped.signal };
  }

  async #claim(
    name: string,
    intent: ArtifactIntent = ArtifactIntent.ARTIFACT_INTENT_UNSPECIFIED,
  ): Promise<ClaimArtifactResponse> {
    // A coordinator that says nothing is no reason to wait: what it would say saves time, and no more.
    const limits = { deadlineSeconds: CLAIM_DEADLINE_SECONDS, signal: this.#stopped.signal };
    return await this.#needs.connection.claimArtifact({ trialId: this.#trialId, name, intent }, limits);
  }

  #renew(name: string): void {
    const claimAgain = () => void this.#claim(name).catch(() => undefined);
    this.failed(name);
    this.#renewing.set(name, setInterval(claimAgain, RENEW_MILLISECONDS).unref());
  }

  #offerOf(name: string, { files, noteJson, madeOn }: WireArtifact): Offer {
    return {
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      madeOn,
      get: async (path, report) => {
        const digests = new Map<string, string>();
        for (const file of files) {
          const to = file.report ? report : placeOf(path, file.path);
          await this.#get(name, file, to);
          if (!file.report) digests.set(to, file.digest);
        }
        this.#needs.log('info', `${name} came from ${madeOn}`);
        return { note: JSON.parse(noteJson) as unknown, digests };
      },
    };
  }

  async #get(name: string, { digest, bytes }: ArtifactFile, to: string): Promise<void> {
    await mkdir(dirname(to), { recursive: true });
    const hash = createHash('sha256');
    let received = 0;
    const file = await open(to, 'wx');
    try {
      await this.#persistently(async () => {
        const request = { trialId: this.#trialId, name, digest, offset: received };
        for await (const { piece } of this.#needs.connection.getArtifact(request, this.#stopped.signal)) {
          received += piece.length;
          if (received > bytes) break;
          hash.update(piece);
          await file.writeFile(piece);
          await this.#pace.spend(piece.length, this.#stopped.signal);
        }
      });
      await file.sync();
    } finally {
      await file.close();
    }
    if (this.#stopped.signal.aborted) throw new WireError('cancelled', 'the trial was stopped');
    if (received === bytes && `sha256:${hash.digest('hex')}` === digest) return;
    await this.#claim(name, ArtifactIntent.ARTIFACT_INTENT_DAMAGED);
    throw new WireError('invalid', `its file ${digest} came damaged`);
  }

  /** Does it again where a connection broke: what came before stays, and it goes on there. */
  async #persistently(work: () => Promise<void>): Promise<void> {
    const backoff = new Backoff(this.#needs.firstWaitSeconds ?? 0.2, 10);
    for (let tried = 1; ; tried += 1) {
      try {
        return await work();
      } catch (error) {
        if (this.#stopped.signal.aborted || isFinal(error) || tried === TRIES) throw error;
        await sleep(1000 * backoff.next(), undefined, { signal: this.#stopped.signal });
      }
    }
  }

  async #bring(name: string, path: string, { digest }: ArtifactFile): Promise<void> {
    await bringFile(path, 0, async (piece) => {
      const request = { trialId: this.#trialId, name, digest, ...piece };
      const answer = await this.#needs.connection.putArtifact(request, this.#limits);
      await this.#pace.spend(piece.piece.length, this.#stopped.signal);
      return answer;
    });
  }
}

/**
 * @returns the files of an artifact with what is said of each; null for names that no other node would take.
 */
async function filesToBring(
  { path, bytes }: Artifact,
  cacheFolder: string,
): Promise<{ readonly path: string; readonly file: ArtifactFile }[] | null> {
  const found: { path: string; file: ArtifactFile }[] = [];
  for (const one of filesOf(path)) {
    const below = relative(path, one).split(sep).join('/');
    if (below !== '' && !PATH.test(below)) return null;
    const digest = await digestOf(one, cacheFolder);
    found.push({ path: one, file: { path: below, digest, bytes: (await stat(one)).size, report: false } });
  }
  if (found.reduce((sum, { file }) => sum + file.bytes, 0) !== bytes) return null;
  const report = reportPath(path);
  if (existsSync(report)) {
    const text = await readFile(report);
    const digest = `sha256:${createHash('sha256').update(text).digest('hex')}`;
    found.push({ path: report, file: { path: '', digest, bytes: text.length, report: true } });
  }
  return found;
}

/** @throws WireError for a path that leads out of the folder. */
function placeOf(folder: string, path: string): string {
  if (path === '') return folder;
  if (!PATH.test(path)) throw new WireError('invalid', `it has a file ${JSON.stringify(path.slice(0, 80))}`);
  return join(folder, path);
}

/** Spreads bytes over time. */
class Pace {
  readonly #bytesPerMillisecond: number;
  #freeAt = 0;

  constructor(bytesPerSecond: number) {
    this.#bytesPerMillisecond = bytesPerSecond / 1000;
  }

  /** Resolves when so many bytes more are within the rate. */
  async spend(bytes: number, signal: AbortSignal): Promise<void> {
    const now = performance.now();
    this.#freeAt = Math.max(this.#freeAt, now) + bytes / this.#bytesPerMillisecond;
    const wait = this.#freeAt - now;
    if (wait >= 1) await sleep(wait, undefined, { signal }).catch(() => undefined);
  }
}
