import type { z } from 'zod';
import { getOrMake } from '../maps.js';

type Options = z.ZodObject<Record<string, z.ZodDefault>>;

const ADDED = new WeakSet<z.ZodType>();
const FOUND = new WeakMap<Options, ReadonlyMap<string, unknown>>();
const NONE: ReadonlyMap<string, unknown> = new Map();

/**
 * Marks an option that a runner or a workload was given after its points had ids: at its default a point is the one that it was before, and
 * keeps its id (core/sweep/identity.ts). Every new option of what was released is marked so.
 */
export function addedLater<T extends z.ZodDefault>(option: T): T {
  ADDED.add(option);
  return option;
}

/** @returns the marked options of a runner or a workload, with the values at which ids leave them out. */
export function leftOutOf(options: Options | undefined): ReadonlyMap<string, unknown> {
  if (options === undefined) return NONE;
  return getOrMake(FOUND, options, () => {
    const marked = Object.entries(options.shape).filter(([, option]) => ADDED.has(option));
    return new Map(marked.map(([name, option]) => [name, option.parse(undefined)]));
  });
}
