import { securityOf } from '../proto/credentials.js';
import { WireError } from '../proto/errors.js';
import type { ClientSecurity } from '../proto/security.js';
import { Coordinator } from './coordinators.js';
import { isConflict, isGone, isPassing, type KubeClient, KubeError } from './kubernetes/client.js';
import { EVENTS, JOBS, type Job, type KubeObject, type Resource, SECRETS } from './kubernetes/objects.js';
import { keyOf, Watched } from './kubernetes/watched.js';
import { Queue } from './queue.js';
import { type OperatorSettings, securityIn } from './settings.js';
import { type Asked, askedBy, type Others } from './sweep/asked.js';
import { SWEEPS, type SweepObject, type SweepSpec } from './sweep/definition.js';
import { eventObject } from './sweep/events.js';
import { UID_LABEL } from './sweep/job.js';
import { type Reading, readObject } from './sweep/reading.js';
import { type Action, FINALIZER, type Observed, reconcile, type Told, toldOf } from './sweep/reconcile.js';
import type { Seen } from './sweep/status.js';

/** Does one step; tests put themselves around it. */
export type Around = (action: Action, work: () => Promise<void>) => Promise<void>;

export interface ControllerNeeds {
  readonly client: Pick<KubeClient, 'list' | 'watch' | 'get' | 'create' | 'apply' | 'delete'>;
  readonly settings: OperatorSettings;
  readonly log: (level: 'info' | 'warn' | 'debug', sentence: string) => void;
  readonly around?: Around | undefined;
}

/** What this process knows of an object beyond what the object says; all of it can be found out again. */
interface Memory {
  sweepId: string | null;
  refusal: { readonly generation: number; readonly sentence: string } | null;
  fault: string | null;
  reading: { readonly generation: number; readonly reading: Reading } | null;
}

/** Everything is looked at again this often, whatever was heard. */
const RESYNC_SECONDS = 300;
const NO_ANSWER = { sweep: null, best: null };

/**
 * Follows Sweeps, their Jobs and their coordinators, and does what `reconcile` says, one object at a time.
 */
export class Controller {
  readonly #needs: ControllerNeeds;
  readonly #sweeps: Watched<SweepObject>[];
  readonly #jobs: Watched<Job>[];
  readonly #memory = new Map<string, Memory>();
  readonly #coordinators = new Map<string, Coordinator>();
  readonly #queue = new Queue((key) => this.#reconcile(key));
  readonly #over = new AbortController();

  constructor(needs: ControllerNeeds) {
    this.#needs = needs;
    const { client, settings, log } = needs;
    const namespaces = settings.namespaces.length === 0 ? [null] : settings.namespaces;
    const trouble = (sentence: string) => log('warn', sentence);
    this.#sweeps = namespaces.map(
      (namespace) =>
        new Watched<SweepObject>(
          client,
          { resource: SWEEPS, namespace, labels: '' },
          {
            trouble,
            changed: (key, object, gone) => (gone ? this.#forget(key, object) : this.#queue.add(key)),
          },
        ),
    );
    this.#jobs = namespaces.map(
      (namespace) =>
        new Watched<Job>(
          client,
          { resource: JOBS, namespace, labels: UID_LABEL },
          { trouble, changed: (_, job) => this.#ownerChanged(job) },
        ),
    );
  }

