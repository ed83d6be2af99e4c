import { existsSync } from 'node:fs';
import { withBodies } from '../../coordinator/bodies/log-with-bodies.js';
import { type KeptBodies, openBodies } from '../../coordinator/bodies/open.js';
import { removeUnreferred, unreferred } from '../../coordinator/bodies/referred.js';
import { logFrom, readConfig, resolveConfig } from '../../coordinator/config.js';
import { copyLog } from '../../coordinator/log/copy.js';
import type { Log } from '../../coordinator/log/log.js';
import { openLog } from '../../coordinator/log/open.js';
import { usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import type { BodiesOptions, LogOptions } from './command.js';

/** People who wait are told how far it is after so many entries. */
const SAID_ENTRIES = 100_000;

/** Lists what nothing refers to, and removes it where that is wanted. */
export async function bodies(addresses: readonly string[], options: BodiesOptions): Promise<void> {
  const store = (await keptOf(addresses[0]!, options))?.store;
  if (store === undefined)
    throw usageError(
      'There is no store of bodies to look at.',
      'Name the configuration of the coordinator by --config.',
    );
  const logs: Log[] = [];
  try {
    for (const address of addresses) logs.push(await openAddress(address, false));
    const files = await unreferred(logs, store, Date.now());
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    if (options.delete === true) await removeUnreferred(store, files);
    if (options.json === true) printJson({ files, bytes, removed: options.delete === true });
    else {
      for (const file of files) printData(`sha256:${file.hex}  ${file.bytes} bytes\n`);
      const done = options.delete === true ? 'removed from' : 'could be removed from';
      printData(
        `${files.length === 1 ? 'A file' : `${files.length} files`} of ${bytes} bytes ${done} ${store.name}.\n`,
      );
    }
  } finally {
    for (const log of logs) await log.close();
  }
}

/**
 * @returns the store that a configuration names, or that lies beside a SQLite file; null where there is none.
 */
export async function keptOf(
  address: string,
  { config: file }: Pick<LogOptions, 'config'>,
): Promise<KeptBodies | null> {
  const config = readConfig({ log: logFrom(address) }, {}, file ?? null).bodies;
  if (config?.kind === 'folder' && !existsSync(config.path)) return null;
  return await openBodies(config);
}

/** @returns the log at an address, whose results have their raw samples. @throws as `openAddress` */
export async function openWhole(address: string): Promise<Log> {
  const log = await openAddress(address, false);
  return withBodies(log, { bodies: await keptOf(address, {}), rawBytes: null, warn: say });
}

/** Copies a log to another one and compares both. */
export async function copy(from: string, to: string, options: LogOptions): Promise<void> {
  const source = await openAddress(from, false);
  try {
    const target = await openAddress(to, true);
    try {
      const { before, copied, digest } = await copyLog(source, target, progressReporter('copied'));
      if (options.json === true) printJson({ before, copied, entries: before + copied, digest });
      else {
        const went = before === 0 ? '' : ` after the ${before} that were there`;
        printData(`${copied} entries copied${went}; both logs hold the same (sha256:${digest}).\n`);
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/**
 * Opens the log at an address.
 * @param make it where it is not there.
 * @throws CommandError (2) where it cannot be.
 */
export async function openAddress(address: string, make: boolean): Promise<Log> {
  if (address === 'memory') throw usageError('A log in memory is gone with its process.');
  const { log } = resolveConfig({ log: logFrom(address) }, address);
  if (log.kind === 'sqlite' && !make && !existsSync(log.path)) {
    throw usageError(
      `There is no log ${log.path}.`,
      'Name the file that the coordinator’s configuration names.',
    );
  }
  return await openLog(log, make);
}

/** @returns what tells people who wait how many entries are done. */
export function progressReporter(done: string): (entries: number) => void {
  let said = 0;
  return (entries) => {
    if (entries < said + SAID_ENTRIES) return;
    said = entries;
    say(`${entries} entries ${done}`);
  };
}
