import type { Clock } from './clock.js';
import type { Push, Reply } from './writing/write-behind.js';

/** A device of a node. */
interface Asking {
  readonly node: string;
  readonly deviceId: string;
}

/**
 * How long devices wait for a lease while there may be work for them. A device waits from when it asks, or
 * from when it is told that there is work, until it is leased something, or is told that there is nothing.
 * What holds it back in between counts: a log that is slow or takes nothing, nodes that are waited for after
 * a takeover, a device that does not come when it is called.
 */
export class LeaseWaits {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #leased: (seconds: number) => void;
  /** Monotonic seconds since when a device waits, by node and device. */
  readonly #since = new Map<string, Map<string, number>>();

  /** @param leased called for each lease with the seconds that its device waited. */
  constructor(clock: Pick<Clock, 'now'>, leased: (seconds: number) => void) {
    this.#clock = clock;
    this.#leased = leased;
  }

  /** A device asks for work; one that waits already goes on waiting. */
  asked({ node, deviceId }: Asking): void {
    const devices = this.#since.get(node);
    if (devices === undefined) this.#since.set(node, new Map([[deviceId, this.#clock.now()]]));
    else if (!devices.has(deviceId)) devices.set(deviceId, this.#clock.now());
  }

  /** A command goes to a node's stream: one that wakes a device says that there is work. */
  pushed(command: Push): void {
    if (command.command === 'wake') this.asked(command);
  }

  /** What a device was answered, when the answer may be let out. */
  answered({ node, deviceId }: Asking, replies: readonly Reply[]): void {
    const since = this.#since.get(node)?.get(deviceId);
    for (const reply of replies) {
      const ends = reply.command === 'grant' || (reply.command === 'no-work' && !reply.undecided);
      if (!ends || since === undefined) continue;
      this.#since.get(node)?.delete(deviceId);
      if (reply.command === 'grant') this.#leased(Math.max(0, this.#clock.now() - since));
    }
  }

  /** A node is gone, or takes no more work: its devices wait for nothing. */
  left(node: string): void {
    this.#since.delete(node);
  }

  /** This coordinator leads no more. */
  clear(): void {
    this.#since.clear();
  }
}
