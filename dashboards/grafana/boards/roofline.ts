import { type Board, type BoardRow, board, choice, MODEL, SWEEP } from '../board.js';
import { shown, UNIT } from '../metric.js';
import { axis, column, top } from '../of-metric.js';
import { grid } from '../panels.js';
import { chosen, named } from '../query.js';
import { LINE, scatter } from '../scatter.js';

const ON_NODE = 'node=~"$node"';
const POINT = ['experiment', 'node', 'device', 'phase'] as const;
const PEAK = `ridgepoint_roof_flops_per_second{${ON_NODE}}`;
const BANDWIDTH = `ridgepoint_roof_bytes_per_second{${ON_NODE}}`;
const ROOF = ['kind', 'level', 'arithmetic', 'threads', 'origin', 'node', 'device'] as const;

/** How far from the ridge a roof is drawn to either side: two decades. */
const REACH = 100;

/** Measured points on the roofs of their nodes. */
export function rooflineBoard(): Board {
  return board({
    name: 'roofline',
    title: 'Roofline',
    description:
      'Where phases of results stand under the ceilings of their node, and how well their time was predicted.',
    variables: [
      SWEEP,
      MODEL,
      choice('node', 'Node', 'ridgepoint_roof_flops_per_second', 'Nodes whose results stand under a roof'),
    ],
    rows: [rooflineRow, sharesRow, predictionRow],
  });
}

const rooflineRow: BoardRow = {
  title: 'Roofline',
  panels: [
    scatter({
      title: 'Points on the roofs of their nodes',
      description:
        'FLOP/s over FLOP per byte of weights and cache, both logarithmic. A roof is min(peak, bandwidth × intensity) at the threads of the trials below it; "measured" roofs are the node\'s own, "published" ones its maker\'s. A point above a slope was served by a cache.',
      width: 24,
      height: 16,
      x: {
        name: 'FLOP per byte',
        unit: UNIT.flopsPerByte,
        log: true,
        expr: `${phases('ridgepoint_phase_flops_per_byte')} or ${corners('intensity')}`,
      },
      y: {
        name: 'FLOP/s',
        unit: UNIT.flops,
        log: true,
        expr: `${phases('ridgepoint_phase_flops_per_second')} or ${corners('rate')}`,
      },
    }),
    grid({
      title: 'Roofs',
      description:
        'The ceilings that the chosen results stand under, and where each turns from bandwidth to arithmetic.',
      by: ['node', 'device', 'level', 'arithmetic', 'threads', 'origin'],
      height: 6,
      columns: [
        { name: 'peak', unit: UNIT.flops, expr: PEAK },
        { name: 'bandwidth', unit: UNIT.bytesPerSecond, expr: BANDWIDTH },
        { name: 'ridge point', unit: UNIT.flopsPerByte, expr: `${PEAK} / ${BANDWIDTH}` },
      ],
    }),
  ],
};

const sharesRow: BoardRow = {
  title: 'Share of the roof',
  panels: [
    top('Prefill: percent of roof', 'prefillRoofRatio'),
    top('Decoding: percent of roof', 'decodeRoofRatio'),
    top('Prefill: model FLOPs utilization', 'prefillModelFlopsUtilizationRatio'),
    top('Decoding: model bandwidth utilization', 'decodeModelBandwidthUtilizationRatio'),
    top('Servers: percent of roof', 'servingRoofRatio'),
    top('Servers: model bandwidth utilization', 'servingModelBandwidthUtilizationRatio'),
  ],
};

const predictionRow: BoardRow = {
  title: 'Prediction',
  panels: [
    scatter({
      title: 'Predicted and measured time of a token',
      description: `${shown('timePerOutputTokenSeconds').help} ${shown('predictedTimePerOutputTokenSeconds').help}`,
      x: { ...axis('measured', 'timePerOutputTokenSeconds'), log: true },
      y: { ...axis('predicted', 'predictedTimePerOutputTokenSeconds'), log: true },
    }),
    grid({
      title: 'Error of the prediction',
      description: `${shown('decodePredictionErrorRatio').help} Without factors of the engine on the node (\`ridge factors\`) nothing is predicted.`,
      by: ['model', 'quantization', 'node', 'experiment'],
      width: 12,
      height: 12,
      columns: [
        column('prefill', 'prefillPredictionErrorRatio'),
        column('decode', 'decodePredictionErrorRatio'),
      ],
    }),
  ],
};

function phases(series: string): string {
  return named(chosen(series, ON_NODE), ['phase', 'quantization'], POINT);
}

/**
 * Three corners for each roof, in order of intensity: on its slope, at its ridge, on its flat.
 * A slope's point is 1/REACH of the peak at 1/REACH of the ridge's intensity, for there bandwidth decides.
 */
function corners(coordinate: 'intensity' | 'rate'): string {
  const cornerAt = (corner: string, vector: string): string => {
    const marked = `label_replace(label_replace(${vector}, "corner", "${corner}", "", ""), "kind", "${LINE.trim()}", "", "")`;
    return named(marked, ROOF, [...ROOF, 'corner']);
  };
  const ridge = `${PEAK} / ${BANDWIDTH}`;
  return (
    coordinate === 'intensity'
      ? [
          cornerAt('slope', `${ridge} / ${REACH}`),
          cornerAt('ridge', ridge),
          cornerAt('flat', `${ridge} * ${REACH}`),
        ]
      : [cornerAt('slope', `${PEAK} / ${REACH}`), cornerAt('ridge', PEAK), cornerAt('flat', PEAK)]
  ).join(' or ');
}
