import type { SweepSpec } from './definition.js';

/** What an object wants done to its sweep; null = that it runs. */
export type Asked = 'cancel' | 'suspend' | null;

/**
 * What other objects want of a sweep: at least one that it runs, at least one that it is not cancelled
 * (`keep`), or nothing.
 */
export type Others = 'run' | 'keep' | 'none';

/** @returns what an object wants done to its sweep. */
export function askedBy({ cancel, suspend }: Pick<SweepSpec, 'cancel' | 'suspend'>): Asked {
  return cancel ? 'cancel' : suspend ? 'suspend' : null;
}

/** @returns whether a sweep goes on for others, though one object wants it to stop. */
export function isLeftTo(others: Others, wanted: Asked): boolean {
  return wanted === 'cancel' ? others !== 'none' : wanted === 'suspend' && others === 'run';
}
