import type { AxisValue } from '../../core/experiment/experiment.js';
import { runnerNamed } from '../../core/runners/index.js';
import { UNCHANGED } from '../../core/techniques/index.js';
import { workloadNamed } from '../../core/workloads/index.js';
import { headingMeaning } from '../../report/column-sets.js';
import { axisTexts } from '../../report/columns.js';
import type { Unplaced } from '../../report/front.js';
import { gradesText } from '../../report/grades-text.js';
import type { Report } from '../../report/report.js';

/** @returns `24 rows: 18 clean, 3 disturbed, 2 invalid, 1 failed (31 trials)`. */
export function countsLine(report: Report): string {
  const { experiments, trials } = report.counts;
  const tried = trials === experiments ? '' : ` (${trials} trials)`;
  return `${countedRows(experiments)}${gradesText(report.counts)}${tried}`;
}

/** @returns `1 row`, `24 rows`. */
const countedRows = (count: number) => `${count} ${count === 1 ? 'row' : 'rows'}`;

/** @returns `bench-01 · Intel(R) Xeon(R) Gold 6430 · llama.cpp v0.4.0`. */
export function placeLine(report: Report): string {
  const { nodes, devices, engines } = report.place;
  return [
    abbreviatedList(nodes, 'nodes'),
    abbreviatedList(devices, 'devices'),
    abbreviatedList(engines, 'engines'),
  ]
    .filter((s) => s !== '')
    .join(' · ');
}

/**
 * @returns what every row shares and somebody chose: `model=small promptTokens=256 …`; what is at its default
 *   is left out.
 */
export function constantsLine(report: Report): string {
  const defaults = defaultsOf(report);
  return report.constants
    .filter(({ name, value }) => !(defaults.get(name)?.has(value) ?? value === null))
    .map(({ name, value }) => `${name}=${axisTexts(name, [value])[0]}`)
    .join(' ');
}

/** Of the options of the runners and workloads in the rows, and of techniques. */
function defaultsOf({ rows }: Report): ReadonlyMap<string, ReadonlySet<AxisValue>> {
  const runners = new Set(rows.map(({ experiment }) => experiment.runner.kind));
  const workloads = new Set(rows.map(({ experiment }) => experiment.workload.kind));
  const kinds = [...[...runners].map(runnerNamed), ...[...workloads].map(workloadNamed)];
  const options = kinds.flatMap((kind) =>
    Object.entries(kind?.options.shape ?? {}).map(
      ([name, schema]) => [name, schema.parse(undefined)] as const,
    ),
  );
  const defaults = new Map<string, Set<AxisValue>>();
  for (const [name, value] of [...Object.entries(UNCHANGED), ...options]) {
    defaults.set(name, (defaults.get(name) ?? new Set()).add(value as AxisValue));
  }
  return defaults;
}

/** @returns what to say below a table: rows that can be on no front, and headings that are abbreviations. */
export function remarks(report: Report): string[] {
  const WHY = {
    lacking: ({ metric, reason }: Unplaced) => `without ${metric} not on the front: ${reason}`,
    beyond: ({ metric, reason }: Unplaced) =>
      `not on the front by a bound of the search: ${metric} ${reason}`,
    unlike: ({ metric, reason }: Unplaced) => `with ${metric} as measured not on the front: ${reason}`,
  };
  const lines = report.unplaced.map((group) => `${countedRows(group.rows.length)} ${WHY[group.why](group)}`);
  const meanings = report.metrics.filter((m) => m.shown).flatMap((m) => headingMeaning(m.name) ?? []);
  return meanings.length === 0 ? lines : [...lines, `EfficientLLM: ${meanings.join(' · ')}`];
}

function abbreviatedList(names: readonly string[], what: string): string {
  return names.length <= 3
    ? names.join(', ')
    : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more ${what}`;
}
