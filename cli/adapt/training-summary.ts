import type { WorkloadOutcome } from '../../agent/workloads/workload.js';
import { besideGguf } from '../../artifacts/files/peft-folder.js';
import { formatPercent, formatValue } from '../../core/metrics/format.js';
import { median } from '../../core/statistics/quantile.js';
import { workError } from '../exit.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';

/** Sums up a training: a table for people, or JSON with every step. */
export function reportTraining(
  { findings, warmups }: WorkloadOutcome,
  { source, threads, json }: { readonly source: string; readonly threads: number; readonly json: boolean },
): void {
  if (findings?.of !== 'training' || findings.kept === null) throw workError('the training gave no result');
  const { record: training, kept } = findings;
  const { stepSeconds, losses, memory, evalBefore, evalAfter } = training;
  const measured = (seconds: readonly number[]) => median(seconds.slice(warmups));
  const whole = measured(stepSeconds.whole);
  const tokensPerSecond = (training.sequencesPerStep * training.windowTokens) / whole;
  const peft = kept.kind === 'adapter' ? besideGguf(kept.path) : null;
  if (json) {
    const { modelPath: _, ...file } = kept;
    printJson({ model: source, threads, tokensPerSecond, made: { ...file, peft }, ...training });
    return;
  }
  const part = (name: 'forward' | 'backward' | 'optimizer') => {
    const seconds = measured(stepSeconds[name]);
    // Medians of parts do not add up to that of the whole; sums do.
    const share = total(stepSeconds[name]) / total(stepSeconds.whole);
    return [name, `${formatValue(seconds, 's')} (${formatPercent(share)})`];
  };
  const total = (seconds: readonly number[]) => seconds.slice(warmups).reduce((a, b) => a + b, 0);
  const loss = (value: number | null | undefined) => value?.toFixed(4) ?? '-';
  printTable(
    ['', ''],
    [
      ['method', training.method],
      [
        'trained',
        `${training.trainableParameters.toLocaleString('en')} of ${training.baseParameters.toLocaleString('en')} parameters`,
      ],
      ['steps', `${losses.length} of ${training.sequencesPerStep} × ${training.windowTokens} tokens`],
      ...(training.examples === undefined
        ? []
        : [
            [
              'learnt',
              `${training.examples.learntTokens.toLocaleString('en')} tokens of answers${training.examples.leftOut === 0 ? '' : `; ${training.examples.leftOut} examples are longer than a window and left out`}`,
            ],
          ]),
      ['loss', `${loss(losses[0])} at the first step, ${loss(losses.at(-1))} at the last`],
      [
        'held out',
        `${loss(evalBefore)} before, ${loss(evalAfter)} after, on ${training.heldOutWindows} windows`,
      ],
      ['step', `${formatValue(whole, 's')}, ${formatValue(tokensPerSecond, 'tokens/s')}`],
      ...(['forward', 'backward', 'optimizer'] as const).map(part),
      ...Object.entries(memory).map(([name, bytes]) => [`${name} memory`, formatValue(bytes, 'B')]),
    ],
  );
  const where = peft === null ? kept.path : `${kept.path} and ${peft}`;
  say(`${where}: ${formatValue(kept.bytes, 'B')}, trained on ${source} with ${threads} threads`);
}
