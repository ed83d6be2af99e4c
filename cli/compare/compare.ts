import { COMPARED_METRICS } from '../../core/metrics/catalogue.js';
import { apartSentences, type Correction, correctionsOf, runsApart } from '../../report/apart.js';
import { type ColumnChoice, chosenMetrics } from '../../report/column-sets.js';
import { type Change, changesOf, type Matched, matchRows } from '../../report/compare.js';
import { judgeGate } from '../../report/gate.js';
import type { Row } from '../../report/rows.js';
import { EXIT, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { terminalStyle } from '../output/terminal.js';
import type { CompareOptions } from './command.js';
import { printPeers, readPeers } from './peers.js';
import { changesCsv, changesMarkdown, changesTable } from './render.js';
import { readSide } from './side.js';

/** The version of the JSON; fields are only ever added to it. */
const SCHEMA = 'ridgepoint.dev/comparison/v1';

/** `ridge compare`. @returns the exit code: 3 when a gate is not met. */
export async function printComparison(a: string, b: string, options: CompareOptions): Promise<number> {
  const peers = readPeers(b);
  if (peers !== null) {
    printPeers(readSide(a), peers, b, options);
    return EXIT.ok;
  }
  const [before, after] = [readSide(a), readSide(b)];
  const apart = new Set([...before.chosen, ...after.chosen]);
  const matched = matchRows(before.report, after.report, apart);
  if (matched.pairs.length === 0) {
    throw usageError(
      `no experiment of ${b} is one of ${a}: they differ in their settings`,
      'Choose rows on both sides: run#quantization=f16 run#quantization=q4_k_m, or run#3 run#7.',
    );
  }
  const rows = matched.pairs.flatMap((pair) => [pair.a, pair.b]);
  const metrics = metricsOf(
    rows,
    options.columns ?? null,
    options.gate.map(({ metric }) => metric),
  );
  const runs = runsApart(before.report, after.report, options);
  const changes = changesOf(matched.pairs, metrics, runs);
  const outcomes = options.gate.map((gate) => judgeGate(gate, changes));
  const broken = outcomes.flatMap((outcome) => outcome.broken);
  const undecided = outcomes.flatMap((outcome) => outcome.undecided);
  const rates = metrics.filter((metric) =>
    changes.some((change) => change.metric === metric && change.correction !== 1),
  );
  const corrections = correctionsOf(runs, matched.pairs, rates);
  const drift = apartSentences(runs, corrections);
  print(changes, matched, { broken, undecided, corrections, drift }, options);
  say(summary(matched, changes, a, b));
  for (const sentence of drift)
    say(corrections.length > 0 ? `${sentence} (--uncorrected leaves it in)` : sentence);
  for (const sentence of undecided) say(`gate undecided: ${sentence}`);
  for (const sentence of broken) say(`gate not met: ${sentence}`);
  return broken.length === 0 ? EXIT.ok : EXIT.gate;
}

/** What was asked for, else the usual columns; always what a gate is about; never what no row has. */
function metricsOf(rows: readonly Row[], columns: ColumnChoice | null, gated: readonly string[]): string[] {
  const usual = COMPARED_METRICS.map(({ name }) => name);
  const wanted = [...chosenMetrics(columns ?? ['default'], usual)];
  const measured = (name: string) => rows.some((row) => row.trial.measurements[name]?.value != null);
  return [...new Set([...wanted.filter(measured), ...gated])];
}

interface Findings {
  readonly broken: readonly string[];
  readonly undecided: readonly string[];
  readonly corrections: readonly Correction[];
  readonly drift: readonly string[];
}

function print(
  changes: readonly Change[],
  { onlyA, onlyB }: Matched,
  { broken, undecided, corrections, drift }: Findings,
  options: CompareOptions,
): void {
  const format = options.json === true ? 'json' : options.format;
  if (format === 'json') {
    const ids = (list: readonly Row[]) => list.map(({ experimentId }) => experimentId);
    printJson({
      schema: SCHEMA,
      changes,
      onlyA: ids(onlyA),
      onlyB: ids(onlyB),
      gatesNotMet: broken,
      gatesUndecided: undecided,
      corrections,
      drift,
    });
  } else if (format === 'csv') printData(changesCsv(changes));
  else if (format === 'md') printData(changesMarkdown(changes));
  else {
    // Whoever reads a pipe or a file gets all of it.
    const cuts = process.stdout.isTTY === true;
    printData(changesTable(changes, { ...terminalStyle(process.stdout), cuts }));
  }
}

/** In the order in which they matter. */
const VERDICTS: readonly Change['verdict'][] = ['worse', 'better', 'same', 'unclear', 'missing'];

/** @returns `12 experiments compared, 156 numbers: none worse, none better, 24 same, 132 unclear` */
function summary({ pairs, onlyA, onlyB }: Matched, changes: readonly Change[], a: string, b: string): string {
  const count = (n: number) => `${n} ${n === 1 ? 'experiment' : 'experiments'}`;
  const alone = [
    ...(onlyA.length === 0 ? [] : [`${onlyA.length} only in ${a}`]),
    ...(onlyB.length === 0 ? [] : [`${onlyB.length} only in ${b}`]),
  ];
  const verdicts = VERDICTS.flatMap((verdict) => {
    const found = changes.filter((change) => change.verdict === verdict).length;
    if (found === 0) return verdict === 'worse' || verdict === 'better' ? [`none ${verdict}`] : [];
    return [`${found} ${verdict}`];
  });
  const compared = [
    `${count(pairs.length)} compared`,
    ...alone,
    `${changes.length} ${changes.length === 1 ? 'number' : 'numbers'}`,
  ].join(', ');
  return `${compared}: ${verdicts.join(', ')}`;
}
