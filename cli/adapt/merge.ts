import { availableParallelism } from 'node:os';
import { mergeAdapters } from '../../artifacts/door/make.js';
import { formatValue } from '../../core/metrics/format.js';
import { usageError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { MergeOptions } from './command.js';
import { partsOf, settingsOf } from './open.js';

/** `ridge adapt merge`: the step of a sweep alone, into a file that the user names. */
export async function mergeIntoModel(
  source: string,
  spellings: readonly string[],
  output: string,
  options: MergeOptions,
): Promise<void> {
  if (spellings.length === 0)
    throw usageError('an adapter is missing', 'Write ridge adapt merge MODEL ADAPTER… OUTPUT.gguf.');
  const path = outputPath(output, options.force === true);
  const parts = partsOf(spellings);
  const settings = settingsOf(options, [source, ...spellings]);
  const threads = options.threads ?? availableParallelism();
  await runCommand(async () => {
    const asked = { path, threads, line: `${spellings.join(' + ')} into ${source}` };
    const merged = await mergeAdapters(source, parts, asked, settings);
    const { adapters, baseBytes } = merged;
    const { facts, seconds, warnings } = merged.made;
    for (const warning of warnings) say(`note: ${warning}`);
    if (options.json === true) {
      const named = adapters.map(({ source: one, digest, scale }) => ({ source: one, digest, scale }));
      return printJson({ output: path, model: source, adapters: named, ...facts, seconds, threads });
    }
    printTable(
      ['', ''],
      [
        ['adapters', adapters.map(({ source: spelling, scale }) => `${spelling} × ${scale}`).join(', ')],
        ['rank', String(facts.rank)],
        ['matrices', `${facts.matrices}: ${facts.targets}`],
        ['numbers', Number(facts.adapterParameters).toLocaleString('en')],
        ['largest change', Number(facts.largestChange).toPrecision(3)],
      ],
    );
    say(`${path}: ${formatValue(baseBytes, 'B')}, merged in ${seconds.toFixed(1)} s with ${threads} threads`);
  });
}
