import { readFileSync } from 'node:fs';

import { EXIT, tryFile } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import type { BundleOptions } from './command.js';
import { makeKeys, publicKeyAt } from './keys.js';
import { verifyBundle } from './verify.js';

/** `ridge bundle verify`. @returns the exit code. */
export function printVerified(path: string, options: Pick<BundleOptions, 'key' | 'json'>): number {
  const bytes = tryFile(`${path} cannot be read`, () => readFileSync(path));
  const verified = verifyBundle(bytes, options.key === undefined ? null : publicKeyAt(options.key));
  const { broken, key, trials, figures, again, notes } = verified;
  if (options.json === true)
    printJson({ schema: 'ridgepoint.dev/verified-bundle/v1', holds: broken.length === 0, ...verified });
  else if (broken.length > 0) printData(broken.map((sentence) => `does not hold: ${sentence}`).join('\n'));
  else {
    const by =
      key === null
        ? 'unsigned'
        : `signed by ${key}${options.key === undefined ? ' (--key asks whether that is whom you trust)' : ''}`;
    printData(
      `it holds: ${trials} trials, ${figures} published numbers, those of ${again} trials computed again; ${by}`,
    );
  }
  for (const note of notes) say(note);
  return broken.length === 0 ? EXIT.ok : EXIT.failed;
}

/** `ridge bundle keygen`. */
export function printKeys(path: string): void {
  const { name, publicPath } = makeKeys(path);
  printData(name);
  say(`${path} signs, and is for nobody else's eyes; give ${publicPath} to whoever shall check`);
}
