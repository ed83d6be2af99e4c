import { COMPARED_METRICS } from '../../core/metrics/catalogue.js';
import { driftSentence, runsApart } from '../../report/apart.js';
import { type ColumnChoice, chosenMetrics } from '../../report/column-sets.js';
import { type Comparison, comparisonOf, type Matched, matchRows } from '../../report/compare.js';
import { byExperiment, mainMetrics, summary, unansweredSentences } from '../../report/compare-summary.js';
import { FALSE_ALARMS, type GateOutcome, gateSentences, judgeGate } from '../../report/gate.js';
import { levelOf, rateSentences, startsNeeded } from '../../report/gate-rate.js';
import { quotedOf } from '../../report/quoted.js';
import type { Row } from '../../report/rows.js';
import { savedBaseline } from '../baseline/store.js';
import { EXIT, usageError } from '../exit.js';
import { printData, printJson, say } from '../output/print.js';
import { terminalStyle } from '../output/terminal.js';
import type { Again } from './again/again.js';
import { askedAgain } from './again/choose.js';
import type { CompareOptions } from './command.js';
import { printPeer, readPeer } from './peers.js';
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
 * @returns the exit code: 3 when a gate is red; 6 when one is undecided and that was asked for; 130 when
 *   measuring again was interrupted.
 */
