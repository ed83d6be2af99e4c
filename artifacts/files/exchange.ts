import type { Artifact } from './store.js';

/** What another node made, to be had from there. */
export interface Offer {
  readonly bytes: number;
  /** The node that made it. */
  readonly madeOn: string;
  /**
   * Gets it, as a file or a folder of that path; where it has a report, `report` is where that goes.
   * @returns its maker's note, and the digests of its files by their paths, which were checked.
   * @throws Error where it does not come, or comes damaged.
   */
  get(
    path: string,
    report: string,
  ): Promise<{ readonly note: unknown; readonly digests: ReadonlyMap<string, string> }>;
}

/**
 * Other nodes, for the files that one trial needs. Artifacts go by the names that follow from their bases and
 * steps.
 */
export interface Exchange {
  /**
   * Waits, for a while, where another node makes it just then.
   * @returns null = it is to be made here. Never throws.
   */
  find(name: string): Promise<Offer | null>;
  /** It was made here: others may have it. Never throws. */
  made(name: string, artifact: Artifact): Promise<void>;
  /** It could not be made here: who waits need not. */
  failed(name: string): void;
  /** It came, and could not be used. */
  refused(name: string, why: string): void;
}
