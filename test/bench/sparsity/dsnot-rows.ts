import type { AxisValue } from '../../../core/experiment/experiment.js';
import type { ResultRecord } from '../../../core/result/result.js';
import { patternName } from '../../../core/techniques/pruning/pattern.js';
import type { PruneTotals } from '../../../core/techniques/pruning/summary.js';
import { readSparsity } from '../../../core/techniques/sparsity.js';

/** One variant of the table. */
export interface DsnotRow {
  readonly amount: string;
  /** magnitude, wanda, sparsegpt; null for the dense model. */
  readonly initial: string | null;
  readonly mode: 'none' | 'strict' | 'reference';
  readonly perplexity: number;
  readonly klDivergence: number | null;
  readonly totals: PruneTotals | null;
}

const INITIALS = ['magnitude', 'wanda', 'sparsegpt'];
const MODES = ['none', 'strict', 'reference'];
export const AMOUNTS = ['50%', '60%', '70%', '2:4'];

/** @returns the row of a record; null for one without a perplexity. */
export function rowOf({ experiment, measurements, artifact }: ResultRecord): DsnotRow | null {
  const reading = readSparsity(experiment.technique.sparsity);
  const perplexity = measurements.perplexity?.value ?? null;
  if (!reading.ok || perplexity === null) return null;
  const klDivergence = measurements.klDivergenceNats?.value ?? null;
  const common = { perplexity, klDivergence };
  if (reading.value === null) return { amount: '', initial: null, mode: 'none', totals: null, ...common };
  const { method, pattern } = reading.value;
  const facts: Readonly<Record<string, AxisValue>> | undefined = artifact?.steps.at(-1)?.facts;
  return {
    amount: patternName(pattern),
    initial: method.kind === 'dsnot' ? method.initial : method.kind,
    mode: method.kind === 'dsnot' ? method.settings.mode : 'none',
    totals: (facts as PruneTotals | undefined) ?? null,
    ...common,
  };
}

/** @returns a markdown table, in the order of the paper's. */
export function markdown(rows: readonly DsnotRow[]): string {
  const place = ({ amount, initial, mode }: DsnotRow) =>
    AMOUNTS.indexOf(amount) * 100 + INITIALS.indexOf(initial ?? '') * 10 + MODES.indexOf(mode);
  const header = [
    'pruned',
    'method',
    'perplexity',
    'KLD',
    'mean \\|e\\| first → last',
    'output MSE first → last',
    'changed',
    'sparsity of rows',
    'statistics',
    'mask',
  ];
  const lines = rows
    .toSorted((a, b) => place(a) - place(b))
    .map((row) => [
      row.amount || '–',
      nameOf(row),
      row.perplexity.toFixed(2),
      row.klDivergence === null ? '–' : row.klDivergence.toFixed(4).replace(/^-(?=[0.]+$)/, ''),
      ...cells(row.totals),
    ]);
  return [header, header.map(() => '---'), ...lines].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

export function nameOf({ initial, mode }: DsnotRow): string {
  if (initial === null) return 'dense';
  return mode === 'none' ? initial : `${initial} + DSnoT ${mode}`;
}

function cells(totals: PruneTotals | null): string[] {
  if (totals === null) return ['–', '–', '–', '–', '–', '–'];
  const change = (first: number | null, last: number | null, digits: number) =>
    first === null || last === null ? '–' : `${first.toPrecision(digits)} → ${last.toPrecision(digits)}`;
  const percent = (value: number) => `${(100 * value).toFixed(1)}`;
  return [
    change(totals.meanAbsoluteErrorBefore, totals.meanAbsoluteErrorAfter, 3),
    change(totals.outputMeanSquareBefore, totals.outputMeanSquareAfter, 3),
    String(totals.changedWeights + totals.updatedWeights),
    `${percent(totals.minRowSparsity)}–${percent(totals.maxRowSparsity)} %`,
    `${totals.statisticsSeconds.toFixed(1)} s`,
    `${totals.maskSeconds.toFixed(2)} s`,
  ];
}

/** Every place where a method that should be better, by the paper, has the higher perplexity. */
export function surprises(rows: readonly DsnotRow[]): string[] {
  const at = (amount: string, initial: string, mode: DsnotRow['mode']) =>
    rows.find((row) => row.amount === amount && row.initial === initial && row.mode === mode);
  const found: string[] = [];
  const expect = (better: DsnotRow | undefined, worse: DsnotRow | undefined) => {
    if (better === undefined || worse === undefined || better.perplexity <= worse.perplexity) return;
    found.push(
      `at ${better.amount} ${nameOf(better)} has ${better.perplexity.toFixed(2)}, ${nameOf(worse)} ${worse.perplexity.toFixed(2)}`,
    );
  };
  for (const amount of AMOUNTS) {
    for (const initial of INITIALS) {
      for (const mode of ['strict', 'reference'] as const)
        expect(at(amount, initial, mode), at(amount, initial, 'none'));
    }
    expect(at(amount, 'wanda', 'none'), at(amount, 'magnitude', 'none'));
    expect(at(amount, 'sparsegpt', 'none'), at(amount, 'wanda', 'none'));
  }
  return found;
}
