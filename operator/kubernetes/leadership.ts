import { setTimeout as sleep } from 'node:timers/promises';
import { isConflict, isGone, type KubeClient, KubeError } from './client.js';
import { LEASES, type Lease } from './objects.js';

export interface LeadershipSettings {
  readonly namespace: string;
  readonly name: string;
  /** Different for each process. */
  readonly identity: string;
  /** For so long nobody else takes a lease that is not renewed; a holder gives up after two thirds of it. */
  readonly leaseSeconds: number;
}

/** A clock, which tests replace. */
export interface Time {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Ends after so many milliseconds, or when told to stop. */
  pause(milliseconds: number, stop: AbortSignal): Promise<void>;
}

const REAL_TIME: Time = {
  now: () => performance.now(),
  pause: (milliseconds, signal) => sleep(milliseconds, undefined, { signal }).catch(() => undefined),
};

/**
 * Who of several operators works: the holder of a Lease, by the rules of client-go's leader election. Whoever
 * watches counts from when it saw the lease renewed by its own clock, so that clocks need not agree.
 */
export class Leadership {
  readonly #client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly #settings: LeadershipSettings;
  readonly #time: Time;
  #seen: { readonly version: string; readonly at: number } | null = null;
  #lease: Lease | null = null;
  #renewing: Promise<void> = Promise.resolve();

  constructor(
    client: Pick<KubeClient, 'get' | 'create' | 'replace'>,
    settings: LeadershipSettings,
    time: Time = REAL_TIME,
  ) {
    this.#client = client;
    this.#settings = settings;
    this.#time = time;
  }

  /** Waits until this process leads. @returns a signal of it losing that again; null = told to stop. */
  async lead(stop: AbortSignal, trouble: (sentence: string) => void): Promise<AbortSignal | null> {
    const retry = this.#settings.leaseSeconds * 1000 * (2 / 15);
    while (!stop.aborted) {
      try {
        if (await this.#take()) return this.#keep(stop, retry);
      } catch (error) {
        if (!isConflict(error)) trouble((error as Error).message);
      }
      await this.#time.pause(retry * (1 + Math.random() / 5), stop);
    }
    return null;
  }

  /** Lets others lead at once. Is called after this process was told to stop. */
  async release(): Promise<void> {
    // A renewal that is under way would take the lease up again, or refuse this write.
    await this.#renewing;
    const lease = this.#lease;
    this.#lease = null;
    if (lease === null) return;
    const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() };
    await this.#client.replace(LEASES, this.#settings.namespace, { ...lease, spec }).catch(() => undefined);
  }

  #keep(stop: AbortSignal, retry: number): AbortSignal {
    const lost = new AbortController();
    const renew = async () => {
      let renewed = this.#time.now();
      const patience = (this.#settings.leaseSeconds * 1000 * 2) / 3;
      for (;;) {
        await this.#time.pause(retry, stop);
        if (stop.aborted) return;
        const held = await this.#take().catch((error: unknown) =>
          // Not told that it is lost: until the time is over nobody else can have it.
          error instanceof KubeError && error.status !== 409 ? null : false,
        );
        if (held === true) renewed = this.#time.now();
        else if (held === false || this.#time.now() - renewed > patience) break;
      }
      if (stop.aborted) return;
      this.#lease = null;
      lost.abort();
    };
    this.#renewing = renew();
    return lost.signal;
  }

  /** @returns whether the lease is ours now. @throws KubeError */
  async #take(): Promise<boolean> {
    const { namespace, name, identity, leaseSeconds } = this.#settings;
    const now = microTime();
    const ours = { holderIdentity: identity, leaseDurationSeconds: leaseSeconds, renewTime: now };
    const found = await this.#client.get<Lease>(LEASES, namespace, name).catch((error: unknown) => {
      if (isGone(error)) return null;
      throw error;
    });
    if (found === null) {
      const { apiVersion, kind } = LEASES;
      const spec = { ...ours, acquireTime: now, leaseTransitions: 0 };
      const made = { apiVersion, kind, metadata: { name, namespace }, spec };
      this.#lease = await this.#client.create<Lease>(LEASES, namespace, made);
      return true;
    }
    const version = found.metadata.resourceVersion ?? '';
    if (this.#seen?.version !== version) this.#seen = { version, at: this.#time.now() };
    const holder = found.spec?.holderIdentity ?? '';
    const mine = holder === identity;
    const valid = (found.spec?.leaseDurationSeconds ?? leaseSeconds) * 1000;
    if (!mine && holder !== '' && this.#time.now() - this.#seen.at < valid) return false;
    const transitions = (found.spec?.leaseTransitions ?? 0) + (mine ? 0 : 1);
    const acquireTime = mine ? (found.spec?.acquireTime ?? now) : now;
    const spec = { ...ours, acquireTime, leaseTransitions: transitions };
    this.#lease = await this.#client.replace<Lease>(LEASES, namespace, { ...found, spec });
    return true;
  }
}

/** The API's MicroTime. */
const microTime = (): string => new Date().toISOString().replace('Z', '000Z');
