import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { FORMAT_NAMES, type ModelFormat } from '../../core/models/formats.js';
import { orElse } from '../../core/or-else.js';
import { formatOf } from '../../formats/index.js';
import { writeWhole } from '../../formats/whole-file.js';
import { readNote } from './note.js';

const entrySchema = z.object({
  /** What the model was made of. */
  path: z.string(),
  format: z.enum(FORMAT_NAMES),
  /** By which what that was made of is found. */
  key: z.string(),
});

type Entry = z.infer<typeof entrySchema>;
/** More steps than anything is made in. */
const MOST_STEPS = 64;

/** What a model was made of, some steps before. */
interface Origin {
  readonly path: string;
  /** It is there as it was, or with other files, or no more. */
  readonly state: 'unchanged' | 'changed' | 'gone';
}

/**
 * Keeps what a model was made of, by what its files are and not by their names: under another name it is
 * found again, of a copy nothing is known. What cannot be kept is asked for by whoever needs it.
 */
export async function rememberOrigin(made: string, from: string, cacheFolder: string): Promise<void> {
  try {
    const entry: Entry = { path: from, format: formatOf(from).name, key: keyOf(from) };
    await mkdir(folderIn(cacheFolder), { recursive: true });
    await writeWhole(entryFile(keyOf(made), cacheFolder), JSON.stringify(entry));
  } catch {
    // Of what is no model by itself, such as a report, nothing is made.
  }
}

/**
 * @returns the nearest of a format that a model was made of, however many steps before; null where nothing is
 *   known of one.
 */
export async function originOf(
  made: string,
  format: ModelFormat,
  cacheFolder: string,
): Promise<Origin | null> {
  let key = keyOf(made);
  for (let step = 0; step < MOST_STEPS; step++) {
    const entry = await readNote(entryFile(key, cacheFolder), entrySchema);
    if (entry === null) return null;
    if (entry.format === format) return { path: entry.path, state: stateOf(entry) };
    key = entry.key;
  }
  return null;
}

function stateOf({ path, key }: Entry): Origin['state'] {
  if (!existsSync(path)) return 'gone';
  return orElse(() => (keyOf(path) === key ? 'unchanged' : 'changed'), 'changed');
}

/**
 * Device, inode, size and time of change of all files of a model. @throws FormatError, and errors of stat(2)
 */
function keyOf(path: string): string {
  const states = formatOf(path)
    .files(path)
    .map((file) => statSync(file));
  const said = states.map(({ dev, ino, size, mtimeMs }) => `${dev} ${ino} ${size} ${mtimeMs}`);
  return createHash('sha256').update(said.join('\n')).digest('hex');
}

const folderIn = (cacheFolder: string) => join(cacheFolder, 'lineage');
const entryFile = (key: string, cacheFolder: string) => join(folderIn(cacheFolder), `${key}.json`);
