import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type { Builder, Dataquery } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import { FieldColorBuilder, type Panel } from '@grafana/grafana-foundation-sdk/dashboard';
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

export interface PanelOptions {
  readonly title: string;
  /** What it shows, and what it does not; a sentence or two. */
  readonly description: string;
  /** Grafana's word for it. */
  readonly unit: string;
  readonly width?: number;
  readonly height?: number;
}

export interface Line {
  readonly expr: string;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

export function letter(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

function ranges(lines: readonly Line[]): Builder<Dataquery>[] {
  return lines.map(({ expr, legend }, i) =>
    new DataqueryBuilder().datasource(DATASOURCE).refId(letter(i)).expr(expr).legendFormat(legend).range(),
  );
}

function instants(lines: readonly Line[]): Builder<Dataquery>[] {
  return lines.map(({ expr, legend }, i) =>
    new DataqueryBuilder().datasource(DATASOURCE).refId(letter(i)).expr(expr).legendFormat(legend).instant(),
  );
}

/** An instant query whose labels become columns. */
export function rows(expr: string, index: number): Builder<Dataquery> {
  return new DataqueryBuilder()
    .datasource(DATASOURCE)
    .refId(letter(index))
    .expr(expr)
    .instant()
    .format(PromQueryFormat.Table);
}

const byName = () => new FieldColorBuilder().mode('palette-classic-by-name' as never);

/** Lines over time. */
export function overTime(
  options: PanelOptions & { readonly lines: readonly Line[]; readonly stacked?: boolean },
): Sized {
  const panel = new timeseries.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE)
    .unit(options.unit)
    .targets(ranges(options.lines))
    .colorScheme(byName())
    .fillOpacity(options.stacked ? 40 : 0)
    .showPoints(common.VisibilityMode.Never)
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi));
  if (options.stacked) panel.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal));
  return { panel, width: options.width ?? 12, height: options.height ?? 8 };
}

/** One number for each series, as it is now. */
export function number(options: PanelOptions & { readonly lines: readonly Line[] }): Sized {
  const panel = new stat.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE)
    .unit(options.unit)
    .targets(instants(options.lines))
    .colorScheme(byName())
    .graphMode(common.BigValueGraphMode.None)
    .textMode(common.BigValueTextMode.ValueAndName)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  return { panel, width: options.width ?? 6, height: options.height ?? 4 };
}

/** A bar for each series, as it is now. */
export function bars(options: PanelOptions & { readonly lines: readonly Line[] }): Sized {
  const panel = new bargauge.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE)
    .unit(options.unit)
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
  const panel = new heatmap.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE)
    .unit('short')
    .targets([
      new DataqueryBuilder()
        .datasource(DATASOURCE)
        .refId('A')
        .expr(options.expr)
        .legendFormat('{{le}}')
        .format(PromQueryFormat.Heatmap)
        .range(),
    ])
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
  options: Omit<PanelOptions, 'unit'> & {
    readonly by: readonly string[];
    readonly columns: readonly Column[];
    readonly sortBy?: string;
  },
): Sized {
  const { by, columns } = options;
  const panel = new table.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE)
    .unit('short')
    .targets(columns.map(({ expr }, i) => rows(`max by (${by.join(', ')}) (${expr})`, i)))
    .transformations([
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(
            [...by, ...columns.map((_, i) => valueField(i, columns.length))].map((name, i) => [name, i]),
          ),
          renameByName: Object.fromEntries(
            columns.map(({ name }, i) => [valueField(i, columns.length), name]),
          ),
        },
      },
    ])
    .filterable(true);
  for (const { name, unit } of columns) panel.overrideByName(name, [{ id: 'unit', value: unit }]);
  if (options.sortBy !== undefined) {
    panel.sortBy([new common.TableSortByFieldStateBuilder().displayName(options.sortBy).desc(true)]);
  }
  return { panel, width: options.width ?? 24, height: options.height ?? 9 };
}

/** What Grafana calls the values of a table query: with its letter as soon as there are several. */
export function valueField(index: number, of: number): string {
  return of === 1 ? 'Value' : `Value #${letter(index)}`;
}
