import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @returns the version in the package.json of this installation, from sources as from dist. */
export function packageVersion(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    try {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      if (name === 'ridgepoint') return String(version);
    } catch {
      // Not in this folder.
    }
    if (folder === dirname(folder)) return 'unknown';
  }
}
