/** Without a word for so long whoever makes something is believed to be gone. */
const CLAIM_SECONDS = 20;
/** Remembered at most; what is forgotten is decided anew. */
const MOST = 10_000;

/**
 * Who makes which artifact just now, so that others wait instead of making the same. In memory: whoever leads
 * next asks again.
 */
export class Claims {
  readonly #held = new Map<string, { readonly node: string; readonly until: number }>();
  /** What every node makes for itself. */
  readonly #keptBack = new Set<string>();

  /** Takes it for a node, or renews that. @returns the node that makes it instead; null = this one does. */
  claim(key: string, node: string, now: number): string | null {
    if (this.#keptBack.has(key)) return null;
    const held = this.#held.get(key);
    if (held !== undefined && held.node !== node && held.until > now) return held.node;
    this.#held.delete(key);
    this.#held.set(key, { node, until: now + CLAIM_SECONDS });
    forgetOldest(this.#held);
    return null;
  }

  isHeldBy(key: string, node: string): boolean {
    return this.#held.get(key)?.node === node;
  }

  release(key: string): void {
    this.#held.delete(key);
  }

  keepBack(key: string): void {
    this.#held.delete(key);
    this.#keptBack.add(key);
    forgetOldest(this.#keptBack);
  }

  isKeptBack(key: string): boolean {
    return this.#keptBack.has(key);
  }
}

function forgetOldest(kept: Map<string, unknown> | Set<string>): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST) return;
    kept.delete(oldest);
  }
}
