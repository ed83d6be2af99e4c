import { setTimeout as sleep } from 'node:timers/promises';
import { WireError } from './errors.js';
import type { WatchLeaderResponse } from './gen/ridgepoint/v1/control.js';

/** One of several coordinators, to be asked now. */
export interface Place {
  readonly address: string;
  /** Aborts when another one leads: what waits for an answer here waits in vain. */
  readonly moved: AbortSignal;
}

/** Which of the coordinators of a log to ask. */
export interface Coordinators {
  /**
   * @throws WireError `unavailable` when nobody leads for some seconds, `cancelled` when the signal aborts
   */
  place(signal: AbortSignal): Promise<Place>;
  /** Says how asking there ended. @returns whether it is worth asking again at once, elsewhere. */
  failed(place: Place, error: unknown): boolean;
  /** Begins to hear what keeps them from answering, where that is not heard anyway. */
  listen(): void;
  close(): void;
}

/** Is told, in the coordinators' own words, what keeps them from answering; null = nothing does. */
type OnTrouble = (sentence: string | null) => void;

/** Follows who leads at one address, until the signal aborts. @throws WireError */
type Watch = (address: string, signal: AbortSignal) => AsyncIterable<WatchLeaderResponse>;

/** How long nobody may lead until whoever asks is told. */
const PATIENCE_SECONDS = 10;
const AGAIN_SECONDS = 0.3;

/** @returns the addresses of `A,B,C`. */
export function addressesOf(text: string): string[] {
  return text
    .split(',')
    .map((address) => address.trim())
    .filter((address) => address !== '');
}

/** @param text `host:port`, or those of several coordinators of one log with commas between them */
export function coordinatorsAt(text: string, watch: Watch, onTrouble: OnTrouble = () => {}): Coordinators {
  const addresses = addressesOf(text);
  return addresses.length > 1
    ? new Several(addresses, watch, onTrouble)
    : new One(addresses[0] ?? text, watch, onTrouble);
}

/**
 * One address, behind which there may be several coordinators: whoever does not lead names the one that does.
 */
class One implements Coordinators {
  readonly #address: string;
  readonly #watch: Watch;
  readonly #onTrouble: OnTrouble;
  readonly #closed = new AbortController();
  #named: string | null = null;
  #listening = false;

  constructor(address: string, watch: Watch, onTrouble: OnTrouble) {
    this.#address = address;
    this.#watch = watch;
    this.#onTrouble = onTrouble;
  }

  async place(): Promise<Place> {
    return { address: this.#named ?? this.#address, moved: new AbortController().signal };
  }

  failed({ address }: Place, error: unknown): boolean {
    const leader = error instanceof WireError ? error.leader : null;
    const named = leader === address ? null : leader;
    // Whoever was named and is not there says nothing about the address that was given.
    const again = named !== null || this.#named !== null;
    this.#named = named;
    return again;
  }

  listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    void follow(this.#address, this.#watch, this.#closed.signal, {
      onLeader: ({ trouble }) => this.#onTrouble(trouble === '' ? null : trouble),
    });
  }

  close(): void {
    this.#closed.abort();
  }
}

/** Is told what one coordinator says of who leads. */
interface Follower {
  onLeader(word: WatchLeaderResponse): void;
  /** Nothing is heard just now. */
  lost?(error: unknown): void;
}

