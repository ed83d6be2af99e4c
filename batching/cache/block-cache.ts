import type { Passage } from '../request.js';

/** Text that is kept behind other text. */
interface Kept {
  readonly parent: Kept | null;
  readonly id: number;
  /** Tokens of the whole text before it. */
  readonly start: number;
  /** Its own, from its beginning, that are in the cache. */
  tokens: number;
  /** Full blocks that end in it. */
  blocks: number;
  /** Running requests whose prompt goes through it. */
  pins: number;
  children: Map<number, Kept> | null;
  /** Neighbours in the order in which texts were last needed; null where requests run. */
  before: Kept | null;
  after: Kept | null;
}

/** What of a prompt is in the cache. */
export interface Hit {
  /** Whole blocks of them. */
  tokens: number;
  /** Blocks that could be given away now, and are held once a request takes the hit. */
  idleBlocks: number;
}

/**
 * Blocks of keys and values: those of running requests, and texts that later prompts may begin with. Texts
 * are a tree of passages; where blocks run out, the text that was needed longest ago goes, its end first.
 * Only full blocks are kept (vLLM keeps hashes of full blocks, SGLang pages of one token in a radix tree).
 */
export class BlockCache {
  readonly blockTokens: number;
  readonly blocks: number;
  readonly #keeps: boolean;
  readonly #root: Kept;
  /** Of running requests alone. */
  #own = 0;
  #kept = 0;
  #idle = 0;
  /** The ends of the order in which idle texts go. */
  #oldest: Kept | null = null;
  #newest: Kept | null = null;
  readonly #hit: Hit = { tokens: 0, idleBlocks: 0 };

  /** @param keeps texts of requests that have ended, for later prompts. */
  constructor(tokens: number, blockTokens: number, keeps: boolean) {
    this.blockTokens = blockTokens;
    this.blocks = Math.floor(tokens / blockTokens);
    this.#keeps = keeps;
    this.#root = keptText(null, 0, 0);
  }

  /** Blocks that a request could have now: those that are free, and those of texts that nobody needs. */
  get available(): number {
    return this.blocks - this.#own - this.#kept + this.#idle;
  }

  /** Blocks that running requests hold, shared ones once. */
  get held(): number {
    return this.#own + this.#kept - this.#idle;
  }

  blocksOf(tokens: number): number {
    return Math.ceil(tokens / this.blockTokens);
  }

