import { basename } from 'node:path';
import { readExits } from '../../agent/door/answers.js';
import { formatOf } from '../../formats/index.js';
import { usageError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson } from '../output/print.js';
import { asking, openAsked } from '../quality/asked.js';
import { textFile } from '../single/text-file.js';
import type { ExitsOptions } from './command.js';

/** `ridge exits`: checks every word first, then asks the model at each depth in a child process. */
export async function runExits(source: string, options: ExitsOptions): Promise<void> {
  const thresholds = numbers(options.thresholds);
  if (thresholds.length === 0 || thresholds.some((value) => !(value >= 0 && value <= 1)))
    throw usageError(`--thresholds ${options.thresholds} has to be numbers from 0 to 1, such as 0.3,0.7`);
  const text = textFile(options.text);
  const model = await openAsked(source, options);
  const { layers: allLayers } = model.facts;
  if (model.path === null || formatOf(model.path).name !== 'gguf' || allLayers === null)
    throw usageError(
      `${source} is no GGUF file with layers, and those alone are cut`,
      'Convert it first: ridge models convert.',
    );
  const { context, maxWindows } = options;
  const asked = {
    layers: layersOf(options.layers, allLayers),
    allLayers,
    path: text,
    thresholds,
    windows: { scheme: 'llama', context, stride: null, maxWindows },
  } as const;
  const file = { ...model, path: model.path };
  const found = await asking((watch) => readExits(file, asked, options, watch));
  if (options.json === true)
    return printJson({
      schema: 'ridgepoint.dev/exits/v1',
      model: { source, digest: model.digest },
      text,
      ...found,
    });
  printData(tables(found, basename(text)));
}

const numbers = (list: string) =>
  list.split(',').map((item) => (item.trim() === '' ? Number.NaN : Number(item)));

/** @throws CommandError (exit code 2) for exits that the model cannot have. */
function layersOf(list: string | undefined, all: number): number[] {
  const wanted =
    list === undefined ? [1, 2, 3].map((quarter) => Math.round((quarter * all) / 4)) : numbers(list);
  const layers = [...new Set(wanted)].sort((a, b) => a - b);
  if (layers.every((count) => Number.isInteger(count) && count >= 1 && count < all)) return layers;
  throw usageError(
    `--layers ${list ?? layers.join(',')}: the model has ${all} layers, and an exit is behind 1 to ${all - 1} of them`,
  );
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
const milliseconds = (seconds: number) => `${(1000 * seconds).toFixed(3)} ms`;

function tables({ tokens, fixed, confident }: Awaited<ReturnType<typeof readExits>>, text: string): string {
  const depths = fixed.map(({ layers }) => layers);
  return [
    `${tokens} tokens of ${text}`,
    '',
    plainTable(
      ['exit behind', 'perplexity', 'same token as the whole', 'fastest decode step'],
      fixed.map(({ layers, perplexity, agreement, stepSeconds }) => [
        `${layers} layers`,
        perplexity.toFixed(3),
        percent(agreement),
        milliseconds(stepSeconds),
      ]),
    ),
    '',
    plainTable(
      [
        'gap at least',
        'layers on average',
        ...depths.map((layers) => `left at ${layers}`),
        'perplexity',
        'same token',
        'speed-up at most',
      ],
      confident.map(({ threshold, meanLayers, shares, perplexity, agreement, speedupAtMost }) => [
        String(threshold),
        meanLayers.toFixed(2),
        ...shares.map(percent),
        perplexity.toFixed(3),
        percent(agreement),
        `${speedupAtMost.toFixed(2)} ×`,
      ]),
    ),
    '',
    'The speed-up is a bound: an exit costs the output matrix each time that it is asked, and layers that were skipped owe keys and values to later tokens.',
  ].join('\n');
}
