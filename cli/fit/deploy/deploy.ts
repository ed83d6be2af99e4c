import { attainmentOf, type DeployAnswer, deploymentsFor } from '../../../batching/deploy/answer.js';
import { demandOf } from '../../../batching/deploy/demand.js';
import type { DeployQuestion } from '../../../batching/deploy/question.js';
import type { Sized } from '../../../batching/deploy/search.js';
import { type LoadWindow, replicasOverTime, usualWindow } from '../../../batching/deploy/windows.js';
import { sloText } from '../../../core/serving/slo.js';
import { CommandError, EXIT, usageError } from '../../exit.js';
import { printData, printJson, say } from '../../output/print.js';
import type { FitOptions } from '../command.js';
import { openDeployment } from './open.js';
import { answerSentences, groundSentences, leftOutSentences, linesTable, windowsTable } from './text.js';

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
export async function fitDeployment(options: FitOptions): Promise<void> {
  const { model, question, notes } = openDeployment(options);
  const answers = deploymentsFor(question).map((answer): Timed => timed(answer, question, options));
  const load = question.load.at(1).says;
  const slo = sloText(question.objectives);
  if (options.json === true)
    printJson({ model, load, slo, notes, answers: answers.map((one) => dataOf(one)) });
  else for (const one of answers) print(one, question, load, slo);
  for (const note of notes) say(note);
  if (answers.length > 1)
    say(
      'engines are not ranked against one another: of two that were not calibrated (`ridge factors --calibrate`) predictions name the faster one hardly more often than chance',
    );
  requireOne(answers);
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

function print({ answer, windows }: Timed, { prices }: DeployQuestion, load: string, slo: string): void {
  for (const sentence of answerSentences(answer)) printData(sentence);
  if (answer.lines.length > 0) printData(`\n${linesTable(answer, prices?.currency ?? null)}`);
  if (windows !== null && windows.length > 1 && answer.best !== null)
    printData(`\n${windowsTable(windows, answer.best.predicted.devices)}`);
  for (const sentence of groundSentences(answer, load, slo)) say(sentence);
  for (const sentence of leftOutSentences(answer.leftOut)) say(`left out: ${sentence}`);
  if (windows !== null) say('each window begins idle, and holds the requests that start in it');
}

/** @throws CommandError (3) where nothing keeps the SLO. */
function requireOne(answers: readonly Timed[]): void {
  if (answers.some(({ answer }) => answer.best !== null)) return;
  const reasons = answers.flatMap(({ answer }) => [
    ...leftOutSentences(answer.leftOut),
    ...answer.beaten.map(
      ({ device, bits, leastDevices }) => `${device.id} ${bits}: more than ${leastDevices - 1} devices`,
    ),
  ]);
  throw new CommandError(
    `nothing keeps the SLO on this load: ${reasons.join('; ')}`,
    EXIT.gate,
    'Allow more --devices that share the model, fewer --bits, other --hardware, or a wider SLO.',
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