  /** Takes blocks for a running request. @returns whether there were as many. */
  take(blocks: number): boolean {
    if (blocks > this.available) return false;
    const missing = blocks - (this.blocks - this.#own - this.#kept);
    if (missing > 0) this.#evict(missing);
    this.#own += blocks;
    return true;
  }

  give(blocks: number): void {
    this.#own -= blocks;
  }

  /**
   * Looks a prompt up.
   * @param most tokens of a hit: the last token of a prompt is always computed.
   * @returns a hit that is overwritten by the next look.
   */
  find(passages: readonly Passage[], most: number): Readonly<Hit> {
    const hit = this.#hit;
    hit.tokens = 0;
    hit.idleBlocks = 0;
    let at = this.#root;
    for (const { id, tokens } of passages) {
      const next = at.children?.get(id);
      if (next === undefined || next.start !== hit.tokens) break;
      if (next.pins === 0) hit.idleBlocks += next.blocks;
      hit.tokens += Math.min(tokens, next.tokens);
      if (next.tokens < tokens || hit.tokens >= most) break;
      at = next;
    }
    hit.tokens = this.#wholeBlocks(Math.min(hit.tokens, most));
    return hit;
  }

  /** Holds what `find` found, so that it stays. @returns its end, for `release`; null = nothing was found. */
  hold(passages: readonly Passage[], tokens: number): Kept | null {
    let at = this.#root;
    for (const passage of passages) {
      if (at.start + at.tokens >= tokens) break;
      const next = at.children?.get(passage.id);
      if (next === undefined) break;
      this.#pin(next);
      at = next;
    }
    return at === this.#root ? null : at;
  }

  /**
   * Keeps the passages of a prompt that was computed, and holds them.
   * @param held what was held of it before.
   * @returns their end; null where nothing is kept.
   */
  keep(passages: readonly Passage[], held: Kept | null): Kept | null {
    if (!this.#keeps || passages.length === 0) return held;
    let at = this.#root;
    for (const { id, tokens } of passages) {
      const start = at.start + at.tokens;
      let next = at.children?.get(id);
      if (next !== undefined && next.start !== start) break;
      if (next === undefined) {
        next = keptText(at, id, start);
        at.children ??= new Map();
        at.children.set(id, next);
        this.#append(next);
      }
      this.#pin(next);
      if (tokens > next.tokens) this.#extend(next, tokens);
      at = next;
      if (tokens < next.tokens) break;
    }
    if (held !== null) this.release(held);
    return at === this.#root ? null : at;
  }

  /**
   * Keeps what a request leaves behind its kept passages, once it has given its blocks back.
   * @param id of the text; null = no prompt will ever begin with it, and it only takes room until it goes.
   * @param end tokens of the request that are in the cache.
   */
  keepRest(behind: Kept | null, id: number | null, end: number): void {
    if (!this.#keeps || (this.#root.children === null && id === null)) return;
    const parent = behind ?? this.#root;
    const start = parent.start + parent.tokens;
    let rest = id === null ? undefined : parent.children?.get(id);
    if (end - start <= (rest?.tokens ?? 0)) return;
    if (rest === undefined) {
      rest = keptText(parent, id ?? NAMELESS, start);
      if (id !== null) {
        parent.children ??= new Map();
        parent.children.set(id, rest);
      }
      this.#append(rest);
    }
    this.#extend(rest, end - start);
  }

  release(end: Kept): void {
    for (let at: Kept | null = end; at !== null && at !== this.#root; at = at.parent) {
      at.pins -= 1;
      if (at.pins > 0) continue;
      this.#idle += at.blocks;
      this.#append(at);
    }
  }

  /** @returns tokens up to the end of a kept text. */
  endOf(end: Kept): number {
    return end.start + end.tokens;
  }

  /** @returns full blocks up to the end of a kept text. */
  fullBlocks(end: Kept | null): number {
    return end === null ? 0 : Math.floor((end.start + end.tokens) / this.blockTokens);
  }

  #wholeBlocks(tokens: number): number {
    return Math.floor(tokens / this.blockTokens) * this.blockTokens;
  }

  #extend(text: Kept, tokens: number): void {
    const more =
      Math.floor((text.start + tokens) / this.blockTokens) -
      Math.floor((text.start + text.tokens) / this.blockTokens);
    text.tokens = tokens;
    text.blocks += more;
    this.#kept += more;
    if (text.pins === 0) this.#idle += more;
  }

  #pin(text: Kept): void {
    if (text.pins === 0) {
      this.#idle -= text.blocks;
      this.#unlink(text);
    }
    text.pins += 1;
  }

  /** Behind a text come only texts that were needed before it, so the oldest has none behind it. */
  #evict(blocks: number): void {
    let missing = blocks;
    while (missing > 0) {
      const text = this.#oldest!;
      const gone = Math.min(missing, text.blocks);
      missing -= gone;
      text.blocks -= gone;
      this.#kept -= gone;
      this.#idle -= gone;
      if (text.blocks === 0) this.#forget(text);
      else text.tokens = this.#wholeBlocks(text.start + text.tokens) - gone * this.blockTokens - text.start;
    }
  }

  #forget(text: Kept): void {
    this.#unlink(text);
    const children = text.parent?.children;
    if (children?.get(text.id) === text) children.delete(text.id);
  }

  #append(text: Kept): void {
    text.before = this.#newest;
    text.after = null;
    if (this.#newest === null) this.#oldest = text;
    else this.#newest.after = text;
    this.#newest = text;
  }

  #unlink(text: Kept): void {
    if (text.before === null) this.#oldest = text.after;
    else text.before.after = text.after;
    if (text.after === null) this.#newest = text.before;
    else text.after.before = text.before;
    text.before = null;
    text.after = null;
  }
}

export type { Kept };

/** Of texts that no prompt begins with. */
const NAMELESS = -1;

function keptText(parent: Kept | null, id: number, start: number): Kept {
  return {
    parent,
    id,
    start,
    tokens: 0,
    blocks: 0,
    pins: 0,
    children: null,
    before: null,
    after: null,
  };
}
