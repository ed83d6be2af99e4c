import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import { FieldColorBuilder, FieldColorModeId, type Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as table from '@grafana/grafana-foundation-sdk/table';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';

/** The reader's choice: no dashboard names a data source of its own. */
export const DATASOURCE = { type: 'prometheus', uid: '$' + '{datasource}' };

/** A panel without its place: the board gives it one. Width in 24ths. */
export interface Sized {
  readonly width: number;
  readonly height: number;
  readonly panel: Placeable;
}

export interface Placeable extends Builder<Panel> {
  id(id: number): unknown;
  gridPos(at: { x: number; y: number; w: number; h: number }): unknown;
}

export interface PanelHead {
  readonly title: string;
  /** What it shows, and what it does not; a sentence or two. */
  readonly description: string;
  readonly width?: number;
  readonly height?: number;
}

interface PanelOptions extends PanelHead {
  /** Grafana's word for it. */
  readonly unit: string;
}

/** Queries by their legends, in which `{{label}}` stands for a label's value. */
type Lines = Readonly<Record<string, string>>;

/** The builder of any kind of panel. */
interface Titled<Panel> {
  title(text: string): Panel;
  description(text: string): Panel;
  datasource(source: typeof DATASOURCE): Panel;
  unit(unit: string): Panel;
}

/** @returns a panel with what every panel has. */
export function titled<P extends Titled<P>>(panel: P, { title, description }: PanelHead, unit = 'short'): P {
  return panel.title(title).description(description).datasource(DATASOURCE).unit(unit);
}

const query = (index: number, expr: string) =>
  new DataqueryBuilder().datasource(DATASOURCE).refId(letter(index)).expr(expr);

function letter(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function instants(lines: Lines): Builder<Dataquery>[] {
  return Object.entries(lines).map(([legend, expr], i) => query(i, expr).legendFormat(legend).instant());
}

/** An instant query whose labels become columns. */
export function rows(expr: string, index: number): Builder<Dataquery> {
  return query(index, expr).instant().format(PromQueryFormat.Table);
}

export const byName = () => new FieldColorBuilder().mode(FieldColorModeId.PaletteClassicByName);

/** Lines over time. */
export function overTime(
  options: PanelOptions & { readonly lines: Lines; readonly stacked?: boolean },
): Sized {
  const ranges = Object.entries(options.lines);
  const panel = titled(new timeseries.PanelBuilder(), options, options.unit)
    .targets(ranges.map(([legend, expr], i) => query(i, expr).legendFormat(legend).range()))
    .colorScheme(byName())
    .fillOpacity(options.stacked ? 40 : 0)
    .showPoints(common.VisibilityMode.Never)
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
  if (options.stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  return { panel, width: options.width ?? 12, height: options.height ?? 8 };
}

/** One number for each series, as it is now. */
export function number(options: PanelOptions & { readonly lines: Lines }): Sized {
  const panel = titled(new stat.PanelBuilder(), options, options.unit)
    .targets(instants(options.lines))
    .colorScheme(byName())
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.ValueAndName)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  return { panel, width: options.width ?? 6, height: options.height ?? 4 };
}

/** A bar for each series, as it is now. */
export function bars(options: PanelOptions & { readonly lines: Lines }): Sized {
  const panel = titled(new bargauge.PanelBuilder(), options, options.unit)
    .min(0)
    .targets(instants(options.lines))
    .colorScheme(byName())
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  return { panel, width: options.width ?? 12, height: options.height ?? 8 };
}

/** Buckets of a histogram over time; the legend of its query has to be `{{le}}`. */
export function buckets(options: PanelOptions & { readonly expr: string }): Sized {
  const panel = titled(new heatmap.PanelBuilder(), options)
    .targets([query(0, options.expr).legendFormat('{{le}}').format(PromQueryFormat.Heatmap).range()])
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(options.unit));
  return { panel, width: options.width ?? 12, height: options.height ?? 8 };
}

export interface Column {
  readonly name: string;
  readonly expr: string;
  readonly unit: string;
}

/**
 * Rows by labels, a column for each query.
 * @param options.by labels that make a row; every query is reduced to them, so that rows can be merged
 */
export function grid(
  options: PanelHead & {
    readonly by: readonly string[];
    readonly columns: readonly Column[];
    readonly sortBy?: string;
  },
): Sized {
  const { by, columns } = options;
  const panel = titled(new table.PanelBuilder(), options)
    .targets(columns.map(({ expr }, i) => rows(`max by (${by.join(', ')}) (${expr})`, i)))
    .transformations(merged(by, columns))
    .filterable(true);
  for (const { name, unit } of columns) panel.overrideByName(name, [{ id: 'unit', value: unit }]);
  if (options.sortBy !== undefined) {
    panel.sortBy([new common.TableSortByFieldStateBuilder().displayName(options.sortBy).desc(true)]);
  }
  return { panel, width: options.width ?? 24, height: options.height ?? 9 };
}

/**
 * @returns what makes one table of several queries: the labels that name a row, then a column for each query,
 *   by its name.
 */
export function merged(labels: readonly string[], columns: readonly { readonly name: string }[]) {
  // What Grafana calls the values of a table query: with its letter as soon as there are several.
  const fields = columns.map((_, i) => (columns.length === 1 ? 'Value' : `Value #${letter(i)}`));
  return [
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries([...labels, ...fields].map((name, i) => [name, i])),
        renameByName: Object.fromEntries(columns.map(({ name }, i) => [fields[i], name])),
      },
    },
  ];
}
