import type { Allocation, AllocationSettings } from './allocation.js';
import { lsa } from './lsa.js';
import { owl } from './owl.js';
import { sensitivity } from './sensitivity.js';

/** Every allocation, by the word that a sweep has for it; one line for each. */
const ALL = [sensitivity, owl, lsa] as const satisfies readonly Allocation[];

/** `uniform`: all layers get the overall ratio. */
export type AllocationName = 'uniform' | (typeof ALL)[number]['name'];

export const ALLOCATION_NAMES: readonly AllocationName[] = ['uniform', ...ALL.map(({ name }) => name)];

/** @returns null for `uniform`, which measures nothing. */
export function allocationNamed(name: AllocationName): Allocation | null {
  return ALL.find((known) => known.name === name) ?? null;
}

/** @returns the allocations that read a setting. */
export function allocationsReading(setting: keyof AllocationSettings): readonly string[] {
  return (ALL as readonly Allocation[])
    .filter(({ reads }) => reads.includes(setting))
    .map(({ name }) => name);
}
