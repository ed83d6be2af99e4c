import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { orElse } from '../../core/or-else.js';

/**
 * The release of a Python program as its installation says it (the `.dist-info` folders of PyPA's "Recording installed projects"), for asking the
 * program itself imports all that it needs, such as torch, which can take minutes.
 * @param program path of a script that pip, uv or conda installed.
 * @returns the version of the distribution that has it as its entry point; null where none has: another kind of program, or a wrapper.
 */
export function installedRelease(program: string): string | null {
  try {
    const script = realpathSync(program);
    const name = script.slice(script.lastIndexOf('/') + 1);
    const prefix = dirname(dirname(script));
    for (const folder of packageFolders(prefix)) {
      for (const entry of readdirSync(folder).toSorted()) {
        if (!entry.endsWith('.dist-info') || !hasEntryPoint(join(folder, entry), name)) continue;
        const version = /^Version: (\S+)/m.exec(readFileSync(join(folder, entry, 'METADATA'), 'utf8'))?.[1];
        if (version !== undefined) return version;
      }
    }
  } catch {
    // It is not there, or its installation is not a Python one: the program itself is asked.
  }
  return null;
}

/** Where an interpreter of this prefix keeps packages; Debian's has a folder of its own. */
function packageFolders(prefix: string): string[] {
  return ['lib', 'lib64'].flatMap((lib) =>
    listed(join(prefix, lib))
      .filter((name) => /^python3(\.\d+)?$/.test(name))
      .flatMap((name) =>
        ['site-packages', 'dist-packages'].map((packages) => join(prefix, lib, name, packages)),
      )
      .filter((folder) => listed(folder).length > 0),
  );
}

function listed(folder: string): string[] {
  return orElse(() => readdirSync(folder), []);
}

/** `[console_scripts]` and `[gui_scripts]` of entry_points.txt have a line `name = module:function` for each program. */
function hasEntryPoint(folder: string, name: string): boolean {
  try {
    const lines = readFileSync(join(folder, 'entry_points.txt'), 'utf8').split('\n');
    return lines.some((line) => line.split('=', 1)[0]!.trim() === name);
  } catch {
    return false;
  }
}
