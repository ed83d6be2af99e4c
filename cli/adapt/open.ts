import { type AdapterPart, readAdapter } from '../../core/techniques/adapter.js';
import { usageError } from '../exit.js';
import { settingsFor } from '../local-models.js';
import type { AdaptOptions } from './options.js';

/** @param named models, texts, and adapters with their scales. */
export function settingsOf(options: AdaptOptions, named: readonly string[]) {
  return settingsFor(options, ...named.map((spelling) => spelling.replace(/\*-?[\d.]+$/, '')));
}

/** @returns the parts of `path*0.5`. @throws CommandError (2) */
export function partsOf(spellings: readonly string[]): AdapterPart[] {
  return spellings.flatMap((spelling) => {
    const reading = readAdapter(spelling);
    if (!reading.ok) throw usageError(reading.message, null);
    if (reading.value === null)
      throw usageError('none is no adapter', 'Name a file, a folder or builtin:NAME.');
    return [...reading.value.parts];
  });
}
