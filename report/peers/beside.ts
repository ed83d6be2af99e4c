import { EXPORT_MAPPINGS } from '../mappings/index.js';
import type { ExportMapping } from '../mappings/mapping.js';
import type { Row } from '../rows.js';
import type { PeerRun } from './read.js';

/** A figure of another tool and ours by its definition, from the requests of the row's first start. */
export interface Beside {
  readonly row: number;
  readonly name: string;
  readonly unit: string;
  readonly meaning: string;
  readonly ours: number;
  readonly theirs: number;
  /** Theirs over ours; null where ours is 0. */
  readonly ratio: number | null;
}

/** @returns what both have, in the order of the tool's words. */
export function besideOf(row: Row, run: PeerRun): Beside[] {
  const { fields }: ExportMapping = EXPORT_MAPPINGS[run.format];
  return fields.flatMap(({ name, unit, meaning, mappedValue }) => {
    const theirs = run.figures.get(name);
    const { value: ours } = mappedValue(row);
    if (theirs === undefined || typeof ours !== 'number') return [];
    const ratio = ours === 0 ? null : theirs / ours;
    return [{ row: row.number, name, unit, meaning, ours, theirs, ratio }];
  });
}
