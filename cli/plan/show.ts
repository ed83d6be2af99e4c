import { FEW_EXPERIMENTS } from '../../coordinator/scheduler/block-allocator.js';
import { formatValue } from '../../core/metrics/format.js';
import type { Space } from '../../core/sweep/space.js';
import type { Sweep } from '../../core/sweep/spec.js';
import { duration } from '../../report/time-left.js';
import { EXIT, usageError } from '../exit.js';
import { plainTable } from '../output/plain-table.js';
import { printData, printJson, say } from '../output/print.js';
import type { PlanOptions } from './command.js';
import { filesLine, filesTable } from './files.js';
import { noiseLine } from './noise.js';
import { type Plan, type PlannedRow, planOf } from './plan.js';
import { searchLines } from './search.js';
import { serversText } from './servers.js';
import { budgetOf, crowdedText, promiseText, type SweepTime, secondsOfATrial } from './sweep-time.js';
import type { PlanWarning } from './warning.js';

/**
 * `ridge plan`: what a sweep would do, without doing any of it.
 * @returns 0; the code of usage errors where it was held against this machine and names files that are not
 *   here, as `ridge run` would end with; a code of its own where nothing of it can run on the machines it was
 *   held against.
 */
export async function printPlan(file: string, options: PlanOptions): Promise<number> {
  if (options.hardware !== undefined) {
    if (options.fleet === true)
      throw usageError(
        '--hardware is of devices that are not there yet, and --fleet of nodes that are',
        'Leave one of them out.',
      );
    const { printRented } = await import('./rented/show.js');
    printRented(file, options.hardware, options);
    return EXIT.ok;
  }
  const plan = await planOf(file, options, say);
  if (options.json === true) printJson(asData(plan));
  else printText(plan, options.limit);
  if (plan.missingHere) return EXIT.usage;
  return plan.runnable === 0 ? EXIT.nothingRuns : EXIT.ok;
}

function asData({ sweep, space, place: _place, missingHere: _missing, ...rest }: Plan): object {
  const { count: points, excluded, duplicates, impossible, unchecked } = space;
  const budgetSeconds = budgetOf(sweep, points);
  return { name: sweep.name, points, excluded, duplicates, impossible, unchecked, budgetSeconds, ...rest };
}

function printText(plan: Plan, limit: number): void {
  const { space, checked, files, servers, rows } = plan;
  printData(summary(plan));
  for (const warning of plan.warnings.filter(({ experiments }) => experiments > 0))
    printData(warningLine(warning, checked, space.count));
  if (space.count > 0 && plan.runnable === 0) printData(`  nothing of it can run on ${plan.place}`);
  const tables = [
    files !== null && files.length > 0 ? filesTable(files, limit) : null,
    servers.length > 0 ? serversText(servers, limit) : null,
    rows.length > 0 ? rowsTable(rows) : null,
  ];
  for (const table of tables) if (table !== null) printData(`\n${table}`);
  const more = space.count - rows.length;
  if (more > 0) say(`${more.toLocaleString('en')} more; --limit shows them`);
  if (plan.missingHere)
    say('it cannot run here while something is missing; --fleet asks the nodes of a coordinator');
}

function rowsTable(rows: readonly PlannedRow[]): string {
  const served = rows.some(({ trial }) => trial?.served !== undefined);
  const seconds = (value: number | null | undefined) => (value == null ? null : formatValue(value, 's'));
  return plainTable(
    ['position', 'experiment', 'memory', 'trial', ...(served ? ['TTFT', 'TPOT'] : []), 'point'],
    rows.map(({ position, id, memoryBytes, trial, label }) => [
      position,
      id,
      memoryBytes === null ? null : formatValue(memoryBytes, 'B'),
      trial === null ? null : span(trial),
      ...(served ? [seconds(trial?.served?.firstTokenSeconds), seconds(trial?.served?.perTokenSeconds)] : []),
      label,
    ]),
  );
}