  /** Works until the signal comes, and what was begun is done. */
  async run(signal: AbortSignal): Promise<void> {
    const stop = () => this.#over.abort();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    const followed = [...this.#sweeps, ...this.#jobs].map((watched) => watched.run(this.#over.signal));
    const resync = setInterval(() => this.#queueAll(() => true), RESYNC_SECONDS * 1000);
    try {
      await Promise.race([
        Promise.all([...this.#sweeps, ...this.#jobs].map(({ listed }) => listed)),
        new Promise<void>((resolve) => this.#over.signal.addEventListener('abort', () => resolve())),
      ]);
      // Jobs that are not known yet are not missed: nothing is decided before all lists are whole.
      if (!this.#over.signal.aborted) await this.#queue.run(this.#over.signal);
    } finally {
      clearInterval(resync);
      await Promise.all(followed);
      for (const coordinator of this.#coordinators.values()) coordinator.close();
    }
  }

  #object(key: string): SweepObject | undefined {
    for (const watched of this.#sweeps) {
      const found = watched.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #objects(): SweepObject[] {
    return this.#sweeps.flatMap((watched) => [...watched.objects()]);
  }

  #queueAll(of: (object: SweepObject) => boolean): void {
    for (const object of this.#objects()) if (of(object)) this.#queue.add(keyOf(object));
  }

  #ownerChanged(job: Job): void {
    const uid = job.metadata.labels?.[UID_LABEL];
    this.#queueAll(({ metadata }) => metadata.uid === uid);
  }

  #forget(key: string, object: SweepObject): void {
    const id = this.#memoryOf(object).sweepId;
    this.#memory.delete(object.metadata.uid ?? '');
    this.#queue.add(key);
    // Another object that asks for the same sweep may have to begin it again.
    if (id !== null) this.#queueAll((other) => this.#idOf(other) === id);
  }

  #memoryOf({ metadata, status }: SweepObject): Memory {
    const uid = metadata.uid ?? '';
    const known = this.#memory.get(uid) ?? { sweepId: null, refusal: null, fault: null, reading: null };
    this.#memory.set(uid, known);
    known.sweepId ??= status?.sweepId ?? null;
    return known;
  }

  #idOf(object: SweepObject): string | null {
    return this.#memoryOf(object).sweepId;
  }

  /** A large document is read once. */
  #readingOf(object: SweepObject): Reading {
    const memory = this.#memoryOf(object);
    const generation = object.metadata.generation ?? 0;
    if (memory.reading?.generation !== generation) {
      const reading = readObject(object, this.#needs.settings.coordinatorNamespaces);
      memory.reading = { generation, reading };
    }
    return memory.reading.reading;
  }

  async #reconcile(key: string): Promise<'done' | 'again'> {
    const object = this.#object(key);
    if (object === undefined) return 'done';
    const memory = this.#memoryOf(object);
    const reading = this.#readingOf(object);
    const coordinator = await this.#coordinatorOf(object, reading).catch((error: unknown) => error as Error);
    if (isPassing(coordinator)) return 'again';
    const observed = this.#observe(object, reading, coordinator);
    try {
      for (const action of reconcile(observed)) await this.#do(action, object, coordinator);
      memory.fault = null;
      return 'done';
    } catch (error) {
      return await this.#failed(error, object, observed);
    }
  }

  #observe(object: SweepObject, reading: Reading, coordinator: Coordinator | Error): Observed {
    const memory = this.#memoryOf(object);
    const { uid, generation } = object.metadata;
    const id = memory.sweepId ?? (reading.ok ? reading.sweepId : null);
    const refusal = memory.refusal?.generation === generation ? (memory.refusal?.sentence ?? null) : null;
    const seen: Seen =
      coordinator instanceof Error
        ? { ...NO_ANSWER, trouble: null, refusal: coordinator.message, fault: memory.fault }
        : {
            trouble: coordinator.trouble,
            refusal,
            sweep: coordinator.sweep(
              memory.sweepId ?? (object.metadata.deletionTimestamp === undefined ? null : id),
            ),
            best: coordinator.best(memory.sweepId),
            fault: memory.fault,
          };
    const spec = reading.ok ? reading.spec : null;
    return {
      object,
      reading,
      sweepId: memory.sweepId,
      seen,
      others: this.#othersOf(object, reading, id),
      jobs: this.#jobs.flatMap((watched) =>
        watched.objects().filter(({ metadata }) => metadata.labels?.[UID_LABEL] === uid),
      ),
      defaults: { ...this.#needs.settings.agents, coordinator: this.#agentsDial(spec) },
      now: new Date().toISOString(),
    };
  }

