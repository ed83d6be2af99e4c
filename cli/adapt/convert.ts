import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { loadAdapter } from '../../artifacts/adapters/load.js';
import { writePeft } from '../../artifacts/adapters/peft-writer.js';
import { locateAdapter } from '../../artifacts/adapters/source.js';
import { isNamedAs } from '../../core/models/formats.js';
import { parametersOf, ranksOf, targetsOf } from '../../core/techniques/adapters/adapter.js';
import { adapterBase } from '../../formats/adapters/base.js';
import { canAttach, writeAdapterGguf } from '../../formats/adapters/gguf.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { usageError } from '../exit.js';
import { printJson, say } from '../output/print.js';
import { outputPath } from '../single/output-path.js';
import { runCommand } from '../single/run-command.js';
import type { ConvertOptions } from './command.js';
import { openBase, settingsOf } from './open.js';

/** `ridge adapt convert`: from PEFT to GGUF, or back; PiSSA and OLoRA become the LoRA of rank 2r that they are on the base. */
export async function convertAdapter(source: string, output: string, options: ConvertOptions): Promise<void> {
  const toGguf = isNamedAs('gguf', output);
  const path = toGguf
    ? outputPath(output, options.force === true)
    : folderPath(output, options.force === true);
  const settings = settingsOf(options, [source, options.model]);
  await runCommand(async () => {
    const { place } = await locateAdapter(source, settings);
    const base = await openBase(options.model, settings);
    const request = { source, place, basePath: base.path, baseName: options.model };
    const { adapter, warnings } = await loadAdapter(request);
    for (const warning of warnings) say(`note: ${warning}`);
    if (toGguf) await writeAdapterGguf(path, adapter, { name: source, type: options.type });
    else await writePeft(path, adapter, adapterBase(readGgufHeader(base.path)), { baseModel: options.model });
    const attachable = canAttach(adapter);
    if (options.json === true) {
      const facts = { kind: adapter.kind, ranks: ranksOf(adapter), targets: targetsOf(adapter) };
      const parameters = parametersOf(adapter);
      printJson({ output: path, source, model: options.model, ...facts, parameters, attachable });
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
