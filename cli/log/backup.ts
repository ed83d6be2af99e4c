import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import { BackupWriter, type Manifest } from '../../coordinator/backup/backup-file.js';
import type { Fact } from '../../coordinator/log/log.js';
import { VERSION } from '../../process/package.js';
import type { ControlConnection } from '../../proto/client.js';
import { withCoordinator } from '../connection.js';
import { tryFile, usageError, workError } from '../exit.js';
import { printData, printJson } from '../output/print.js';
import type { BackupOptions } from './command.js';
import { progressReporter } from './log.js';

/**
 * Writes what the log of a running coordinator holds to a file: every entry up to its end as it was when the
 * command began. A file that is there is whole.
 */
export async function backup(path: string, options: BackupOptions): Promise<void> {
  checkPlace(path);
  const manifest = await withCoordinator(options, (control) => writeBackup(control, path));
  const { entries, sweeps, results, bodies } = manifest;
  if (options.json === true) return printJson(manifest);
  printData(`${entries} entries (${sweeps} submissions, ${results} results) are in ${path}.\n`);
  if (bodies.length === 0) return;
  const files = bodies.length === 1 ? 'a file' : `${bodies.length} files`;
  printData(`They refer to ${files} in the store of bodies: copy it now, after the log.\n`);
}

/** Nobody waits for a backup that cannot be written. @throws CommandError (2) */
function checkPlace(path: string): void {
  if (existsSync(path))
    throw usageError(`${path} is there already.`, 'Name another file: no backup is overwritten.');
  const draft = `${path}.partial`;
  tryFile(`cannot write ${path}`, () => closeSync(openSync(draft, 'w', 0o600)));
  rmSync(draft);
}

async function writeBackup(control: ControlConnection, path: string): Promise<Manifest> {
  const writer = new BackupWriter(path, { release: VERSION, at: new Date().toISOString() });
  try {
    const told = progressReporter('read');
    let [position, last] = [0, -1];
    for await (const { factsJson, end } of control.readLog({ after: 0, until: 0 })) {
      last = end;
      for (const json of factsJson) await writer.add(JSON.parse(json) as Fact);
      position += factsJson.length;
      told(position);
    }
    if (position !== last)
      throw workError(
        `the coordinator gave ${position} of ${Math.max(0, last)} entries`,
        'Begin the backup again.',
      );
    return await writer.keep();
  } catch (error) {
    await writer.drop();
    throw error;
  }
}
