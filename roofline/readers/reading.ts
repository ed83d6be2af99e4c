import { nearest } from '../../core/input/suggest.js';
import type { LayerGroup, ModelArchitecture } from '../../core/work/architecture.js';

export type ArchitectureReading =
  | { readonly ok: true; readonly architecture: ModelArchitecture }
  /** One sentence about what is wrong, and one about what to do. */
  | { readonly ok: false; readonly reason: string; readonly hint: string };

/** Ends a reader in the middle; caught where reading begins. */
export class Unreadable extends Error {
  readonly hint: string;
  constructor(reason: string, hint = 'Give a model of a known architecture; docs/roofline.md lists them.') {
    super(reason);
    this.hint = hint;
  }
}

/** @returns the refusal of a model of a kind that is none of those. */
export function unknownFamily(what: string, name: string, known: readonly string[]): Unreadable {
  const near = nearest(name, known);
  return new Unreadable(
    `work cannot be counted for the ${what} ${JSON.stringify(name)}`,
    `${near === null ? '' : `The nearest is ${near}. `}Known are ${known.join(', ')}.`,
  );
}

/** @returns what `read` returns, or why it could not. */
export function reading(read: () => ModelArchitecture): ArchitectureReading {
  try {
    return { ok: true, architecture: read() };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ok: false, reason: error.message, hint: error.hint };
  }
}

/** @returns layers with those that follow each other and are alike put together. */
export function grouped(layers: readonly Omit<LayerGroup, 'count'>[]): LayerGroup[] {
  const groups: LayerGroup[] = [];
  let before = '';
  for (const layer of layers) {
    const key = JSON.stringify(layer);
    const last = groups.at(-1);
    if (last !== undefined && key === before) groups[groups.length - 1] = { ...last, count: last.count + 1 };
    else groups.push({ count: 1, ...layer });
    before = key;
  }
  return groups;
}

/** A number that can be a size: whole, positive, and small enough that sums stay exact. */
export function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= 2 ** 31;
}
