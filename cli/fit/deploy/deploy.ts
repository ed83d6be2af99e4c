import { attainmentOf, type DeployAnswer, deploymentsFor } from '../../../batching/deploy/answer.js';
import { fewestHolding } from '../../../batching/deploy/candidates.js';
import { demandOf } from '../../../batching/deploy/demand.js';
import { picturedAnswer } from '../../../batching/deploy/pictured.js';
import type { DeployQuestion } from '../../../batching/deploy/question.js';
import type { Sized } from '../../../batching/deploy/search.js';
import { type LoadWindow, replicasOverTime, usualWindow } from '../../../batching/deploy/windows.js';
import { sloText } from '../../../core/serving/slo.js';
import { CommandError, EXIT, usageError } from '../../exit.js';
import { printData, printJson, say } from '../../output/print.js';
import { writeDrawn } from '../../roofline/drawing.js';
import { outputPath } from '../../single/output-path.js';
import type { FitOptions } from '../command.js';
import { deploymentChart } from './chart.js';
import { openDeployment, type Typed } from './open.js';
import { deploymentPage } from './page.js';
import {
  answerSentences,
  bitsText,
  groundSentences,
  leftOutSentences,
  linesTable,
  windowsTable,
} from './text.js';
import { deploymentWords } from './words.js';

/** An answer with what the load needs over time. */
export interface Timed {
  readonly answer: DeployAnswer;
  /** null = the load is of no trace, or nothing keeps the SLO. */
  readonly windows: readonly LoadWindow[] | null;
}

/**
 * `ridge fit` under a load: what keeps an SLO, how many, and what it costs.
 * @throws CommandError (2 for words, 3 where nothing keeps it)
 */
export async function fitDeployment(options: FitOptions, typed: Typed): Promise<void> {
  for (const path of [options.svg, options.html]) if (path !== undefined) outputPath(path, true);
  const { model, question, notes } = openDeployment(options, typed);
  const answers = deploymentsFor(question).map((answer): Timed => timed(answer, question, options));
  const asked: Asked = {
    model,
    currency: question.prices?.currency ?? null,
    load: question.load.at(1).says,
    slo: sloText(question.objectives),
  };
  draw(answers, question, asked, options);
  if (options.json === true) {
    const { load, slo } = asked;
    printJson({ model, load, slo, notes, answers: answers.map((one) => dataOf(one)) });
  } else if (options.as === undefined) for (const one of answers) print(one, asked);
  else deploy(answers, question, asked, options);
  for (const note of notes) say(note);
  if (answers.length > 1) say(UNRANKED);
  requireOne(answers, question);
}

const UNRANKED =
  'engines are not ranked against one another: of two that were not calibrated (`ridge factors --calibrate`) predictions name the faster one hardly more often than chance';

/** Writes the pictures that were asked for. */
function draw(
  answers: readonly Timed[],
  { load, objectives }: DeployQuestion,
  asked: Asked,
  { svg, html }: FitOptions,
): void {
  if (svg === undefined && html === undefined) return;
  const target = Math.max(...objectives.map(({ share }) => share));
  const drawn = answers.map(({ answer }) =>
    deploymentChart(picturedAnswer(answer, load, objectives), target),
  );
  if (svg !== undefined) writeDrawn(svg, drawn[0]!);
  if (html === undefined) return;
  const sections = answers.map((one, i) => ({
    sentences: answerSentences(one.answer),
    chart: drawn[i]!,
    tables: tablesOf(one, asked),
    grounds: [...groundSentences(one.answer, asked.load, asked.slo), ...leftOutSentences(one.answer.leftOut)],
  }));
  writeDrawn(html, deploymentPage(`${asked.model}: what keeps ${asked.slo}`, sections));
}

/** The answer is what starts the servers, and its words are said beside it. */
function deploy(
  answers: readonly Timed[],
  question: DeployQuestion,
  asked: Asked,
  options: FitOptions,
): void {
  const [{ answer }, ...others] = answers as readonly [Timed, ...Timed[]];
  if (others.length > 0)
    throw usageError('--as deploys one engine, and several are asked for', 'Name one with --engine.');
  if (answer.best === null) return;
  const longest = demandOf(question.load.at(1)).contextTokens.at(-1)!;
  const { text, notes } = deploymentWords(answer.best, asked.model, longest, question.memoryShare, options);
  for (const sentence of answerSentences(answer)) say(sentence);
  printData(text);
  for (const note of notes) say(note);
}

