import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { builtinFolder, builtinNames } from '../../agent/artifacts/source.js';
import { describeSynthetic } from '../../agent/artifacts/synthetic/model.js';
import { toFailure } from '../../core/errors.js';
import type { ModelFacts } from '../../core/experiment/experiment.js';
import { formatValue } from '../../core/metrics/format.js';
import { SHAPES } from '../../core/models/shapes.js';
import { readGgufHeader } from '../../formats/gguf/header.js';
import { formatOf } from '../../formats/index.js';
import { fromFailure } from '../exit.js';
import { modelSettings, openModel } from '../local-models.js';
import { nodeConfig } from '../node-config.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import type { ModelsOptions } from './command.js';

interface Listed {
  readonly source: string;
  readonly path: string;
  /** null with the reason when the file is not usable. */
  readonly facts: ModelFacts | null;
  readonly problem: string | null;
}

/** `ridge models`: the shipped models and the GGUF files of model folders, or one model in detail. */
export async function listModels(source: string | undefined, options: ModelsOptions): Promise<void> {
  if (source !== undefined) return await showModel(source, options);
  const shipped = builtinNames().map(({ name, file }) =>
    inspect(`builtin:${name}`, join(builtinFolder(), file)),
  );
  const found = options.models.flatMap((folder) =>
    ggufFiles(resolve(folder)).map((path) => inspect(path, path)),
  );
  const models = [...shipped, ...found];
  if (options.json === true) {
    printJson(models);
    return;
  }
  printData(
    plainTable(
      ['source', 'architecture', 'parameters', 'size', 'type', 'context'],
      models.map(({ source: name, facts, problem }) => [
        name,
        facts?.architecture ?? problem,
        facts === null ? null : count(facts.parameters),
        facts === null ? null : formatValue(facts.bytes, 'B'),
        facts?.quantization ?? null,
        facts?.contextLength ?? null,
      ]),
    ),
  );
  if (options.models.length === 0) say('more: --models DIR looks for GGUF files in a folder');
  const shapes = [...SHAPES.keys()].map((name) => `synthetic:${name}`);
  say(`random weights in a published shape, for speed and memory alone: ${shapes.join(', ')}`);
}

async function showModel(source: string, options: ModelsOptions): Promise<void> {
  const folders = [...options.models, '.', dirname(source)].map((folder) => resolve(folder));
  try {
    const model = await openModel(source, modelSettings(folders, nodeConfig(options.config)));
    const { tensors, metadata } =
      model.synthetic === null
        ? readGgufHeader(model.path ?? source)
        : describeSynthetic(model.synthetic).header;
    if (options.json === true) {
      printJson({ ...model, tensors });
      return;
    }
    const license = metadata.get('general.license');
    const lines: [string, string][] = [
      ['path', model.path ?? 'none: it is written when it is first run'],
      ['digest', model.digest],
      ['architecture', model.facts.architecture],
      ['parameters', model.facts.parameters.toLocaleString('en')],
      ['weights', formatValue(model.weightBytes, 'B')],
      ['type', model.facts.quantization],
      ['layers', String(model.facts.layers)],
      ['context', `${model.facts.contextLength} tokens`],
      ['KV cache', `${model.facts.keyElementsPerToken + model.facts.valueElementsPerToken} elements a token`],
      ['vocabulary', String(model.facts.vocabularySize)],
      ['licence', typeof license === 'string' ? license : 'not stated'],
    ];
    printData(lines.map(([name, value]) => `${name.padEnd(13)} ${value}`).join('\n'));
    printData('');
    printData(
      plainTable(
        ['tensor', 'type', 'shape', 'size'],
        tensors.map((t) => [t.name, t.type, t.shape.join(' × '), formatValue(t.bytes, 'B')]),
      ),
    );
  } catch (error) {
    throw fromFailure(toFailure(error));
  }
}

function inspect(source: string, path: string): Listed {
  try {
    const { facts, weightBytes } = formatOf(path).inspect(path);
    return { source, path, facts: { ...facts, bytes: weightBytes }, problem: null };
  } catch (error) {
    return { source, path, facts: null, problem: `not usable: ${(error as Error).message}` };
  }
}

/** GGUF files of a folder, two levels deep: as people keep them. */
function ggufFiles(folder: string, depth = 2): string[] {
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    say(`${folder}: ${(error as NodeJS.ErrnoException).code}`);
    return [];
  }
  return names.flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      return depth > 1 && !basename(path).startsWith('.') ? ggufFiles(path, depth - 1) : [];
    }
    return name.endsWith('.gguf') ? [path] : [];
  });
}

/** `8.4 M`, `1.2 G`: parameters as model cards write them. */
function count(parameters: number): string {
  if (parameters >= 1e9) return `${(parameters / 1e9).toFixed(1)} G`;
  return `${(parameters / 1e6).toFixed(1)} M`;
}
