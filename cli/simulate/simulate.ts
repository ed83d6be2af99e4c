import { answerServing, type ServingAnswer, type SimulatedServing } from '../../batching/serving-answer.js';
import { flagsTyped, LOAD_OPTIONS } from '../bench/flags.js';
import { asWords, usageError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import { openDrawing, writeDrawn } from '../roofline/drawing.js';
import { outputPath } from '../single/output-path.js';
import { CHANGE_NOTHING, type SimulateOptions } from './command.js';
import { requestsCsv } from './csv.js';
import { modelPoints } from './model-points.js';
import { simulationPage } from './page.js';
import { type LeftOut, labeller, type Point, type Points } from './points.js';
import { sweepPoints } from './sweep-points.js';
import { answersCells, answerText, bandText } from './table.js';

/** A point with what was simulated of it. */
export interface Answered extends SimulatedServing {
  readonly point: Point;
  readonly label: string;
}

/**
 * `ridge simulate`: what users of a server on GPUs would feel under a load.
 * @throws CommandError (2) for words that name nothing, and where nothing at all can be answered.
 */
export async function runSimulate(word: string, options: SimulateOptions): Promise<void> {
  // Nothing is printed where the rest of what was asked for cannot be written.
  if (options.html !== undefined) outputPath(options.html, true);
  const points = asWords(() => openPoints(word, options));
  const { answered, leftOut } = answerAll(points);
  if (answered.length === 0) throw nothingSimulated(leftOut);
  if (options.html !== undefined) {
    const draw = await openDrawing();
    writeDrawn(options.html, simulationPage({ of: word, answered, leftOut }, draw));
  }
  print(word, answered, leftOut, options);
  for (const note of points.notes) say(note);
}

function openPoints(word: string, options: SimulateOptions): Points {
  const silent = flagsTyped(
    LOAD_OPTIONS.filter(({ name }) => CHANGE_NOTHING.includes(name)),
    options.load,
  );
  for (const flag of silent) say(`${flag} changes nothing in a simulation`);
  return /\.ya?ml$/.test(word) ? sweepPoints(word, options) : modelPoints(word, options);
}

function answerAll({ points, leftOut }: Points): {
  readonly answered: readonly Answered[];
  readonly leftOut: readonly LeftOut[];
} {
  const labelOf = labeller(points);
  const [answered, more]: [Answered[], LeftOut[]] = [[], []];
  for (const point of points) {
    const label = labelOf(point);
    const found = answerServing(point);
    if (typeof found === 'string') more.push({ label, reason: found });
    else answered.push({ point, label, ...found });
  }
  return { answered, leftOut: [...leftOut, ...more] };
}

const NOTHING_HINT =
  'Ask for a smaller load, or more replicas or devices; docs/simulate.md says what can be predicted.';

function nothingSimulated(leftOut: readonly LeftOut[]) {
  const reasons = [...new Set(leftOut.map(({ reason }) => reason))];
  return usageError(reasons.length === 0 ? 'there is no load to simulate' : reasons.join('\n'), NOTHING_HINT);
}

function print(
  word: string,
  answered: readonly Answered[],
  leftOut: readonly LeftOut[],
  options: SimulateOptions,
): void {
  if (options.csv === true) printData(requestsCsv(answered));
  else if (options.json === true)
    printJson({
      of: word,
      answers: answered.map(({ label, answer }) => ({ label, ...answer })),
      leftOut,
    });
  else printText(answered);
  if (options.csv !== true && options.json !== true) say('');
  say(bandText(answered.map(({ answer }) => answer)));
  const widened = new Set(answered.flatMap(({ answer: { widened: clauses } }) => clauses));
  for (const clause of widened) say(`less sure: ${clause}`);
  if (answered.some(hasNoEnd))
    say('∞: at the slow end of the band the server does not hold this rate, and its queue has no end');
  for (const [reason, labels] of byReason(leftOut))
    say(`left out: ${labels.length === 1 ? labels[0] : `${labels.length} points`}: ${reason}`);
}

function printText(answered: readonly Answered[]): void {
  const [first] = answered as [Answered];
  if (answered.length === 1) {
    printData(answerText(first.answer));
    return;
  }
  const { head, rows } = answersCells(answered);
  printData(plainTable(head, rows));
  sayFew(answered.map(({ answer }) => answer.load));
  sayFew(answered.map(({ answer }) => serverText(answer)));
}

const serverText = ({ devices, source, server }: ServingAnswer) =>
  `on ${devices} device${devices === 1 ? '' : 's'} by ${source}: ${server}`;

const MOST_SAID = 8;

/** Says each of them once; of many, how many more --json has. */
function sayFew(clauses: readonly string[]): void {
  const each = [...new Set(clauses)];
  for (const clause of each.slice(0, MOST_SAID)) say(clause);
  if (each.length > MOST_SAID) say(`… and ${each.length - MOST_SAID} more, which --json has`);
}

const hasNoEnd = ({ answer: { latencies } }: Answered) => latencies.ttft.mean?.high === null;

function byReason(leftOut: readonly LeftOut[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { label, reason } of leftOut) found.set(reason, [...(found.get(reason) ?? []), label]);
  return found;
}