export async function printComparison(a: string, b: string, options: CompareOptions): Promise<number> {
  const under = options.strict === true ? 'strict' : undefined;
  const peer = readPeer(b);
  if (peer !== null) {
    printPeer(readSide(a, under), peer, b, options);
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
  const compared = comparisonOf(pairs, metrics, { oneSitting: apart === null });
  const falseAlarms = options.falseAlarms ?? FALSE_ALARMS;
  const level = levelOf(falseAlarms / stagesOf(options), options.gate, compared);
  const outcomes = options.gate.flatMap((gate) => judgeGate(gate, compared, level));
  const long = options.all === true || options.columns !== undefined;
  const main = long ? metrics : mainMetrics(after.report, pairs, compared.changes);
  const chosen = [a, b].some((side) => side.includes('#'));
  const question = { pairs, changes: compared.changes, gates: options.gate, outcomes, main, chosen };
  const { measured, interrupted } = await measureUndecided(question, options);
  const { comparison, gates } = merged(compared, outcomes, measured);
  const drift = driftSentence(apart);
  print(comparison, main, matched, { gates, drift, long, measured }, options);
  say(`${counted(matched, a, b)}: ${summary(comparison, main)}`);
  for (const sentence of unansweredSentences(pairs)) say(sentence);
  if (drift !== null) say(drift);
  for (const one of measured) say(againSentence(one));
  for (const sentence of gateSentences(gates)) say(sentence);
  for (const sentence of rateSentences(falseAlarms, options.gate, gates)) say(sentence);
  if (options.again !== true && gates.some(({ outcome }) => outcome === 'undecided')) {
    say(moreSentence(startsNeeded(options.gate, gates, comparison.changes, pairs)));
  }
  return interrupted ? EXIT.interrupted : exitCodeOf(gates, options);
}

/** @returns the words of both sides. @throws CommandError (2) where there are too few, or too many. */
export function sidesOf(
  first: string,
  second: string | undefined,
  baseline: string | undefined,
): [string, string] {
  if (baseline === undefined) {
    if (second === undefined)
      throw usageError('there is one side only', 'Name two runs, or one and --baseline NAME.');
    return [first, second];
  }
  if (second !== undefined) throw usageError('--baseline is a side already', 'Name one run beside it.');
  return [savedBaseline(baseline), first];
}

function exitCodeOf(gates: readonly GateOutcome[], { failOnUndecided }: CompareOptions): number {
  const anyGateIs = (outcome: GateOutcome['outcome']) => gates.some((gate) => gate.outcome === outcome);
  if (anyGateIs('red')) return EXIT.gate;
  return failOnUndecided === true && anyGateIs('undecided') ? EXIT.undecided : EXIT.ok;
}

/** What was asked for, else the usual columns; always what a gate is about; never what no row has. */
function metricsOf(rows: readonly Row[], columns: ColumnChoice | null, gated: readonly string[]): string[] {
  const usual = COMPARED_METRICS.map(({ name }) => name);
  const wanted = [...chosenMetrics(columns ?? ['default'], usual)];
  const measured = (name: string) => rows.some((row) => quotedOf(row, name) !== null);
  return [...new Set([...wanted.filter(measured), ...gated])];
}

/**
 * What was measured before and what is measured again may each raise a false alarm: each has half of the
 * chance.
 */
const stagesOf = ({ again }: Pick<CompareOptions, 'again'>): 1 | 2 => (again === true ? 2 : 1);

const MORE =
  '--again measures undecided rows once more, both sides in turns, and finds smaller differences (--within limits its time)';

/**
 * What decides a gate that is undecided: more starts, where a sweep takes so many, else both sides in turns.
 */
const moreSentence = (starts: number | null): string =>
  starts === null
    ? MORE
    : `${starts} starts of each experiment (measure: { starts: ${starts} }) would decide four of five of them; ${MORE}`;

/** Measures what is open again, where that was asked for. */
async function measureUndecided(question: Parameters<typeof askedAgain>[0], options: CompareOptions) {
  if (options.again !== true) return { measured: [], interrupted: false };
  const asked = askedAgain(question);
  if (asked.length === 0) {
    say('nothing is measured again: no gate is undecided about what a short start tells');
    return { measured: [], interrupted: false };
  }
  const { measureAgain } = await import('./again/again.js');
  return await measureAgain(asked, options);
}

/** What was measured again stands for what was compared before. */
function merged(
  { changes, overall }: Comparison,
  gates: readonly GateOutcome[],
  measured: readonly Again[],
): { readonly comparison: Comparison; readonly gates: readonly GateOutcome[] } {
  const anew = measured.flatMap((one) => one.changes).filter(({ verdict }) => verdict !== 'missing');
  const judged = measured.flatMap((one) => one.gates);
  return {
    comparison: {
      changes: changes.map(
        (change) =>
          anew.find(({ label, metric }) => label === change.label && metric === change.metric) ?? change,
      ),
      overall,
    },
    gates: gates.map(
      (outcome) =>
        judged.find(({ gate, label }) => gate === outcome.gate && label === outcome.label) ?? outcome,
    ),
  };
}

function againSentence({ label, folder, starts, seconds, decided }: Again): string {
  const what = label === '' ? 'measured again' : `${label} measured again`;
  const open = decided ? '' : '; still open: --fresh with a longer --within measures it anew';
  return `${what}: ${starts.join(' and ')} starts in turns, ${Math.round(seconds)} s, kept in ${folder}${open}`;
}

interface Findings {
  readonly measured: readonly Again[];
  readonly gates: readonly GateOutcome[];
  readonly drift: string | null;
  /** Whether each metric gets a line of its own. */
  readonly long: boolean;
}

function print(
  { changes, overall }: Comparison,
  main: readonly string[],
  { onlyA, onlyB }: Matched,
  { gates, drift, long, measured }: Findings,
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
      overall,
      onlyA: ids(onlyA),
      onlyB: ids(onlyB),
      gates,
      gatesNotMet: sentences('red'),
      gatesUndecided: sentences('undecided'),
      falseAlarms: options.gate.length === 0 ? null : (options.falseAlarms ?? FALSE_ALARMS),
      drift: drift === null ? [] : [drift],
      again: measured.map(({ changes: _, gates: __, ...one }) => one),
    });
    return;
  }
  if (format === 'csv') {
    printData(changesCsv(changes));
    return;
  }
  const groups = [...byExperiment(overall, main), ...byExperiment(changes, main)];
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
