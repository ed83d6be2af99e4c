import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Baseline as ReadableBaseline } from '../../coordinator/web/drift.js';
import { usageError } from '../exit.js';
import { agentConfig } from '../node-config.js';
import { readRun } from '../report/run-folder.js';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const ENDING = '.bundle';

/** Where this machine keeps its baselines, each a bundle. */
const folderOf = () => join(agentConfig(undefined).stateFolder, 'baselines');

/**
 * @returns the file of a baseline, whether it is there or not. @throws CommandError (2) for what is no name.
 */
export function baselinePath(name: string): string {
  if (NAME.test(name)) return join(folderOf(), `${name}${ENDING}`);
  throw usageError(
    `${JSON.stringify(name)} is no name of a baseline`,
    'Take letters, digits, dots and dashes.',
  );
}

/** @returns the file of a baseline that is there. @throws CommandError (2) */
export function savedBaseline(name: string): string {
  const path = baselinePath(name);
  if (existsSync(path)) return path;
  const names = baselines().map((one) => one.name);
  throw usageError(
    `there is no baseline ${name}`,
    names.length === 0 ? '`ridge baseline save NAME RUN` makes one.' : `There are ${names.join(', ')}.`,
  );
}

/** @returns the file that is to be written. */
export function newBaseline(name: string): string {
  const path = baselinePath(name);
  mkdirSync(folderOf(), { recursive: true });
  return path;
}

export interface Baseline {
  readonly name: string;
  readonly bytes: number;
  readonly savedAt: string;
}

/** @returns all of them, by name. */
export function baselines(): Baseline[] {
  const folder = folderOf();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(ENDING))
    .sort()
    .map((file) => {
      const { size: bytes, mtime } = statSync(join(folder, file));
      return { name: file.slice(0, -ENDING.length), bytes, savedAt: mtime.toISOString() };
    });
}

/** Removes one. @throws CommandError (2) where there is none. */
export function removeBaseline(name: string): void {
  rmSync(savedBaseline(name));
}

const read = new Map<string, ReturnType<ReadableBaseline['records']>>();

/**
 * @returns the baselines of this machine with their results, which are read once as long as they stay the
 *   same.
 */
export function readableBaselines(): ReadableBaseline[] {
  return baselines().map(({ name, savedAt }) => ({
    name,
    savedAt,
    records: () => {
      const key = `${name} ${savedAt}`;
      const records = read.get(key) ?? readRun(savedBaseline(name)).records;
      read.set(key, records);
      return records;
    },
  }));
}
