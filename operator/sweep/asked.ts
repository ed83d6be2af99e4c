import type { SweepSpec } from './definition.js';

/** What an object makes the operator ask the coordinator for, besides the sweep itself. */
export type Asked = 'cancel' | 'suspend' | null;

/** Whether another object wants a sweep to run, or at least not to be cancelled; `none` = nobody else asks for it. */
export type Others = 'run' | 'keep' | 'none';

/** @returns what an object says of its sweep. */
export function askedBy({ cancel, suspend }: Pick<SweepSpec, 'cancel' | 'suspend'>): Asked {
  return cancel ? 'cancel' : suspend ? 'suspend' : null;
}

/** @returns whether others go on with a sweep that one object wants to stop. */
export function isLeftTo(others: Others, wanted: Asked): boolean {
  return wanted === 'cancel' ? others !== 'none' : wanted === 'suspend' && others === 'run';
}
