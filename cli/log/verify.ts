import { isBackup, openBackup } from '../../coordinator/backup/backup-file.js';
import { type Findings, findBreaks, wrongPlaces } from '../../coordinator/bodies/findings.js';
import type { ControlConnection } from '../../proto/client.js';
import { withCoordinator } from '../connection.js';
import { EXIT, workError } from '../exit.js';
import { printData, printJson } from '../output/print.js';
import type { VerifyOptions } from './command.js';
import { keptOf, openAddress, progressReporter } from './log.js';

/**
 * Prints what is wrong with a log, a sentence for each place; sets the exit code where something is.
 * @param address of a log that nobody writes, or a backup; left out = the log of a running coordinator
 */
export async function verify(address: string | undefined, options: VerifyOptions): Promise<void> {
  if (address !== undefined && (await isBackup(address))) return await verifyBackup(address, options);
  const findings =
    address === undefined ? await withCoordinator(options, findingsOf) : await findingsAt(address, options);
  const wrong = wrongPlaces(findings);
  const { entries, breaks, bodies } = findings;
  if (options.json === true) printJson({ entries, breaks, bodies });
  else {
    for (const { sentence } of [...breaks, ...bodies]) printData(`${sentence}\n`);
    printData(`${summary(entries, wrong)}\n`);
  }
  if (wrong > 0) process.exitCode = EXIT.failed;
}

async function verifyBackup(path: string, { json }: VerifyOptions): Promise<void> {
  const { header, manifest } = await openBackup(path);
  if (json === true) printJson({ ...header, ...manifest });
  else {
    const made = `made at ${header.at} by Ridgepoint ${header.release}`;
    printData(`${summary(manifest.entries, 0)} It is a backup ${made}.\n`);
  }
}

async function findingsAt(address: string, options: VerifyOptions): Promise<Findings> {
  const log = await openAddress(address, false);
  try {
    const store = (await keptOf(address, options))?.store ?? null;
    return await findBreaks(log, store, progressReporter('read'));
  } finally {
    await log.close();
  }
}

async function findingsOf(control: ControlConnection): Promise<Findings> {
  const told = progressReporter('read');
  for await (const { entries, findingsJson } of control.verifyLog()) {
    told(entries);
    if (findingsJson !== '') return JSON.parse(findingsJson) as Findings;
  }
  throw workError('the coordinator has not checked its log to the end', 'Ask again when it is back.');
}

function summary(entries: number, wrong: number): string {
  const count = `${entries} ${entries === 1 ? 'entry' : 'entries'}`;
  const where = wrong === 1 ? 'one place' : `${wrong} places`;
  const sound = wrong === 0 ? 'and nothing is wrong' : `and something is wrong at ${where}`;
  return `${count}, ${sound}.`;
}
