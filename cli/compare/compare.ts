import { COMPARED_METRICS } from '../../core/metrics/catalogue.js';
import { driftSentence, runsApart } from '../../report/apart.js';
import { type ColumnChoice, chosenMetrics } from '../../report/column-sets.js';
import { type Change, changesOf, type Matched, matchRows } from '../../report/compare.js';
import { byExperiment, mainMetrics, summary } from '../../report/compare-summary.js';
import { type GateOutcome, gateSentences, judgeGate } from '../../report/gate.js';
import type { Row } from '../../report/rows.js';
import { EXIT, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { terminalStyle } from '../output/terminal.js';
import type { CompareOptions } from './command.js';
import { printPeers, readPeers } from './peers.js';
import {
  changesCsv,
  changesMarkdown,
  changesTable,
  experimentsMarkdown,
  experimentsTable,
} from './render.js';
import { readSide } from './side.js';

/** The version of the JSON; fields are only ever added to it. */
const SCHEMA = 'ridgepoint.dev/comparison/v1';

/**
 * `ridge compare`.
 * @returns the exit code: 3 when a gate is red; 6 when one is undecided and that was asked for.
 */
export async function printComparison(a: string, b: string, options: CompareOptions): Promise<number> {
  const under = options.strict === true ? 'strict' : undefined;
  const peers = readPeers(b);
  if (peers !== null) {
    printPeers(readSide(a, under), peers, b, options);
    return EXIT.ok;
  }
  const [before, after] = [readSide(a, under), readSide(b, under)];
  const matched = matchRows(before.report, after.report, new Set([...before.chosen, ...after.chosen]));
  const { pairs } = matched;
  if (pairs.length === 0) {
    throw usageError(
      `no experiment of ${b} is one of ${a}: they differ in their settings`,
      'Choose rows on both sides: run#quantization=f16 run#quantization=q4_k_m, or run#3 run#7.',
    );
  }
  const metrics = metricsOf(
    pairs.flatMap((pair) => [pair.a, pair.b]),
    options.columns ?? null,
    options.gate.map(({ metric }) => metric),
  );
  const apart = runsApart(before.report, after.report);
  const changes = changesOf(pairs, metrics, { oneSitting: apart === null });
  const gates = options.gate.flatMap((gate) => judgeGate(gate, changes));
  const drift = driftSentence(apart);
  const long = options.all === true || options.columns !== undefined;
  const main = long ? metrics : mainMetrics(after.report, pairs, changes);
  print(changes, main, matched, { gates, drift, long }, options);
  say(`${counted(matched, a, b)}: ${summary(changes, main)}`);
  if (drift !== null) say(drift);
  for (const sentence of gateSentences(gates)) say(sentence);
  return exitCodeOf(gates, options);
}

function exitCodeOf(gates: readonly GateOutcome[], { failOnUndecided }: CompareOptions): number {
  const has = (outcome: GateOutcome['outcome']) => gates.some((gate) => gate.outcome === outcome);
  if (has('red')) return EXIT.gate;
  return failOnUndecided === true && has('undecided') ? EXIT.undecided : EXIT.ok;
}

/** What was asked for, else the usual columns; always what a gate is about; never what no row has. */
function metricsOf(rows: readonly Row[], columns: ColumnChoice | null, gated: readonly string[]): string[] {
  const usual = COMPARED_METRICS.map(({ name }) => name);
  const wanted = [...chosenMetrics(columns ?? ['default'], usual)];
  const measured = (name: string) => rows.some((row) => row.trial.measurements[name]?.value != null);
  return [...new Set([...wanted.filter(measured), ...gated])];
}

interface Findings {
  readonly gates: readonly GateOutcome[];
  readonly drift: string | null;
  /** Whether each metric gets a line of its own. */
  readonly long: boolean;
}

function print(
  changes: readonly Change[],
  main: readonly string[],
  { onlyA, onlyB }: Matched,
  { gates, drift, long }: Findings,
  options: CompareOptions,
): void {
  const format = options.json === true ? 'json' : options.format;
  const sentences = (outcome: GateOutcome['outcome']) =>
    gates.filter((gate) => gate.outcome === outcome).map(({ sentence }) => sentence);
  if (format === 'json') {
    const ids = (list: readonly Row[]) => list.map(({ experimentId }) => experimentId);
    printJson({
      schema: SCHEMA,
      changes,
      onlyA: ids(onlyA),
      onlyB: ids(onlyB),
      gates,
      gatesNotMet: sentences('red'),
      gatesUndecided: sentences('undecided'),
      drift: drift === null ? [] : [drift],
    });
    return;
  }
  if (format === 'csv') {
    printData(changesCsv(changes));
    return;
  }
  const groups = byExperiment(changes, main);
  if (format === 'md') {
    printData(long ? changesMarkdown(groups.flat()) : experimentsMarkdown(groups));
    return;
  }
  // Whoever reads a pipe or a file gets all of it.
  const style = { ...terminalStyle(process.stdout), cuts: process.stdout.isTTY === true };
  printData(long ? changesTable(groups.flat(), style) : experimentsTable(groups, style));
}

/** @returns `12 experiments compared, 2 only in before` */
function counted({ pairs, onlyA, onlyB }: Matched, a: string, b: string): string {
  const count = (n: number) => `${n} ${n === 1 ? 'experiment' : 'experiments'}`;
  const alone = [
    ...(onlyA.length === 0 ? [] : [`${onlyA.length} only in ${a}`]),
    ...(onlyB.length === 0 ? [] : [`${onlyB.length} only in ${b}`]),
  ];
  return [`${count(pairs.length)} compared`, ...alone].join(', ');
}