/** Hears one coordinator until the signal aborts, again and again where it breaks off. */
async function follow(
  address: string,
  watch: Watch,
  signal: AbortSignal,
  { onLeader, lost }: Follower,
): Promise<void> {
  while (!signal.aborted) {
    let trouble: unknown = null;
    try {
      for await (const word of watch(address, signal)) onLeader(word);
    } catch (error) {
      if (signal.aborted) return;
      trouble = error;
    }
    lost?.(trouble);
    await sleep(1000 * AGAIN_SECONDS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

/**
 * Several addresses, each of which tells who leads and when that changes. The newest word counts: one that
 * stands still says nothing any more, and the others do.
 */
class Several implements Coordinators {
  readonly #addresses: readonly string[];
  readonly #closed = new AbortController();
  readonly #watch: Watch;
  /** What the others call a coordinator → how it is reached from here. */
  readonly #names = new Map<string, string>();
  /** By address what a coordinator says keeps it from answering, empty = nothing; null = it was not heard. */
  readonly #troubles = new Map<string, string | null>();
  readonly #onTrouble: OnTrouble;
  #leader: { readonly address: string; readonly moved: AbortController } | null = null;
  #waiting: (() => void)[] = [];
  #watching = false;
  #trouble = 'no coordinator leads';

  constructor(addresses: readonly string[], watch: Watch, onTrouble: OnTrouble) {
    this.#addresses = addresses;
    this.#watch = watch;
    this.#onTrouble = onTrouble;
  }

  async place(signal: AbortSignal): Promise<Place> {
    this.listen();
    const end = performance.now() + 1000 * PATIENCE_SECONDS;
    while (this.#leader === null) {
      if (signal.aborted) throw new WireError('cancelled', 'The call was cancelled.');
      const left = end - performance.now();
      if (left <= 0 || this.#closed.signal.aborted) {
        const trouble = this.#statedTrouble();
        if (trouble !== null) throw new WireError('unavailable', trouble, [], { passes: true });
        const at = this.#addresses.join(', ');
        throw new WireError('unavailable', `No coordinator at ${at} leads: ${this.#trouble}.`);
      }
      await this.#news(left, signal);
    }
    const { address, moved } = this.#leader;
    return { address, moved: moved.signal };
  }

  failed({ moved }: Place, error: unknown): boolean {
    if (moved.aborted) return true;
    if (!(error instanceof WireError)) return false;
    if (error.leader !== null) this.#lead(error.leader);
    // One that is gone is soon told by its silence, or leads on.
    return error.code === 'unavailable';
  }

  listen(): void {
    if (this.#watching) return;
    this.#watching = true;
    for (const address of this.#addresses) this.#follow(address);
  }

  close(): void {
    this.#closed.abort();
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #news(milliseconds: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const woken = new Promise<void>((resolve) => this.#waiting.push(resolve));
    const either = AbortSignal.any([signal, over.signal]);
    await Promise.race([
      woken,
      sleep(milliseconds, undefined, { signal: either, ref: false }).catch(() => {}),
    ]);
    over.abort();
  }

  #follow(address: string): void {
    void follow(address, this.#watch, this.#closed.signal, {
      onLeader: ({ leaderAddress, ownAddress, trouble }) => {
        this.#names.set(ownAddress, address);
        if (leaderAddress !== '') this.#lead(leaderAddress);
        else if (this.#leader?.address === address) this.#lost();
        this.#troubles.set(address, trouble);
        this.#tellTrouble();
      },
      lost: (error) => {
        if (error !== null) this.#trouble = error instanceof Error ? error.message : String(error);
        if (this.#leader?.address === address) this.#lost();
        this.#troubles.set(address, null);
        this.#tellTrouble();
      },
    });
  }

  /** What the one that leads says counts. Where none leads, nothing is told before each was heard. */
  #tellTrouble(): void {
    const trouble = this.#statedTrouble();
    if (this.#leader !== null) this.#onTrouble(this.#troubles.get(this.#leader.address) || null);
    else if (trouble !== null && this.#troubles.size === this.#addresses.length) this.#onTrouble(trouble);
  }

  /** @returns what one of them says keeps it from answering. */
  #statedTrouble(): string | null {
    return [...this.#troubles.values()].find((trouble) => trouble !== null && trouble !== '') ?? null;
  }

  #lead(name: string): void {
    const address = this.#names.get(name) ?? name;
    if (this.#leader?.address === address) return;
    this.#lost();
    this.#leader = { address, moved: new AbortController() };
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #lost(): void {
    const before = this.#leader;
    this.#leader = null;
    before?.moved.abort();
  }
}
