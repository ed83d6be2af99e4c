import { availableParallelism } from 'node:os';
import { basename, dirname, resolve } from 'node:path';
import type { ModelSettings, ResolvedModel } from '../../artifacts/files/resolve.js';
import { locateText } from '../../artifacts/files/text.js';
import { PRUNE } from '../../artifacts/pruning/job.js';
import { packFile } from '../../artifacts/pruning/pack-file.js';
import { withoutEnding } from '../../core/models/formats.js';
import type { PackedFormat } from '../../core/techniques/packing/packed.js';
import type { PruneReport } from '../../core/techniques/pruning/summary.js';
import { readSparsity, type SparsitySpec, sparsity } from '../../core/techniques/sparsity.js';
import { placeOfClass } from '../../engines/runners/observer.js';
import { taskOf } from '../../process/isolation/job.js';
import { usageError } from '../exit.js';
import { modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { fileOf } from '../single/file-of.js';
import { makeAlone } from '../single/make.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { PruneOptions } from './command.js';
import { report } from './summary.js';

/** `ridge prune`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function pruneModel(input: string, output: string, options: PruneOptions): Promise<void> {
  const { setting: spelling, spec } = wantedOf(options);
  const path = outputPath(output, options.force === true);
  const packedPath = options.packed === undefined ? null : besides(path, options.packed, options);
  const threads = options.threads ?? availableParallelism();
  const text = spec.calibration?.text ?? null;
  const folders = ['.', dirname(input), ...(text === null ? [] : [dirname(text)])];
  const settings = modelSettings(
    folders.map((folder) => resolve(folder)),
    nodeConfig(options),
  );
  await runCommand(async () => {
    const textPath = text === null ? null : locateText(text, settings);
    const base = await openModel(input, settings);
    const inputPath = await pathOf(base, input, settings);
    const place = placeOfClass(options.device);
    const request = { inputPath, sparsity: spelling, textPath, threads, place };
    const made = await makeAlone({
      path,
      inputPath,
      bytes: base.facts.bytes,
      what: spelling,
      line: `${basename(inputPath)} by ${spelling}`,
      task: (outputPath) => taskOf(PRUNE, { ...request, outputPath }),
    });
    const packed =
      packedPath === null
        ? null
        : await packFile(path, packedPath, spec, options.packed!, options.packedType);
    const { json = false, perLayer = false } = options;
    report({ path, made, pruned: made.report as PruneReport, packed, threads }, { json, perLayer });
  });
}

/** The options as the word a sweep would have. @throws CommandError (2) for one that it could not have. */
function wantedOf(options: PruneOptions): { readonly setting: string; readonly spec: SparsitySpec } {
  const keys = Object.keys(sparsity.keys).filter((key) => options[key] !== undefined);
  const written = sparsity.spell(Object.fromEntries(keys.map((key) => [key, options[key]])));
  const canonical = sparsity.read(written);
  const reading = readSparsity(canonical.ok ? canonical.value : written);
  if (!canonical.ok || !reading.ok) {
    const { message, suggestion } = canonical.ok ? (reading as never) : canonical;
    throw usageError(message, suggestion === null ? null : `Did you mean ${suggestion}?`);
  }
  if (reading.value === null) throw usageError('none prunes nothing', 'Name a method, such as wanda.');
  return { setting: canonical.value, spec: reading.value };
}

/** Where the packed file goes. @throws CommandError (2) for a format that cannot hold what comes. */
function besides(path: string, format: PackedFormat, { ratio, force }: PruneOptions): string {
  if (format === '2:4' && ratio !== '2:4')
    throw usageError(
      `--packed 2:4 holds two of every four weights, and ${ratio} leaves others`,
      'Prune with --ratio 2:4, or pack as bitmap or csr.',
    );
  return outputPath(`${withoutEnding(path)}.${format.replace(':', '')}.safetensors`, force === true);
}

async function pathOf(model: ResolvedModel, source: string, { cacheFolder }: ModelSettings): Promise<string> {
  if (model.path !== null) return await fileOf(model, cacheFolder);
  throw usageError(
    `${source} has random weights: what is pruned of them says nothing`,
    'Name a GGUF file, or builtin:small.',
  );
}
