import { openAdapter } from '../../artifacts/door/make.js';
import { formatValue } from '../../core/metrics/format.js';
import {
  type LowRankAdapter,
  parametersOf,
  rankOf,
  ranksOf,
  targetOf,
  targetsOf,
} from '../../core/techniques/adapters/adapter.js';
import { canAttach } from '../../formats/adapters/gguf.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';
import { runCommand } from '../single/run-command.js';
import type { InspectOptions } from './command.js';
import { settingsOf } from './open.js';

/** `ridge adapt inspect`: what an adapter is, and, held against a model, whether it fits. */
export async function inspectAdapter(source: string, options: InspectOptions): Promise<void> {
  const { model } = options;
  const settings = settingsOf(options, model === undefined ? [source] : [source, model]);
  await runCommand(async () => {
    const opened = await openAdapter(source, model ?? null, settings);
    const { adapter, warnings, located } = opened;
    for (const warning of warnings) say(`note: ${warning}`);
    const targets = targetsOf(adapter).map((target) => ({ target, ...factsOf(adapter, target) }));
    const facts = {
      kind: adapter.kind,
      architecture: adapter.architecture,
      ranks: ranksOf(adapter),
      matrices: adapter.layers.size,
      parameters: parametersOf(adapter),
      onResidual: adapter.onResidual,
      attachable: canAttach(adapter),
    };
    if (options.json === true) {
      const { digest, bytes, place } = located;
      printJson({ source, form: place.form, digest, bytes, model: model ?? null, ...facts, targets });
      return;
    }
    const rows = targets.map((one) => [one.target, one.shape, one.layers, one.rank, one.scale, one.size]);
    printTable(['matrix', '[out, in]', 'layers', 'rank', 'scale', '|scale B A| at most'], rows);
    say(
      `${source}: ${facts.kind} for ${facts.architecture}, ${facts.parameters.toLocaleString('en')} numbers, ${formatValue(located.bytes, 'B')}`,
    );
    if (adapter.onResidual !== null)
      say(
        `note: it fits what ${adapter.onResidual} left of its base; with --model it is put onto the base itself`,
      );
    else if (!facts.attachable)
      say('note: it can be merged, not attached: DoRA scales whole rows of the base');
    if (model !== undefined) say(`it fits ${model}`);
  });
}

/** What the layers of one kind of matrix have in common, or from what to what they go. */
function factsOf({ layers }: LowRankAdapter, target: string) {
  const own = [...layers].filter(([name]) => targetOf(name) === target).map(([, layer]) => layer);
  const span = (values: readonly number[]) => {
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const text = (value: number) => String(Number(value.toPrecision(4)));
    return least === most ? text(least) : `${text(least)} to ${text(most)}`;
  };
  const first = own[0]!;
  return {
    shape: `[${first.b.rows}, ${first.a.columns}]`,
    layers: own.length,
    rank: span(own.map(rankOf)),
    scale: span(own.map(({ scale }) => scale)),
    size: Number(Math.max(...own.map(largestBound)).toPrecision(3)),
  };
}

/**
 * A bound of the largest entry of scale · B · A, from the lengths of rows and columns (Cauchy and Schwarz).
 */
function largestBound({ a, b, scale }: ReturnType<LowRankAdapter['layers']['get']> & object): number {
  let rows = 0;
  for (let row = 0; row < b.rows; row++) {
    let squares = 0;
    for (let k = 0; k < b.columns; k++) squares += b.values[row * b.columns + k]! ** 2;
    rows = Math.max(rows, squares);
  }
  let columns = 0;
  for (let i = 0; i < a.columns; i++) {
    let squares = 0;
    for (let k = 0; k < a.rows; k++) squares += a.values[k * a.columns + i]! ** 2;
    columns = Math.max(columns, squares);
  }
  return Math.abs(scale) * Math.sqrt(rows * columns);
}
