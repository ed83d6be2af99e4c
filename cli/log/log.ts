import { existsSync } from 'node:fs';
import { withBodies } from '../../coordinator/bodies/log-with-bodies.js';
import { type KeptBodies, openBodies } from '../../coordinator/bodies/open.js';
import {
  type BodyBreak,
  brokenBodies,
  removeUnreferred,
  unreferred,
} from '../../coordinator/bodies/referred.js';
import type { BodyStore } from '../../coordinator/bodies/store.js';
import { logFrom, readConfig, resolveConfig } from '../../coordinator/config.js';
import { copyLog } from '../../coordinator/log/copy.js';
import type { Log } from '../../coordinator/log/log.js';
import { openLog } from '../../coordinator/log/open.js';
import { breakSentence, type Verified, verifyLog } from '../../coordinator/log/verify.js';
import { EXIT, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import type { BodiesOptions, LogOptions } from './command.js';

/** People who wait are told how far it is after so many entries. */
const SAID_ENTRIES = 100_000;

/** Prints what is wrong with a log, a sentence for each place; sets the exit code where something is. */
export async function verify(address: string, options: LogOptions): Promise<void> {
  const log = await openAddress(address, false);
  try {
    const verified = await verifyLog(log, progressReporter('read'));
    const breaks = verified.breaks.map((one) => ({ ...one, sentence: breakSentence(one) }));
    const store = (await keptOf(address, options))?.store ?? null;
    // A log that lacks entries cannot be read to its end.
    const bodies = store === null || breaks.length > 0 ? [] : await bodyBreaks(log, store);
    // Answers that are missing may be where they were given: on their node.
    const wrong = [...breaks, ...bodies.filter(({ kind, raw }) => raw || kind === 'changed')];
    if (options.json === true) printJson({ ...verified, breaks, bodies });
    else {
      for (const { sentence } of [...breaks, ...bodies]) printData(`${sentence}\n`);
      printData(`${summary(verified, wrong.length)}\n`);
    }
    if (wrong.length > 0) process.exitCode = EXIT.failed;
  } finally {
    await log.close();
  }
}

async function bodyBreaks(log: Log, store: BodyStore) {
  const found: (BodyBreak & { sentence: string })[] = [];
  for await (const one of brokenBodies(log, store)) {
    const what = one.raw ? 'raw samples' : 'answers';
    const wrong = one.kind === 'changed' ? 'is not what was put there' : 'is missing';
    found.push({
      ...one,
      sentence: `Entry ${one.position} has ${what} in ${one.digest} of ${store.name}, which ${wrong}.`,
    });
  }
  return found;
}

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
async function keptOf(address: string, { config: file }: LogOptions): Promise<KeptBodies | null> {
  const config = readConfig({ log: logFrom(address) }, {}, file ?? null).bodies;
  if (config?.kind === 'folder' && !existsSync(config.path)) return null;
  return await openBodies(config);
}

/** @returns the log at an address, whose results have their raw samples. @throws as `openAddress` */
export async function openWhole(address: string): Promise<Log> {
  const log = await openAddress(address, false);
  return withBodies(log, { bodies: await keptOf(address, {}), rawBytes: null, warn: say });
}

function summary({ entries }: Verified, wrong: number): string {
  const count = `${entries} ${entries === 1 ? 'entry' : 'entries'}`;
  const where = wrong === 1 ? 'one place' : `${wrong} places`;
  const sound = wrong === 0 ? 'and nothing is wrong' : `and something is wrong at ${where}`;
  return `${count}, ${sound}.`;
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

function progressReporter(done: string): (entries: number) => void {
  let said = 0;
  return (entries) => {
    if (entries < said + SAID_ENTRIES) return;
    said = entries;
    say(`${entries} entries ${done}`);
  };
}
