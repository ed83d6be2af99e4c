import type { MetricName } from '../../../core/metrics/catalogue.js';
import { type Board, board, MODEL, SWEEP } from '../board.js';
import { shown } from '../metric.js';
import { bars, grid, type Sized } from '../panels.js';
import { medianBy, named, results, withAxis } from '../query.js';
import { scatter } from '../scatter.js';

const MEDIAN =
  'Each value is the median over whatever else the chosen results differ in: choose one sweep that varies little else.';

/** Quality stands next to speed, for each technique on its own. */
const COLUMNS: readonly (readonly [string, MetricName])[] = [
  ['decode', 'decodeTokensPerSecond'],
  ['prefill', 'prefillTokensPerSecond'],
  ['weights', 'modelBytes'],
  ['memory', 'peakResidentBytes'],
  ['perplexity', 'perplexity'],
  ['over base', 'perplexityRatio'],
  ['KL', 'klDivergenceNats'],
  ['same token', 'topAgreementRatio'],
  ['energy/token', 'energyPerOutputTokenJoules'],
];

/** Quantization, sparsity, attention and adapters side by side. */
export function techniquesBoard(): Board {
  return board({
    name: 'techniques',
    title: 'Techniques',
    description:
      'What quantization, sparsity, attention and adapters cost and give: quality next to speed, memory and energy.',
    variables: [SWEEP, MODEL],
    rows: [
      {
        title: 'Quality against speed',
        panels: [
          tradeOff('Speed and perplexity, by quantization', 'quantization'),
          tradeOff('Speed and perplexity, by sparsity', 'sparsity'),
          scatter({
            title: 'Size and divergence',
            description: `${shown('klDivergenceNats').help} ${shown('modelBytes').help}`,
            x: axis('weights', 'modelBytes', 'quantization'),
            y: axis('KL divergence', 'klDivergenceNats', 'quantization'),
          }),
          scatter({
            title: 'Memory and speed, by adapter',
            description: `${shown('peakResidentBytes').help} ${shown('decodeTokensPerSecond').help}`,
            x: axis('memory', 'peakResidentBytes', 'adapter'),
            y: axis('decode', 'decodeTokensPerSecond', 'adapter'),
          }),
        ],
      },
      {
        title: 'Side by side',
        panels: ['quantization', 'sparsity', 'attention', 'adapter'].map(sideBySide),
      },
      {
        title: 'What a technique makes of a model',
        panels: [
          barsByTechnique('Compression', 'compressionRatio', 'quantization'),
          barsByTechnique('Zeros among the pruned weights', 'weightSparsityRatio', 'sparsity'),
          barsByTechnique('Time to make the file', 'makeSeconds', 'quantization'),
          barsByTechnique('Adapter beside the weights', 'adapterBytes', 'adapter'),
        ],
      },
    ],
  });
}

/** `quantization` is a label of every result; the other techniques come from what an experiment is. */
function labelled(metric: MetricName, technique: string): string {
  return technique === 'quantization' ? results(metric) : withAxis(results(metric), technique);
}

function axis(name: string, metric: MetricName, technique: string) {
  return { name, unit: shown(metric).unit, expr: named(`(${labelled(metric, technique)})`, [technique]) };
}

function tradeOff(title: string, technique: string): Sized {
  return scatter({
    title,
    description: `${shown('decodeTokensPerSecond').help} ${shown('perplexity').help}`,
    x: axis('decode', 'decodeTokensPerSecond', technique),
    y: axis('perplexity', 'perplexity', technique),
  });
}

function sideBySide(technique: string): Sized {
  return grid({
    title: `By ${technique}`,
    description: `${MEDIAN} An empty cell was not measured.`,
    by: [technique],
    height: 7,
    columns: COLUMNS.map(([name, metric]) => ({
      name,
      unit: shown(metric).unit,
      expr: medianBy(technique, labelled(metric, technique)),
    })),
  });
}

function barsByTechnique(title: string, metric: MetricName, technique: string): Sized {
  return bars({
    title,
    description: `${shown(metric).help} ${MEDIAN}`,
    unit: shown(metric).unit,
    lines: { [`{{${technique}}}`]: medianBy(technique, labelled(metric, technique)) },
  });
}
