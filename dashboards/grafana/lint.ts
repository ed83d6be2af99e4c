import type { Panel, RowPanel, VariableModel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import { parser } from '@prometheus-io/lezer-promql';
import { METRICS } from '../../core/metrics/catalogue.js';
import { AGENT_METRICS, COORDINATOR_METRICS, RESULT_LABELS } from '../../core/metrics/exported.js';
import { AXIS_NAMES } from '../../core/sweep/fields.js';
import { NAME } from '../../core/sweep/labels.js';
import type { Board } from './board.js';
import { DATASOURCE } from './panels.js';

/** What a query stands on. */
interface QueryParts {
  /** Texts that the parser could not make sense of; empty for PromQL. */
  readonly errors: readonly string[];
  /** Each selector: its metric, and the labels that it asks about. */
  readonly selectors: readonly { readonly metric: string; readonly labels: readonly string[] }[];
  /** Labels that are grouped by or matched on. */
  readonly grouped: readonly string[];
}

/** What Grafana puts in for its own variables, where a test or a check has to. */
const INTERVALS: Readonly<Record<string, string>> = {
  __rate_interval: '30s',
  __interval: '5s',
  __range: '10m',
};

/** @returns the query with values for `$name` and `${name}`; a name that has none stays. */
export function substitute(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(/\$(?:\{(\w+)\}|(\w+))/g, (whole, braced?: string, bare?: string) => {
    return values[braced ?? bare ?? ''] ?? INTERVALS[braced ?? bare ?? ''] ?? whole;
  });
}

/** @returns names of the variables that a text uses, Grafana's own left out. */
export function variablesIn(text: string): string[] {
  const names = [...text.matchAll(/\$(?:\{(\w+)\}|(\w+))/g)].map(([, braced, bare]) => braced ?? bare ?? '');
  return names.filter((name) => !(name in INTERVALS));
}

/** Takes a query apart, its variables substituted. */
export function partsOf(expr: string): QueryParts {
  const errors: string[] = [];
  const selectors: { metric: string; labels: string[] }[] = [];
  const grouped: string[] = [];
  const cursor = parser.parse(expr).cursor();
  const text = () => expr.slice(cursor.from, cursor.to);
  /** Ends of the groupings that the cursor is within: a label there is no selector's. */
  let groupingEnd = -1;
  do {
    if (cursor.type.isError) errors.push(text() || `at character ${cursor.from}`);
    if (cursor.name === 'VectorSelector') selectors.push({ metric: '', labels: [] });
    if (cursor.name === 'GroupingLabels') groupingEnd = cursor.to;
    const selector = selectors.at(-1);
    if (cursor.name === 'Identifier' && selector?.metric === '') selector.metric = text();
    if (cursor.name === 'LabelName') {
      if (cursor.from < groupingEnd) grouped.push(text());
      else selector?.labels.push(text());
    }
  } while (cursor.next());
  return { errors, selectors, grouped };
}

/** Labels that Prometheus adds, and those that queries make to name what they draw. */
const ADDED = ['job', 'instance', 'namespace', 'le'];
const MADE = ['series', 'point', 'corner', 'kind'];
const AXES = [...AXIS_NAMES, NAME].map((name) =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
);

/** Every series that is exported, with its labels. */
const SERIES = new Map<string, readonly string[]>([
  ...METRICS.map(({ prometheus }) => [`ridgepoint_${prometheus}`, RESULT_LABELS] as const),
  ...[...COORDINATOR_METRICS, ...AGENT_METRICS].flatMap(({ name, kind, labels }) => {
    const own: readonly string[] = name === 'ridgepoint_experiment_info' ? ['experiment', ...AXES] : labels;
    const endings = kind === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    return endings.map((ending) => [`${name}${ending}`, own] as const);
  }),
]);
const LABELS = new Set([...[...SERIES.values()].flat(), ...ADDED, ...MADE]);

export function isPanel(panel: Panel | RowPanel): panel is Panel {
  return panel.type !== 'row';
}

/** @returns the queries of a panel. */
export function queriesOf(panel: Panel): Dataquery[] {
  return (panel.targets ?? []) as Dataquery[];
}

/** @returns what the variables of a board are at first: everything, or what is current. */
export function firstValues({ dashboard }: Board): Record<string, string> {
  const firstOf = ({ allValue, current }: VariableModel) => allValue ?? String(current?.value ?? '');
  return Object.fromEntries((dashboard.templating.list ?? []).map((one) => [one.name, firstOf(one)]));
}

/** @returns everything that is wrong with a dashboard, a sentence each, panel by panel. */
export function errorsOf(board: Board): string[] {
  const { dashboard } = board;
  const panels = dashboard.panels ?? [];
  const errors = [...overlaps(panels), ...variableErrors(board)];
  if (!/^ridgepoint-[a-z]+$/.test(dashboard.uid ?? '')) errors.push('its uid is not ridgepoint-<name>');
  if (dashboard.id !== undefined) errors.push('it has an id, which only a Grafana gives');
  if ((dashboard.description ?? '') === '') errors.push('it has no description');
  const ids = panels.map(({ id }) => id);
  if (new Set(ids).size < ids.length || ids.includes(undefined)) errors.push('ids are missing or not unique');
  const values = firstValues(board);
  for (const panel of panels.filter(isPanel)) errors.push(...panelErrors(panel, values));
  return errors.map((error) => `${board.file}: ${error}`);
}

function panelErrors(panel: Panel, values: Record<string, string>): string[] {
  const errors: string[] = [];
  const queries = queriesOf(panel);
  if ((panel.title ?? '') === '') errors.push('it has no title');
  if (!(panel.description ?? '').endsWith('.')) errors.push('it has no description of whole sentences');
  if ((panel.fieldConfig?.defaults.unit ?? '') === '') errors.push('it has no unit');
  if (queries.length === 0) errors.push('it asks nothing');
  if (new Set(queries.map(({ refId }) => refId)).size < queries.length)
    errors.push('two queries have one letter');
  for (const source of [panel.datasource, ...queries.map(({ datasource }) => datasource)]) {
    if (source?.uid !== DATASOURCE.uid) errors.push('its data source is not the one that the reader chooses');
  }
  for (const { expr } of queries) errors.push(...queryErrors(expr, values));
  return errors.map((error) => `"${panel.title}": ${error}`);
}

function queryErrors(expr: string, values: Record<string, string>): string[] {
  const { errors: syntax, selectors, grouped } = partsOf(substitute(expr, values));
  const errors = syntax.map((error) => `no PromQL: ${error}`);
  if (selectors.length === 0) errors.push('it asks for no metric');
  for (const { metric, labels } of selectors) {
    const known = SERIES.get(metric);
    if (known === undefined) errors.push(`nobody exports ${metric}`);
    for (const label of labels) {
      if (known !== undefined && ![...known, ...ADDED].includes(label))
        errors.push(`${metric} has no ${label}`);
    }
  }
  for (const label of grouped) if (!LABELS.has(label)) errors.push(`nothing has the label ${label}`);
  return errors;
}

function variableErrors({ dashboard }: Board): string[] {
  const defined = (dashboard.templating.list ?? []).map(({ name }) => name);
  const panels = (dashboard.panels ?? []).filter(isPanel);
  const used = new Set(
    panels.flatMap((panel) => variablesIn(JSON.stringify([panel.title, panel.datasource, panel.targets]))),
  );
  return [
    ...[...used].filter((name) => !defined.includes(name)).map((name) => `no variable is called ${name}`),
    ...defined.filter((name) => !used.has(name)).map((name) => `the variable ${name} is not used`),
  ];
}

function overlaps(panels: readonly (Panel | RowPanel)[]): string[] {
  const errors: string[] = [];
  for (const [i, { gridPos: a, title }] of panels.entries()) {
    if (a === undefined) {
      errors.push(`"${title}" has no place`);
      continue;
    }
    if (a.x < 0 || a.x + a.w > 24) errors.push(`"${title}" is beyond the edge`);
    for (const { gridPos: b, title: other } of panels.slice(i + 1)) {
      if (b === undefined) continue;
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      if (!apart) errors.push(`"${title}" lies on "${other}"`);
    }
  }
  return errors;
}
