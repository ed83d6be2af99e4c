/** Bugs that are planted around the product, each of which the simulation has to find. */
export interface Plants {
  /** The store takes appends of terms that are over. */
  readonly noFence?: boolean;
  /** Neither coordinator nor store know a trial that is there already. */
  readonly noDedup?: boolean;
  /** An append is acknowledged before it is there. */
  readonly earlyAcknowledgement?: boolean;
  /** A lease is taken though it has not run out. */
  readonly stolenLease?: boolean;
  /** A coordinator never notices that its term is over. */
  readonly endlessTerm?: boolean;
  /** Who takes over waits for nobody. */
  readonly nobodyAwaited?: boolean;
  /** Nodes that join are not noted. */
  readonly nodesNotNoted?: boolean;
  /** A reader passes over entries. */
  readonly skippingReader?: boolean;
  /** Who takes over may not see the newest entries. */
  readonly staleReads?: boolean;
  /** Leases run by the wall clock. */
  readonly wallClock?: boolean;
  /** A late result counts beside its re-measurement. */
  readonly countsRepeated?: boolean;
  /** A renewal of the coordinators' lease that comes behind a later one is taken. */
  readonly lateRenewals?: boolean;
  /** Each coordinator signs leases with a key of its own. */
  readonly ownKeys?: boolean;
  /** A namespace that has used up its quota keeps the blocks that it has, and their devices. */
  readonly keptBlock?: boolean;
}

export const PLANTS: Readonly<Record<keyof Plants, string>> = {
  noFence: 'the fence of appends is removed',
  noDedup: 'a trial is kept twice',
  earlyAcknowledgement: 'an append is acknowledged before it is there',
  stolenLease: 'a lease is taken before it has run out',
  endlessTerm: 'a coordinator does not notice that its term is over',
  nobodyAwaited: 'who takes over waits for no node',
  nodesNotNoted: 'nodes that join are not noted for who leads next',
  skippingReader: 'a reader passes over entries',
  staleReads: 'who takes over does not see the newest entries',
  wallClock: 'leases run by the wall clock',
  countsRepeated: 'a late result counts beside its re-measurement',
  lateRenewals: 'a renewal that comes behind a later one is taken',
  ownKeys: 'each coordinator signs with a key of its own',
  keptBlock: 'a namespace that has used up its quota keeps its blocks, and their devices',
};
