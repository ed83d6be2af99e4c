import type { DataTransformerConfig, Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { isPanel, queriesOf } from '../../../dashboards/grafana/lint.js';

/** A series as Prometheus gives it: its labels, and values by time (one for an instant). */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, number])[];
}

export type Cell = string | number | null;

/** A table as Grafana hands it on: columns by name, in order. */
export interface Frame {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly values: readonly Cell[] }[];
}

export { isPanel };

/**
 * What a panel with table queries draws: its answers as Grafana's tables, through its transformations. A
 * model of those that our dashboards use, written from what we know of Grafana and never held against one;
 * anything else is an error.
 */
export function framesOf(panel: Panel, answers: readonly (readonly Series[])[]): Frame[] {
  const frames = queriesOf(panel).map(({ refId }, i) =>
    tableOf(answers[i] ?? [], answers.length > 1 ? `Value #${refId}` : 'Value'),
  );
  return (panel.transformations ?? []).reduce(transform, frames);
}

/** Labels become columns, one that a series has not is empty there. */
function tableOf(series: readonly Series[], valueName: string): Frame {
  const labels = [...new Set(series.flatMap((one) => Object.keys(one.labels)))].sort();
  const last = (one: Series) => one.values.at(-1) ?? [0, Number.NaN];
  return {
    name: '',
    fields: [
      { name: 'Time', values: series.map((one) => last(one)[0]) },
      ...labels.map((name) => ({ name, values: series.map((one) => one.labels[name] ?? '') })),
      { name: valueName, values: series.map((one) => last(one)[1]) },
    ],
  };
}

// biome-ignore lint/suspicious/noExplicitAny: the SDK types options of transformations so.
type Options = any;

function transform(frames: Frame[], { id, options }: DataTransformerConfig): Frame[] {
  switch (id) {
    case 'merge':
      return [merge(frames)];
    case 'organize':
      return frames.map((frame) => organize(frame, options));
    case 'sortBy':
      return frames.map((frame) => sortBy(frame, options.sort[0]));
    case 'partitionByValues':
      return frames.flatMap((frame) => partition(frame, options.fields));
    default:
      throw new Error(`the transformation ${id} is not known here`);
  }
}

type Row = Record<string, Cell>;

function rowsOf({ fields }: Frame): Row[] {
  const count = fields[0]?.values.length ?? 0;
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(fields.map(({ name, values }) => [name, values[i] ?? null])),
  );
}

function frameOf(name: string, fields: readonly string[], rows: readonly Row[]): Frame {
  return {
    name,
    fields: fields.map((field) => ({ name: field, values: rows.map((row) => row[field] ?? null) })),
  };
}

/** Rows become one where nothing that both have differs. */
function merge(frames: readonly Frame[]): Frame {
  const names = [...new Set(frames.flatMap(({ fields }) => fields.map(({ name }) => name)))];
  const merged: Row[] = [];
  for (const row of frames.flatMap(rowsOf)) {
    const fits = merged.find((other) =>
      Object.entries(row).every(([name, value]) => !(name in other) || other[name] === value),
    );
    if (fits === undefined) merged.push({ ...row });
    else Object.assign(fits, row);
  }
  return frameOf('', names, merged);
}

function organize(frame: Frame, options: Options): Frame {
  const place = (name: string) => options.indexByName[name] ?? Number.POSITIVE_INFINITY;
  const kept = frame.fields
    .filter(({ name }) => options.excludeByName[name] !== true)
    .sort((a, b) => place(a.name) - place(b.name));
  return {
    ...frame,
    fields: kept.map(({ name, values }) => ({ name: options.renameByName[name] ?? name, values })),
  };
}

function sortBy(frame: Frame, { field, desc }: { field: string; desc: boolean }): Frame {
  const names = frame.fields.map(({ name }) => name);
  const sign = desc ? -1 : 1;
  const rows = rowsOf(frame).sort((a, b) => sign * (Number(a[field]) - Number(b[field])));
  return frameOf(frame.name, names, rows);
}

function partition(frame: Frame, by: readonly string[]): Frame[] {
  const names = frame.fields.map(({ name }) => name).filter((name) => !by.includes(name));
  const groups = new Map<string, Row[]>();
  for (const row of rowsOf(frame)) {
    const key = by.map((name) => String(row[name])).join(' ');
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups].map(([name, rows]) => frameOf(name, names, rows));
}
