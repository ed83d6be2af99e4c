import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { convertAdapter } from '../../artifacts/door/make.js';
import { isNamedAs } from '../../core/models/formats.js';
import { parametersOf, ranksOf, targetsOf } from '../../core/techniques/adapters/adapter.js';
import { canAttach } from '../../formats/adapters/gguf.js';
import { usageError } from '../exit.js';
import { printJson, say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { ConvertOptions } from './command.js';
import { settingsOf } from './open.js';

/**
 * `ridge adapt convert`: from PEFT to GGUF, or back; PiSSA and OLoRA become the LoRA of rank 2r that they are
 * on the base.
 */
export async function convertOne(source: string, output: string, options: ConvertOptions): Promise<void> {
  const toGguf = isNamedAs('gguf', output);
  const path = toGguf
    ? outputPath(output, options.force === true)
    : folderPath(output, options.force === true);
  const settings = settingsOf(options, [source, options.model]);
  await runCommand(async () => {
    const { model } = options;
    const type = toGguf ? options.type : null;
    const adapter = await convertAdapter(source, model, path, type, settings);
    const attachable = canAttach(adapter);
    if (options.json === true) {
      const facts = { kind: adapter.kind, ranks: ranksOf(adapter), targets: targetsOf(adapter) };
      const parameters = parametersOf(adapter);
      printJson({ output: path, source, model, ...facts, parameters, attachable });
      return;
    }
    say(
      `${path}: ${adapter.kind} of rank ${ranksOf(adapter).join(', ')} on ${adapter.layers.size} matrices${toGguf ? ` as ${options.type}` : ''}`,
    );
    if (toGguf && !attachable)
      say(
        'note: llama.cpp cannot attach it (DoRA scales whole rows of the base); ridge adapt merge can merge it',
      );
  });
}

function folderPath(output: string, force: boolean): string {
  const path = resolve(output);
  const there = statSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isDirectory())
    throw usageError(`${output} is a file`, 'Name a folder for PEFT, or a file that ends with .gguf.');
  if (there !== undefined && !force)
    throw usageError(`${output} is there already`, 'Use --force to write into it.');
  return path;
}
