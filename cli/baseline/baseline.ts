import type { BundleOptions } from '../bundle/command.js';
import { makeBundle } from '../bundle/make.js';
import type { ConnectionOptions } from '../options/connection.js';
import { printTable } from '../output/plain-table.js';
import { say } from '../output/print.js';
import { baselines, newBaseline } from './store.js';

/** `ridge baseline save`. */
export async function saveBaseline(
  name: string,
  sources: readonly string[],
  options: Pick<BundleOptions, 'force' | 'pin' | keyof ConnectionOptions>,
): Promise<void> {
  await makeBundle(sources, { ...options, output: newBaseline(name), pinReason: `baseline ${name}` });
}

/** `ridge baseline list`. */
export function printBaselines(): void {
  const all = baselines();
  if (all.length === 0) say('there are none: `ridge baseline save NAME RUN` keeps one');
  else
    printTable(
      ['name', 'bytes', 'saved'],
      all.map(({ name, bytes, savedAt }) => [name, bytes, savedAt]),
    );
}
