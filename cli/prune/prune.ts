import { availableParallelism } from 'node:os';
import { prune } from '../../artifacts/door/make.js';
import { openFile } from '../../artifacts/door/open.js';
import { locateText } from '../../artifacts/files/text.js';
import { withoutEnding } from '../../core/models/formats.js';
import type { PackedFormat } from '../../core/techniques/packing/packed.js';
import type { PruneReport } from '../../core/techniques/pruning/summary.js';
import { readSparsity, type SparsitySpec, sparsity } from '../../core/techniques/sparsity.js';
import { usageError } from '../exit.js';
import { settingsFor } from '../local-models.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { PruneOptions } from './command.js';
import { report } from './summary.js';

const WITHOUT_RANDOM = 'has random weights: what is pruned of them says nothing';

/** `ridge prune`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function pruneModel(input: string, output: string, options: PruneOptions): Promise<void> {
  const { setting, spec } = wantedOf(options);
  const path = outputPath(output, options.force === true);
  const { packed: format, packedType: type } = options;
  const packed = format === undefined ? null : { path: packedPath(path, format, options), format, type };
  const threads = options.threads ?? availableParallelism();
  const text = spec.calibration?.text ?? null;
  const settings = settingsFor(options, input, text ?? '.');
  await runCommand(async () => {
    const textPath = text === null ? null : locateText(text, settings);
    const base = await openFile(input, settings, undefined, WITHOUT_RANDOM);
    const asked = { path, sparsity: setting, spec, textPath, deviceClass: options.device, threads, packed };
    const pruned = await prune(base, asked, settings);
    const { json = false, perLayer = false } = options;
    report({ ...pruned, path, pruned: pruned.made.report as PruneReport, threads }, { json, perLayer });
  });
}

/** The options as the word a sweep would have. @throws CommandError (2) for one that it could not have. */
function wantedOf(options: PruneOptions): { readonly setting: string; readonly spec: SparsitySpec } {
  const keys = Object.keys(sparsity.keys).filter((key) => options[key] !== undefined);
  const written = sparsity.spell(Object.fromEntries(keys.map((key) => [key, options[key]])));
  const canonical = sparsity.read(written);
  if (!canonical.ok) throw unreadable(canonical);
  const reading = readSparsity(canonical.value);
  if (!reading.ok) throw unreadable(reading);
  if (reading.value === null) throw usageError('none prunes nothing', 'Name a method, such as wanda.');
  return { setting: canonical.value, spec: reading.value };
}

function unreadable({ message, suggestion }: { message: string; suggestion: string | null }) {
  return usageError(message, suggestion === null ? null : `Did you mean ${suggestion}?`);
}

/** Where the packed file goes. @throws CommandError (2) for a format that cannot hold what comes. */
function packedPath(path: string, format: PackedFormat, { ratio, force }: PruneOptions): string {
  if (format === '2:4' && ratio !== '2:4')
    throw usageError(
      `--packed 2:4 holds two of every four weights, and ${ratio} leaves others`,
      'Prune with --ratio 2:4, or pack as bitmap or csr.',
    );
  return outputPath(`${withoutEnding(path)}.${format.replace(':', '')}.safetensors`, force === true);
}
