import { beforeEach, describe, expect, test } from 'vitest';
import { KubeError } from '../../../operator/kubernetes/client.js';
import { Leadership, type Time } from '../../../operator/kubernetes/leadership.js';
import type { Lease } from '../../../operator/kubernetes/objects.js';

/** One Lease, as an API server keeps it: a write with an old version is refused. */
class OneLease {
  lease: Lease | null = null;
  down = false;
  #version = 0;

  async get(): Promise<Lease> {
    if (this.down) throw new KubeError(0, '', 'nobody answers');
    if (this.lease === null) throw new KubeError(404, 'NotFound', 'there is none');
    return this.lease;
  }

  async create(_: unknown, __: unknown, lease: Lease): Promise<Lease> {
    if (this.lease !== null) throw new KubeError(409, 'AlreadyExists', 'it is there');
    return this.#keep(lease);
  }

  async replace(_: unknown, __: unknown, lease: Lease): Promise<Lease> {
    if (this.down) throw new KubeError(0, '', 'nobody answers');
    if (lease.metadata.resourceVersion !== this.lease?.metadata.resourceVersion)
      throw new KubeError(409, 'Conflict', 'it has changed');
    return this.#keep(lease);
  }

  #keep(lease: Lease): Lease {
    this.#version += 1;
    this.lease = { ...lease, metadata: { ...lease.metadata, resourceVersion: `${this.#version}` } };
    return this.lease;
  }
}

/** A time in which what waits is woken in its turn, when it is let pass. */
class Passing implements Time {
  #now = 0;
  readonly #waiting = new Set<{ readonly until: number; readonly wake: () => void }>();

  now(): number {
    return this.#now;
  }

  pause(milliseconds: number, stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        this.#waiting.delete(one);
        stop.removeEventListener('abort', wake);
        resolve();
      };
      const one = { until: this.#now + milliseconds, wake };
      this.#waiting.add(one);
      stop.addEventListener('abort', wake);
    });
  }

  async pass(seconds: number): Promise<void> {
    const end = this.#now + 1000 * seconds;
    for (;;) {
      // Whoever was woken asks the API server, and waits again.
      await new Promise(setImmediate);
      const [next] = [...this.#waiting].sort((a, b) => a.until - b.until);
      if (next === undefined || next.until > end) break;
      this.#now = next.until;
      next.wake();
    }
    this.#now = end;
  }
}

const LEASE_SECONDS = 15;
/** The longest between two looks of one that waits. */
const LOOK_SECONDS = 1.2 * (2 / 15) * LEASE_SECONDS;

describe('leadership', () => {
  let time: Passing;
  beforeEach(() => {
    time = new Passing();
  });
  const asks = (api: OneLease, identity: string) =>
    new Leadership(
      api as never,
      { namespace: 'lab', name: 'one', identity, leaseSeconds: LEASE_SECONDS },
      time,
    );

  test('is one operator’s; another has it when it is let go, or not renewed for its time', async () => {
    const api = new OneLease();
    const [stop, crash] = [new AbortController(), new AbortController()];
    const first = asks(api, 'first');
    await first.lead(crash.signal, () => undefined);
    expect(api.lease?.spec).toMatchObject({ holderIdentity: 'first', leaseTransitions: 0 });
    let second = false;
    const leads = asks(api, 'second')
      .lead(stop.signal, () => undefined)
      .then(() => {
        second = true;
      });
    await time.pass(10 * LEASE_SECONDS);
    expect(second).toBe(false);
    // It renews no more, and says nothing.
    crash.abort();
    await time.pass(0.8 * LEASE_SECONDS);
    expect(second).toBe(false);
    // It saw the last renewal with its next look, and sees that the time is over with the one after that.
    await time.pass(0.2 * LEASE_SECONDS + 2 * LOOK_SECONDS);
    expect(second).toBe(true);
    await leads;
    expect(api.lease?.spec).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1 });
    stop.abort();
  });

  test('is lost where it cannot be renewed, and where another has taken it', async () => {
    for (const { strike, seconds } of [
      {
        strike: (api: OneLease) => {
          api.down = true;
        },
        // What others wait for has not passed when its holder gives up.
        seconds: { before: 0.6 * LEASE_SECONDS, after: 0.95 * LEASE_SECONDS },
      },
      {
        strike: (api: OneLease) => {
          api.lease = {
            ...api.lease!,
            metadata: { ...api.lease!.metadata, resourceVersion: '99' },
            spec: { ...api.lease!.spec, holderIdentity: 'other' },
          };
        },
        seconds: { before: 0, after: 0.2 * LEASE_SECONDS },
      },
    ]) {
      const api = new OneLease();
      const stop = new AbortController();
      const lost = await asks(api, 'first').lead(stop.signal, () => undefined);
      expect(lost?.aborted).toBe(false);
      strike(api);
      await time.pass(seconds.before);
      expect(lost?.aborted).toBe(false);
      await time.pass(seconds.after - seconds.before);
      expect(lost?.aborted).toBe(true);
      stop.abort();
    }
  });

  test('ends with whoever is told to stop, and is let go', async () => {
    const api = new OneLease();
    const stop = new AbortController();
    const leadership = asks(api, 'first');
    await leadership.lead(stop.signal, () => undefined);
    stop.abort();
    await leadership.release();
    expect(api.lease?.spec?.holderIdentity).toBe('');
    expect(await asks(api, 'second').lead(stop.signal, () => undefined)).toBeNull();
  });
});
