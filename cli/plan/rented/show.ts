import type { MetricName, Unit } from '../../../core/metrics/catalogue.js';
import { formatValue } from '../../../core/metrics/format.js';

import { duration } from '../../../report/time-left.js';
import { plainTable } from '../../output/plain-table.js';
import { printData, printJson, say } from '../../output/print.js';
import { bandText } from '../../roofline/table.js';
import type { PlanOptions } from '../command.js';
import { nodeText, nodeWord } from './nodes.js';
import { type Banded, type PredictedStart, type RentedPlan, type RentedSweep, rentedPlan } from './plan.js';

/** `ridge plan --hardware`: time, memory and energy of a sweep on nodes that nobody has rented yet. */
export function printRented(file: string, hardware: string, options: PlanOptions): void {
  const plan = rentedPlan(file, hardware, options);
  if (options.json === true) printJson(asData(plan));
  else printText(plan, options.limit);
}

function asData({ sweep, space, nodes, ...rest }: RentedPlan): object {
  return {
    name: sweep.name,
    points: space.count,
    ...rest,
    nodes: nodes.map(({ node, rows, ...on }) => ({
      hardware: nodeWord(node),
      device: node.device.name,
      devices: node.count,
      ...on,
      rows,
    })),
  };
}

function printText(plan: RentedPlan, limit: number): void {
  const { sweep, space, looked, nodes, notes } = plan;
  const some = looked === space.count ? '' : `, ${number(looked)} of them simulated`;
  printData(`${sweep.name}: ${number(space.count)} ${space.count === 1 ? 'point' : 'points'}${some}`);
  for (const node of nodes) {
    printData(`\n${summary(node, plan)}`);
    printData(`\n${rowsTable(node, limit)}`);
  }
  const more = looked - limit;
  if (more > 0) say(`${number(more)} more; --limit shows them`);
  say('nothing here was measured: TTFT and TPOT are medians of a simulation, bands hold nine times of ten');
  for (const note of notes) say(note);
}

const number = (n: number): string => n.toLocaleString('en');

function summary(on: RentedSweep, { serverStartSeconds, currency }: RentedPlan): string {
  const { node, rows, starts, ends, deviceHours, kilowattHours, noEnergy, sources, widened } = on;
  const known = rows.filter(({ predicted }) => predicted !== null);
  const lines = [
    `${nodeText(node)}: ${number(known.length)} of ${number(rows.length)} points predicted by ${sources.join(' and ') || 'no table'}`,
  ];
  if (known.length > 0) {
    const servers =
      serverStartSeconds === null
        ? 'what servers take to start comes on top (--server-start adds it)'
        : `${duration(serverStartSeconds)} of each for its server to start`;
    const each = node.count > 1 ? `, at least ${hours(deviceHours.value / node.count)} of the node` : '';
    lines.push(
      `  time: ${bandedText(deviceHours, hours)} of device time${each}, for ${number(starts)} starts; ${servers}`,
      kilowattHours === null
        ? `  energy: ${noEnergy}`
        : `  energy: ${bandedText(kilowattHours, (value) => `${short(value)} kWh`)}${noEnergy === null ? '' : `; ${noEnergy}`}`,
    );
    if (currency !== null) lines.push(`  money: ${moneyText(on, currency)}`);
    if (ends !== null) lines.push(`  ${ends}`);
    for (const clause of widened) lines.push(`  less sure: ${clause}`);
    for (const said of saidOf(on)) lines.push(`  ${said}`);
  }
  for (const [reason, count] of absences(on))
    lines.push(`  not predicted: ${number(count)} of ${number(rows.length)}: ${reason}`);
  return lines.join('\n');
}

function moneyText({ money, node }: RentedSweep, currency: string): string {
  if (money === null) return `the list has no price of ${node.device.id}, or its energy is not known`;
  return `${bandedText(money, (value) => `${value.toFixed(2)} ${currency}`)}, without what nobody predicts`;
}

/** The flags that all servers share, and what they are asked; of many the first stands for them. */
function saidOf({ rows }: RentedSweep): string[] {
  const sentence = (what: string, clauseOf: (start: PredictedStart) => string) => {
    const clauses = [
      ...new Set(rows.flatMap(({ predicted }) => (predicted === null ? [] : [clauseOf(predicted)]))),
    ];
    const others = clauses.length - 1;
    return `${what}: ${clauses[0]}${others > 0 ? ` (and ${number(others)} others; --json has them)` : ''}`;
  };
  return [sentence('load', ({ load }) => load), sentence('server', ({ server }) => server)];
}

function absences({ rows }: RentedSweep): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { absent } of rows)
    for (const reason of absent) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

const short = (value: number) => value.toPrecision(2).replace(/\.0$/, '');
const hours = (value: number) => (value < 1 ? duration(3600 * value) : `${short(value)} h`);

function bandedText({ value, low, high }: Banded, text: (value: number) => string): string {
  return `about ${text(value)} (${text(low)} to ${text(high)})`;
}

function rowsTable({ rows }: RentedSweep, limit: number): string {
  const metric = (start: PredictedStart | null, name: MetricName) => start?.entries[name]?.value ?? null;
  const seconds = (start: PredictedStart | null, name: MetricName) => {
    const value = metric(start, name);
    if (value === null || start === null) return null;
    return `${formatValue(value, 's')} (${bandText({ seconds: value, spread: start.spread })})`;
  };
  const shown = (value: number | null | undefined, unit: Unit) =>
    value == null ? null : formatValue(value, unit);
  return plainTable(
    [
      'position',
      'predicted TTFT (90 % band)',
      'predicted TPOT (90 % band)',
      'output',
      'memory each',
      'resident',
      'start',
      'devices',
      'energy',
      'point',
    ],
    rows
      .slice(0, limit)
      .map(({ position, predicted: start, label }) => [
        position,
        seconds(start, 'timeToFirstTokenSeconds'),
        seconds(start, 'timePerOutputTokenSeconds'),
        shown(metric(start, 'systemTokensPerSecond'), 'tokens/s'),
        start === null ? null : formatValue(heldBytes(start), 'B'),
        start?.residentSequences ?? null,
        shown(start?.startSeconds, 's'),
        start?.devices ?? null,
        shown(start?.startJoules, 'J'),
        label,
      ]),
  );
}

/** Of a device, beside the cache. */
function heldBytes({ residency: { weightBytes, activationBytes, engineBytes } }: PredictedStart): number {
  return weightBytes + activationBytes + engineBytes;
}
