import { existsSync } from 'node:fs';
import { logFrom, resolveConfig } from '../../coordinator/config.js';
import { copyLog } from '../../coordinator/log/copy.js';
import type { Log } from '../../coordinator/log/log.js';
import { openLog } from '../../coordinator/log/open.js';
import { breakSentence, verifyLog } from '../../coordinator/log/verify.js';
import { EXIT, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import type { LogOptions } from './command.js';

/** People who wait are told how far it is after so many entries. */
const SAID_ENTRIES = 100_000;

/** Prints what is wrong with a log, a sentence for each place; sets the exit code where something is. */
export async function verify(address: string, options: LogOptions): Promise<void> {
  const log = await openAddress(address, false);
  try {
    const verified = await verifyLog(log, now('read'));
    const breaks = verified.breaks.map((one) => ({ ...one, sentence: breakSentence(one) }));
    if (options.json === true) printJson({ ...verified, breaks });
    else {
      for (const { sentence } of breaks) printData(`${sentence}\n`);
      printData(`${summary(verified)}\n`);
    }
    if (breaks.length > 0) process.exitCode = EXIT.failed;
  } finally {
    await log.close();
  }
}

function summary({ entries, from, breaks }: Awaited<ReturnType<typeof verifyLog>>): string {
  const count = `${entries} ${entries === 1 ? 'entry' : 'entries'}`;
  const where = breaks.length === 1 ? 'one place' : `${breaks.length} places`;
  const sound = breaks.length === 0 ? 'and nothing is wrong' : `and something is wrong at ${where}`;
  if (from === null) return `${count} without checksums, ${sound}.`;
  const older = from === 1 ? '' : `, the first ${from - 1} without checksums`;
  return `${count}${older}, ${sound}.`;
}

/** Copies a log to another one and compares both. */
export async function copy(from: string, to: string, options: LogOptions): Promise<void> {
  const source = await openAddress(from, false);
  try {
    const target = await openAddress(to, true);
    try {
      const { before, copied, digest } = await copyLog(source, target, now('copied'));
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

/** Opens the log at an address. @param make it where it is not there. @throws CommandError (2) where it cannot be. */
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

function now(done: string): (entries: number) => void {
  let said = 0;
  return (entries) => {
    if (entries < said + SAID_ENTRIES) return;
    said = entries;
    say(`${entries} entries ${done}`);
  };
}
