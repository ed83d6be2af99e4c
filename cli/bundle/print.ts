import { readFileSync } from 'node:fs';

import { EXIT, tryFile } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import type { BundleOptions } from './command.js';
import { makeKeys, publicKeyAt } from './keys.js';
import { type Verified, verifyBundle } from './verify.js';

/** `ridge bundle verify`. @returns the exit code. */
export function printVerified(path: string, options: Pick<BundleOptions, 'key' | 'json'>): number {
  const bytes = tryFile(`${path} cannot be read`, () => readFileSync(path));
  const verified = verifyBundle(bytes, options.key === undefined ? null : publicKeyAt(options.key));
  const code = codeOf(verified);
  if (options.json === true)
    printJson({ schema: 'ridgepoint.dev/verified-bundle/v1', holds: code === EXIT.ok, ...verified });
  else printData(textOf(verified, options.key !== undefined));
  for (const note of verified.notes) say(note);
  return code;
}

function codeOf({ broken, unconfirmed, asRecorded }: Verified): number {
  if (broken.length > 0) return EXIT.failed;
  return unconfirmed.length > 0 || asRecorded > 0 ? EXIT.undecided : EXIT.ok;
}

/** @param trusted whether --key says whose signature it must have. */
function textOf(verified: Verified, trusted: boolean): string {
  const { broken, unconfirmed, key, trials, figures, again, asRecorded } = verified;
  if (broken.length > 0) return broken.map((sentence) => `does not hold: ${sentence}`).join('\n');
  const by =
    key === null
      ? 'unsigned'
      : `signed by ${key}${trusted ? '' : ' (--key asks whether that is whom you trust)'}`;
  const held = `${trials} trials, ${figures} published numbers; ${by}`;
  if (unconfirmed.length > 0)
    return [
      ...unconfirmed.map((sentence) => `does not come out again: ${sentence}`),
      `NOT confirmed: ${held}. These numbers are of another release, or forged: verify the bundle with that release.`,
    ].join('\n');
  if (asRecorded > 0)
    return `NOT confirmed: ${held}. Numbers of ${again} trials were computed again; those of ${asRecorded} are only claimed, for their raw readings are not in the bundle.`;
  return `it holds: ${held}; those of ${again} trials were computed again and came out`;
}

/** `ridge bundle keygen`. */
export function printKeys(path: string): void {
  const { name, publicPath } = makeKeys(path);
  printData(name);
  say(`${path} signs, and is for nobody else's eyes; give ${publicPath} to whoever shall check`);
}