/** What was asked, as it is said. */
interface Asked {
  readonly model: string;
  readonly currency: string | null;
  readonly load: string;
  readonly slo: string;
}

function timed(answer: DeployAnswer, question: DeployQuestion, { trace, window }: FitOptions): Timed {
  const { best } = answer;
  if (trace === undefined && window !== undefined)
    throw usageError('--window cuts a trace, and none is named', 'Name one with --trace, or leave it out.');
  if (best === null || trace === undefined) return { answer, windows: null };
  const load = question.load.at(1);
  const { seconds } = demandOf(load);
  const windows = replicasOverTime(best, load, question.objectives, window ?? usualWindow(seconds), {
    simulations: 0,
  });
  if (typeof windows === 'string') throw usageError(windows, 'Say --window 1h, or leave it out.');
  return { answer, windows };
}

function print(one: Timed, asked: Asked): void {
  const { answer, windows } = one;
  for (const sentence of answerSentences(answer)) printData(sentence);
  for (const table of tablesOf(one, asked)) printData(`\n${table}`);
  for (const sentence of groundSentences(answer, asked.load, asked.slo)) say(sentence);
  for (const sentence of leftOutSentences(answer.leftOut)) say(`left out: ${sentence}`);
  if (windows !== null) say('each window begins idle, and holds the requests that start in it');
}

/** All lines, and what windows of a trace need. */
function tablesOf({ answer, windows }: Timed, { currency }: Asked): string[] {
  return [
    ...(answer.lines.length === 0 ? [] : [linesTable(answer, currency)]),
    ...(answer.best === null || windows === null || windows.length < 2
      ? []
      : [windowsTable(windows, answer.best.predicted.devices)]),
  ];
}

/** @throws CommandError (3) where nothing keeps the SLO. */
function requireOne(answers: readonly Timed[], question: DeployQuestion): void {
  if (answers.some(({ answer }) => answer.best !== null)) return;
  const reasons = answers.flatMap(({ answer }) => [
    ...leftOutSentences(answer.leftOut),
    ...answer.beaten.map(
      ({ device, bits, leastDevices }) => `${device.id} ${bits}: more than ${leastDevices - 1} devices`,
    ),
  ]);
  const fits = answers.some(({ answer }) => answer.candidates > 0);
  const holding = fits ? null : fewestHolding(question);
  throw new CommandError(
    `nothing keeps the SLO on this load: ${reasons.join('; ')}`,
    EXIT.gate,
    holding === null
      ? 'Allow more --devices that share the model, fewer --bits, other --hardware, or a wider SLO.'
      : `${holding.devices} × ${holding.device.id} ${bitsText(holding.bits)} hold the model: allow them with --devices ${holding.devices}.`,
  );
}

function dataOf({ answer, windows }: Timed) {
  const { best, versus, lines, beaten, leftOut, engines, simulations, candidates } = answer;
  const sized = (one: Sized) => ({
    device: one.device.id,
    bits: one.bits,
    engine: one.engine.engine.id,
    parallelism: one.parallelism,
    replicas: one.attained.replicas,
    devices: one.devices,
    kept: one.attained.kept.map(({ objective, kept, requests }) => ({ ...objective, kept, requests })),
    attainment: attainmentOf(one),
    spread: one.predicted.spread,
    source: one.predicted.source,
    says: one.predicted.says,
    widened: one.predicted.widened,
  });
  const deployed = (one: NonNullable<typeof best>) => ({
    ...sized(one),
    band: one.band,
    energy: one.energy,
    money: one.money,
  });
  const named = ({ device, bits, engine }: Pick<Sized, 'device' | 'bits' | 'engine'>) => ({
    device: device.id,
    bits,
    engine: engine.engine.id,
  });
  return {
    engines,
    best: best === null ? null : deployed(best),
    versus: versus === null ? null : { ...versus, runnerUp: deployed(versus.runnerUp) },
    lines: lines.map(sized),
    beaten: beaten.map((one) => ({ ...named(one), leastDevices: one.leastDevices })),
    leftOut: leftOut.map((one) => ({ ...named(one), reason: one.reason })),
    windows,
    simulations,
    candidates,
  };
}
