import type { SweepSpec } from './definition.js';

/** What an object wants done to its sweep; null = that it runs. */
export type Asked = 'cancel' | 'suspend' | null;

/**
 * What other objects want of a sweep. `run`: at least one wants it to run. `keep`: none does, but at least
 * one does not want it cancelled. `none`: nobody else asks for it.
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
