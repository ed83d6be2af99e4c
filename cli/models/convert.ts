import { basename, resolve } from 'node:path';
import { convert, isModelAlone } from '../../artifacts/door/make.js';
import { formatValue } from '../../core/metrics/format.js';
import { CONVERTED_TO, isWrittenAsFolder, isWrittenWithBase } from '../../core/models/conversions.js';
import { MODEL_FORMATS, withoutEnding } from '../../core/models/formats.js';
import { isRemote } from '../../core/models/remote.js';
import { orElse } from '../../core/or-else.js';
import { formatOf } from '../../formats/index.js';
import { usageError } from '../exit.js';
import { settingsFor } from '../local-models.js';
import { printJson, say } from '../output/print.js';
import { outputFolder, outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { ConvertOptions } from './command.js';

/** `ridge models convert`: one step of a sweep alone, by the same code, into a file that the user names. */
export async function convertModel(source: string, options: ConvertOptions): Promise<void> {
  const format = options.to;
  const force = options.force === true;
  const ending = format === 'safetensors' ? '' : MODEL_FORMATS[format];
  if (options.base !== undefined && !isWrittenWithBase(format))
    throw usageError(
      `--base says whose tokenizer and settings a folder gets, and ${format} is written`,
      'Leave --base out, or write a folder with --to safetensors.',
    );
  const named = options.out ?? `${withoutEnding(nameOf(source))}${ending}`;
  // As far as can be told without opening it.
  const isWritten = orElse(() => formatOf(resolve(source)).name === format, false);
  if (options.out === undefined && resolve(named) === resolve(source) && isWritten)
    throw usageError(
      `${source} is ${format} already`,
      `Say with --to what to write: ${CONVERTED_TO.filter((other) => other !== format).join(' or ')}.`,
    );
  const path = isWrittenAsFolder(format)
    ? outputFolder(named, force, (there) => isModelAlone(there, format))
    : outputPath(named, force);
  await runCommand(async () => {
    const { type = null, dequantize = false, base } = options;
    const asked = { path, format, type, dequantize, base: base === undefined ? null : resolve(base) };
    const { made, model, conversion } = await convert(source, asked, settingsFor(options, source));
    const { seconds, warnings, facts } = made;
    for (const warning of warnings) say(`note: ${warning}`);
    const { digest } = model;
    if (options.json === true)
      return printJson({ output: path, model: source, digest, conversion, ...facts, warnings, seconds });
    say(
      `${path}: ${facts.tensors} tensors of ${source} as ${facts.type}, made in ${seconds.toFixed(1)} s from ${formatValue(model.facts.bytes, 'B')}`,
    );
  });
}

/** What a model is called: of a repository its name alone, of a path its last part. */
function nameOf(source: string): string {
  if (isRemote(source)) return basename(source.replace(/^hf:([^:@]*).*$/i, '$1'));
  return basename(resolve(source.replace(/^[a-z][a-z0-9+.-]+:/, '')));
}
