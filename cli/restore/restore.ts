import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Backup, openBackup } from '../../coordinator/backup/backup-file.js';
import { logFrom } from '../../coordinator/config.js';
import { type Copied, copyLog } from '../../coordinator/log/copy.js';
import { tryFile, usageError } from '../exit.js';
import { openAddress, progressReporter } from '../log/log.js';
import { printData, printJson } from '../output/print.js';
import type { RestoreOptions } from './command.js';

/**
 * Makes a log from a backup, and compares both.
 * @throws CommandError (2) for a place in use, FailureError for a backup that is not whole
 */
export async function restore(file: string, { into, json }: RestoreOptions): Promise<void> {
  const found = tryFile(`cannot read ${file}`, () => statSync(file));
  if (!found.isFile()) throw usageError(`${file} is no file.`, 'Name one that `ridge log backup` wrote.');
  const isFile = logFrom(into).kind === 'sqlite';
  if (isFile) checkPlace(into);
  const backup = await openBackup(file);
  const { copied, digest } = isFile ? await restoreFile(backup, into) : await restoreInto(backup, into);
  const { at } = backup.header;
  const { bodies } = backup.manifest;
  if (json === true) return printJson({ at, entries: copied, digest, bodies });
  printData(`${copied} entries, as they were at ${at}, are in ${into} (sha256:${digest}).\n`);
  if (bodies.length === 0) return;
  const files = bodies.length === 1 ? 'a file' : `${bodies.length} files`;
  printData(`They refer to ${files} in the store of bodies: \`ridge log verify\` says which are missing.\n`);
}

/** @throws CommandError (2) where something is there, or nothing can be. */
function checkPlace(path: string): void {
  tryFile(`cannot write ${path}`, () => {
    mkdirSync(dirname(path), { recursive: true });
    if (existsSync(path)) throw inUse(path);
  });
}

/** A file that is there is whole: no coordinator starts on half of it. */
async function restoreFile(backup: Backup, path: string): Promise<Copied> {
  const draft = `${path}.restoring`;
  const clear = (): void => {
    for (const end of ['', '-wal', '-shm']) rmSync(`${draft}${end}`, { force: true });
  };
  clear();
  try {
    const copied = await restoreInto(backup, draft);
    renameSync(draft, path);
    return copied;
  } catch (error) {
    clear();
    throw error;
  }
}

async function restoreInto({ log }: Backup, address: string): Promise<Copied> {
  const target = await openAddress(address, true);
  try {
    if ((await target.end()) > 0) throw inUse(address);
    return await copyLog(log, target, progressReporter('restored'));
  } finally {
    await target.close();
  }
}

function inUse(place: string) {
  return usageError(`${place} is not empty.`, 'Name an empty place: nothing is overwritten.');
}