  #agentsDial(spec: SweepSpec | null): string {
    const { settings } = this.#needs;
    return spec?.coordinator?.address ?? settings.agents.coordinator ?? settings.coordinator;
  }

  /** Is asked only where an object wants its sweep to stop: it looks at all other objects. */
  #othersOf(object: SweepObject, reading: Reading, id: string | null): Others {
    const goes = object.metadata.deletionTimestamp !== undefined;
    if (id === null || !(goes || (reading.ok && askedBy(reading.spec) !== null))) return 'none';
    const wishes = this.#objects().map((other) => (other === object ? 'cancel' : this.#wishOf(other, id)));
    if (wishes.includes(null)) return 'run';
    return wishes.includes('suspend') ? 'keep' : 'none';
  }

  /**
   * @returns what an object wants of a sweep; null = that it runs. One that is being deleted, or asks for
   *   another sweep, counts as one that cancels it.
   */
  #wishOf(object: SweepObject, id: string): Asked {
    const reading = this.#readingOf(object);
    if (!reading.ok || object.metadata.deletionTimestamp !== undefined) return 'cancel';
    return (this.#idOf(object) ?? reading.sweepId) === id ? askedBy(reading.spec) : 'cancel';
  }

  async #do(action: Action, object: SweepObject, coordinator: Coordinator | Error): Promise<void> {
    const around: Around = this.#needs.around ?? ((_, work) => work());
    const key = keyOf(object);
    if (action.step !== 'tell') this.#needs.log('debug', `${key}: ${action.step}`);
    await around(action, async () => {
      if (
        action.step === 'submit' ||
        action.step === 'cancel' ||
        action.step === 'suspend' ||
        action.step === 'resume'
      ) {
        if (!(coordinator instanceof Error)) await this.#ask(action, object, coordinator);
        this.#queue.add(key);
      } else await this.#write(action, object);
    });
  }

  async #ask(
    action: Extract<Action, { step: 'submit' | 'cancel' | 'suspend' | 'resume' }>,
    object: SweepObject,
    coordinator: Coordinator,
  ): Promise<void> {
    const memory = this.#memoryOf(object);
    if (action.step !== 'submit') await coordinator.steer(action.step, action.sweepId, action.reason);
    else {
      try {
        memory.sweepId = await coordinator.submit(
          action.document,
          action.namespace,
          `kubernetes:${keyOf(object)}`.slice(0, 500),
        );
        this.#needs.log('info', `${keyOf(object)} is sweep ${memory.sweepId}`);
      } catch (error) {
        if (!(error instanceof WireError) || !REFUSALS.has(error.code)) throw error;
        const sentence = [error.message, ...error.details].join('\n');
        memory.refusal = { generation: object.metadata.generation ?? 0, sentence };
      }
    }
    await coordinator.refresh((ids) => this.#sweepsChanged(coordinator, ids));
  }

  async #write(action: Action, object: SweepObject): Promise<void> {
    const { client } = this.#needs;
    const { name, namespace = '', uid } = object.metadata;
    const applied = {
      apiVersion: SWEEPS.apiVersion,
      kind: SWEEPS.kind,
      metadata: { name, namespace, uid: uid ?? '' },
    };
    switch (action.step) {
      case 'hold':
      case 'release': {
        const finalizers = action.step === 'hold' ? [FINALIZER] : [];
        const metadata = { ...applied.metadata, finalizers };
        this.#saw(await client.apply<SweepObject>(SWEEPS, namespace, { ...applied, metadata }));
        this.#queue.add(keyOf(object));
        return;
      }
      case 'tell':
        return await this.#tell(object, action);
      case 'start-agent':
        await this.#create(JOBS, namespace, action.job);
        return;
      case 'end-agent':
        await client.delete(JOBS, namespace, action.name, action.uid).catch((error: unknown) => {
          if (!isGone(error) && !isConflict(error)) throw error;
        });
    }
  }

  async #create(resource: Resource, namespace: string, made: KubeObject): Promise<void> {
    await this.#needs.client.create(resource, namespace, made).catch((error: unknown) => {
      // It is there already: this process, or the one before, has just made it.
      if (!(error instanceof KubeError) || error.reason !== 'AlreadyExists') throw error;
    });
  }

  async #tell(object: SweepObject, { status, events }: Told): Promise<void> {
    const { name, namespace = '', uid } = object.metadata;
    const now = new Date().toISOString();
    for (const event of events)
      await this.#create(EVENTS, namespace, eventObject(event, object, now)).catch((error: unknown) => {
        // A sweep goes on where its operator may write no events.
        if (isPassing(error)) throw error;
        this.#needs.log('warn', `${keyOf(object)}: the event ${event.reason}: ${(error as Error).message}`);
      });
    const metadata = { name, namespace, uid: uid ?? '' };
    const applied = { apiVersion: SWEEPS.apiVersion, kind: SWEEPS.kind, metadata, status };
    this.#saw(await this.#needs.client.apply<SweepObject>(SWEEPS, namespace, applied, '/status'));
  }

  #saw(object: SweepObject): void {
    for (const watched of this.#sweeps) if (watched.get(keyOf(object)) !== undefined) watched.saw(object);
  }

  /**
   * Says on the object what went wrong, and tries again. Where a newer version of the object exists, that is
   * looked at, and nothing is said.
   */
  async #failed(error: unknown, object: SweepObject, observed: Observed): Promise<'again'> {
    if (isConflict(error) || isGone(error)) return 'again';
    const sentence = (error as Error).message;
    this.#needs.log('warn', `${keyOf(object)}: ${sentence}`);
    const memory = this.#memoryOf(object);
    const isNew = memory.fault !== sentence;
    memory.fault = sentence;
    const isAway = error instanceof KubeError && error.status === 0;
    if (isNew && !isAway) {
      const told = toldOf(
        { ...observed, seen: { ...observed.seen, fault: sentence } },
        object.status?.asked ?? null,
      );
      await this.#tell(object, told).catch(() => undefined);
    }
    return 'again';
  }

  /** @throws Error with a sentence where the object asks for one that it cannot have. */
  async #coordinatorOf(object: SweepObject, reading: Reading): Promise<Coordinator> {
    const { settings } = this.#needs;
    const own = reading.ok ? reading.spec.coordinator : undefined;
    if (own === undefined)
      return this.#connect('', settings.coordinator, () => securityIn(settings.credentialsFolder));
    if (!settings.coordinatorsOfSweeps)
      throw new Error(
        `spec.coordinator: this operator submits to ${settings.coordinator} alone; leave it out, or ask whoever runs the operator for coordinatorsOfSweeps`,
      );
    const namespace = object.metadata.namespace ?? '';
    const known = JSON.stringify([own, own.credentials === undefined ? '' : namespace]);
    const found = this.#coordinators.get(known);
    if (found !== undefined) return found;
    const security = await this.#secret(namespace, own.credentials);
    return this.#connect(known, own.address, () => security);
  }

  async #secret(namespace: string, name: string | undefined): Promise<ClientSecurity> {
    if (name === undefined) return { kind: 'plaintext' };
    const secret = await this.#needs.client.get<KubeObject & { data?: Record<string, string> }>(
      SECRETS,
      namespace,
      name,
    );
    const readFile = (file: string) =>
      secret.data?.[file] === undefined ? null : Buffer.from(secret.data[file], 'base64');
    const security = securityOf(readFile);
    if (security !== null) return security;
    throw new Error(`spec.coordinator: the Secret ${name} needs ca.crt, tls.crt and tls.key, or token`);
  }

  #connect(key: string, address: string, security: () => ClientSecurity): Coordinator {
    const known = this.#coordinators.get(key);
    if (known !== undefined) return known;
    const coordinator = new Coordinator({ address, security: security() });
    this.#coordinators.set(key, coordinator);
    void coordinator.follow(
      this.#needs.settings.pollSeconds,
      () => new Set(this.#objects().flatMap((object) => this.#idOf(object) ?? [])),
      (ids) => this.#sweepsChanged(coordinator, ids),
      this.#over.signal,
    );
    return coordinator;
  }

  #sweepsChanged(coordinator: Coordinator, ids: ReadonlySet<string> | null): void {
    if (ids === null && coordinator.trouble !== null) this.#needs.log('warn', coordinator.trouble);
    this.#queueAll((object) => ids === null || ids.has(this.#idOf(object) ?? ''));
  }
}

/** What the coordinator would say again, however often it is asked. */
const REFUSALS: ReadonlySet<string> = new Set([
  'invalid',
  'too-large',
  'forbidden',
  'unauthenticated',
  'refused',
]);
