import { formatPercent, formatValue } from '../../core/metrics/format.js';
import type { ServingFit } from '../../roofline/fit/serving-goal.js';
import type { TrainingFit } from '../../roofline/fit/training.js';
import { plainTable, tableOf } from '../output/plain-table.js';
import { bandText } from '../roofline/table.js';

const lacks = (misses: readonly string[]) => (misses.length === 0 ? 'yes' : `no: ${misses.join(', ')}`);

/** `tensor 4`, `2 stages × tensor 2`, `experts 8`: how devices share the model. */
function splitText({ split: { tensor, pipeline, expert } }: ServingFit): string {
  const parts = [
    ...(pipeline > 1 ? [`${pipeline} stages`] : []),
    ...(tensor > 1 ? [`tensor ${tensor}`] : []),
    ...(expert > 1 ? [`experts ${expert}`] : []),
  ];
  return parts.length === 0 ? 'whole' : parts.join(' × ');
}

/**
 * One line a device: how many and how they share the model, what each holds, how long a user waits, and how
 * far it is from its limits. What goes over links in a step, and what stays with the host, have columns where
 * there is any.
 */
export function servingTable(fits: readonly ServingFit[]): string {
  const sends = fits.some(({ stepLinkBytes }) => stepLinkBytes > 0);
  const predicts = fits.some(({ source }) => source !== null);
  const offloads = fits.some(({ offload }) => offload > 0);
  return plainTable(
    [
      ...['device', 'number', 'split', 'memory each', 'of'],
      ...(offloads ? ['with the host'] : []),
      ...['TTFT', 'TPOT', 'throughput'],
      ...(sends ? ['link', 'link time'] : []),
      ...(predicts ? ['90 % band of TPOT', 'times from'] : []),
      ...['largest batch', 'fits'],
    ],
    fits.map((fit) => [
      fit.hardware,
      fit.devices,
      splitText(fit),
      formatValue(fit.memoryBytes, 'B'),
      formatValue(fit.roomBytes, 'B'),
      ...(offloads ? [fit.offload === 0 ? null : formatPercent(fit.offload)] : []),
      formatValue(fit.firstTokenSeconds, 's'),
      formatValue(fit.tokenSeconds, 's'),
      formatValue(fit.tokensPerSecond, 'tokens/s'),
      ...(sends ? linkCells(fit) : []),
      ...(predicts ? sourceCells(fit) : []),
      fit.largestBatch === 0 ? null : fit.largestBatch,
      lacks(fit.misses),
    ]),
  );
}

/** A prediction says whose tables it follows from. */
function sourceCells({ tokenSeconds: seconds, spread, source }: ServingFit) {
  if (source === null || spread === null) return [null, 'assumed'];
  return [bandText({ seconds, spread }), source];
}

function linkCells({ stepLinkBytes, stepLinkSeconds }: ServingFit) {
  if (stepLinkBytes === 0) return [null, null];
  return [formatValue(stepLinkBytes, 'B'), formatValue(stepLinkSeconds, 's')];
}

/** One line a device: how many, and what each of them holds by kind. */
export function trainingTable(fits: readonly TrainingFit[]): string {
  const holds = (kind: keyof TrainingFit['memory']) => (fit: TrainingFit) =>
    formatValue(fit.memory[kind], 'B');
  return tableOf(fits, {
    device: ({ hardware }) => hardware,
    number: ({ devices }) => devices,
    weights: holds('weights'),
    gradients: holds('gradients'),
    optimizer: holds('optimizer'),
    activations: holds('activations'),
    'memory each': holds('bytes'),
    of: ({ roomBytes }) => formatValue(roomBytes, 'B'),
    step: ({ stepSeconds }) => formatValue(stepSeconds, 's'),
    throughput: ({ tokensPerSecond }) => formatValue(tokensPerSecond, 'tokens/s'),
    fits: ({ misses }) => lacks(misses),
  });
}
