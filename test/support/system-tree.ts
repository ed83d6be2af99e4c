import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Meter, MeterSearch, Reading } from '../../agent/meters/meter.js';
import { temporaryFolder } from './folder.js';

/** Writes a tree of small files, as /proc and /sys are. @returns its root. */
export function tree(files: Readonly<Record<string, string>>, root = temporaryFolder()): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

/** The meter of a search that has to succeed; a failure says the search's reason. */
export function found(search: MeterSearch | null): Meter {
  if (search?.found !== true) throw new Error(search?.reason ?? 'no such hardware');
  return search.meter;
}

/** Readings as an object, without their times. */
export function values(readings: readonly Reading[]): Record<string, number> {
  return Object.fromEntries(readings.map(({ quantity, value }) => [quantity, value]));
}