const number = (n: number): string => n.toLocaleString('en');

/** `2 min to 6 min`, or `45 s` where both are the same. */
function span({ least, most }: { readonly least: number; readonly most: number }): string {
  const [from, to] = [duration(least), duration(most)];
  return from === to ? from : `${from} to ${to}`;
}

function warningLine({ message, experiments }: PlanWarning, checked: number, points: number): string {
  const of = checked < points ? ` of ${number(checked)} that were looked at` : ` of ${number(points)}`;
  return `  warning: ${number(experiments)}${of}: ${message}`;
}

function summary({ sweep, space, time, noise, files, priors }: Plan): string {
  const lines = [`${sweep.name}: ${number(space.count)} ${space.count === 1 ? 'point' : 'points'}`];
  if (space.excluded > 0) lines.push(`  left out by exclude: ${number(space.excluded)}`);
  if (space.duplicates > 0) lines.push(`  written twice, measured once: ${number(space.duplicates)}`);
  for (const { reason, count } of space.impossible) lines.push(`  impossible: ${number(count)}: ${reason}`);
  for (const reason of space.unchecked) lines.push(`  not checked in advance: ${reason}`);
  lines.push(...timeLines(sweep, space, time));
  if (noise !== null) lines.push(noiseLine(noise));
  const toMake = filesLine(files, space.count);
  if (toMake !== null) lines.push(toMake);
  const { objectives, placement, search } = sweep;
  lines.push(`  objectives: ${objectives.map((o) => `${o.metric} ${o.better}`).join(', ')}`);
  if (search !== null)
    return [...lines, ...searchLines(search, secondsOfATrial(sweep, space.count, time)), ...priors].join(
      '\n',
    );
  const controls = placement.driftControl && space.count > FEW_EXPERIMENTS;
  lines.push(
    `  order: random (seed ${placement.seed}), in blocks of ${placement.blockSize}${controls ? ' between two drift controls' : ''}`,
  );
  return lines.join('\n');
}

function timeLines(sweep: Sweep, space: Space, time: SweepTime): string[] {
  const first =
    time.firstSeconds > 0
      ? `; roofs and factors of this machine, which a first run measures, take ${duration(time.firstSeconds)} at most`
      : '';
  const unpromised =
    time.promiseAbsent === null ? [] : [`  no promise of how long it takes: ${time.promiseAbsent}`];
  if (time.promise !== null) {
    const { starts, filesSeconds, qualitySeconds, firstSeconds, aboutSeconds } = time.promise;
    const parts = [
      ...(firstSeconds > 0
        ? [`${duration(firstSeconds)} of roofs and factors that are lacking, at most`]
        : []),
      `${number(starts)} starts`,
      ...(filesSeconds > 0 ? [`${duration(filesSeconds)} of making files`] : []),
      ...(qualitySeconds > 0 ? [`${duration(qualitySeconds)} of quality`] : []),
    ];
    return [
      `  time: ${promiseText(aboutSeconds)}${crowdedText(time.promise)} on one device (${parts.join(', ')}), by ${time.how}`,
    ];
  }
  const besides = sweep.quality === null ? 'making files comes' : 'making files and asking for quality come';
  // How long a search takes its own line says.
  const all = sweep.search === null ? '' : 'all points would take ';
  if (time.seconds !== null) {
    const about = time.atLeast ? 'at least ' : 'about ';
    return [
      `  time: ${all}${about}${span(time.seconds)} on one device, by ${time.how}; ${besides} on top${first}`,
      ...unpromised,
    ];
  }
  const bound = budgetOf(sweep, space.count);
  return [
    bound === null
      ? '  time: no measure.maxSeconds, so each trial ends when its interval is narrow or at maxRepeats'
      : `  time: ${all}about ${duration(bound)} on one device where a round is short; ${besides} on top${first}`,
    ...(space.count === 0 ? [] : unpromised),
  ];
}
