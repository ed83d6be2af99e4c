import type { prune } from '../../artifacts/door/make.js';
import { groupBy } from '../../core/maps.js';
import { formatValue, NO_VALUE } from '../../core/metrics/format.js';
import { tensorOf } from '../../core/techniques/pruning/plan.js';
import { type PrunedLayerReport, type PruneReport, totalsOf } from '../../core/techniques/pruning/summary.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';

/** What was made of a model. */
export type Written = Awaited<ReturnType<typeof prune>> & {
  readonly path: string;
  readonly pruned: PruneReport;
  readonly threads: number;
};

/** Sums up what pruning did: a table by kind of layer or by layer for people, or JSON with everything. */
export function report(
  { path, made, pruned, packed, threads }: Written,
  { json, perLayer }: { readonly json: boolean; readonly perLayer: boolean },
): void {
  const { warnings, seconds } = made;
  if (json) {
    const { computedOn = null, computedOnReason = null } = made.facts;
    const computed = { computedOn, computedOnReason };
    printJson({
      output: path,
      ...pruned,
      totals: totalsOf(pruned),
      ...computed,
      packed,
      warnings,
      seconds,
      threads,
    });
    return;
  }
  const groups = groupsOf(pruned, perLayer);
  printTable(HEADERS, [...groups, ['all', pruned.layers] as const].map(rowOf));
  for (const warning of warnings) say(`note: ${warning}`);
  const { statisticsSeconds, maskSeconds, minExpertTokens, medianExpertTokens } = totalsOf(pruned);
  if (minExpertTokens !== null)
    say(
      `note: an expert saw ${minExpertTokens} calibration tokens at least, ${medianExpertTokens} in the median`,
    );
  const parts = `statistics ${formatValue(statisticsSeconds, 's')}, masks ${formatValue(maskSeconds, 's')}`;
  say(`${path}: ${pruned.word}, made in ${seconds.toFixed(1)} s with ${threads} threads (${parts})`);
  if (packed === null) return;
  const size = formatValue(packed.fileBytes, 'B');
  say(
    `${packed.path}: ${packed.format} of ${packed.type}, ${size}, ${packed.bitsPerWeight.toFixed(2)} bits per weight`,
  );
}

const HEADERS = ['layer', 'sparsity', 'rows', 'changed', '|e| first', '|e|', 'error first', 'error', 'mask'];

type Group = readonly [string, readonly PrunedLayerReport[]];

/** Layers by kind, `ffn_down`, in the order in which they come, experts together; or each by itself. */
function groupsOf({ layers }: PruneReport, perLayer: boolean): Group[] {
  const kindOf = (name: string) => (perLayer ? name : tensorOf(name).tensor.replace(/^blk\.\d+\./, ''));
  return [...groupBy(layers, ({ name }) => kindOf(name).replace(/\.weight$/, ''))];
}

function rowOf([name, layers]: Group): (string | number | null)[] {
  const totals = totalsOf({ word: '', calibration: null, layers });
  return [
    name,
    percent(totals.sparsity),
    `${percent(totals.minRowSparsity)}–${percent(totals.maxRowSparsity)}`,
    totals.changedWeights + totals.updatedWeights,
    short(totals.meanAbsoluteErrorBefore),
    short(totals.meanAbsoluteErrorAfter),
    percent(totals.relativeOutputErrorBefore),
    percent(totals.relativeOutputErrorAfter),
    formatValue(totals.maskSeconds, 's'),
  ];
}

const percent = (value: number | null) => (value === null ? NO_VALUE : `${(100 * value).toFixed(1)}%`);
const short = (value: number | null) => (value === null ? NO_VALUE : value.toPrecision(3));
