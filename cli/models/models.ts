import { openModel } from '../../artifacts/door/open.js';
import { describeSynthetic } from '../../artifacts/files/synthetic/model.js';
import { formatValue } from '../../core/metrics/format.js';
import { SHAPES } from '../../core/models/shapes.js';
import type { Format } from '../../formats/format.js';
import { headerDetails } from '../../formats/gguf/format.js';
import { FORMATS, formatOf } from '../../formats/index.js';
import { settingsFor } from '../local-models.js';
import { localModels, parameterCount } from '../model-list.js';
import { printTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { runCommand } from '../single/run-command.js';
import type { ModelsOptions } from './command.js';

/**
 * `ridge models`: the shipped models and those of model folders, or one model in detail.
 * @param formats that models may have.
 */
export async function listModels(
  source: string | undefined,
  options: ModelsOptions,
  formats: readonly Format[] = FORMATS,
): Promise<void> {
  if (source !== undefined) return await showModel(source, options, formats);
  const models = localModels(options.models, formats);
  if (options.json === true) return printJson(models);
  printTable(
    ['source', 'format', 'architecture', 'parameters', 'size', 'type', 'context'],
    models.map(({ source: name, facts, problem }) => [
      name,
      facts?.format ?? null,
      problem ?? facts?.architecture ?? null,
      parameterCount(facts?.parameters ?? null),
      facts === null ? null : formatValue(facts.bytes, 'B'),
      facts?.quantization ?? null,
      facts?.contextLength ?? null,
    ]),
  );
  if (options.models.length === 0) say('more: --models DIR looks for models in a folder');
  const shapes = [...SHAPES.keys()].map((name) => `synthetic:${name}`);
  say(`random weights in a published shape, for speed and memory alone: ${shapes.join(', ')}`);
}

async function showModel(source: string, options: ModelsOptions, formats: readonly Format[]): Promise<void> {
  await runCommand(async () => {
    const settings = { ...settingsFor(options, source), formats };
    const model = await openModel(source, settings, null);
    const details =
      model.synthetic === null
        ? formatOf(model.path ?? source, formats).details(model.path ?? source)
        : headerDetails(describeSynthetic(model.synthetic).header);
    if (options.json === true) return printJson({ ...model, ...details });
    const { facts, weightBytes } = model;
    const textOrNotSaid = (value: number | null, text: (value: number) => string) =>
      value === null ? NOT_SAID : text(value);
    const { keyElementsPerToken: keys, valueElementsPerToken: values } = facts;
    const lines: [string, string][] = [
      ['path', model.path ?? 'none: it is written when it is first run'],
      ['digest', model.digest],
      ['format', facts.format],
      ['architecture', facts.architecture ?? NOT_SAID],
      ['parameters', textOrNotSaid(facts.parameters, (value) => value.toLocaleString('en'))],
      ['weights', textOrNotSaid(weightBytes, (value) => formatValue(value, 'B'))],
      ['type', facts.quantization ?? NOT_SAID],
      ['layers', textOrNotSaid(facts.layers, String)],
      ['context', textOrNotSaid(facts.contextLength, (value) => `${value} tokens`)],
      ['KV cache', keys === null || values === null ? NOT_SAID : `${keys + values} elements a token`],
      ['vocabulary', textOrNotSaid(facts.vocabularySize, String)],
      ['tokenizer', details.tokenizer ?? 'none'],
      ['chat template', details.chatTemplate === null ? 'none' : `${details.chatTemplate.length} characters`],
      ['licence', details.license ?? 'not stated'],
    ];
    printData(lines.map(([name, value]) => `${name.padEnd(14)} ${value}`).join('\n'));
    printData('');
    printTable(
      ['tensor', 'type', 'shape', 'size'],
      details.tensors.map((t) => [t.name, t.type, t.shape.join(' × '), formatValue(t.bytes, 'B')]),
    );
  });
}

/** What a format leaves open. */
const NOT_SAID = 'not stated';
