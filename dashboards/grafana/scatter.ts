import * as common from '@grafana/grafana-foundation-sdk/common';
import { FieldColorBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import * as xychart from '@grafana/grafana-foundation-sdk/xychart';
import { DATASOURCE, type PanelOptions, rows, type Sized, valueField } from './panels.js';

export interface ScatterAxis {
  /** A vector with the labels `series` and `point` and no others (`named`). */
  readonly expr: string;
  readonly name: string;
  readonly unit: string;
  readonly log?: boolean;
}

/** Series whose names begin so are drawn as lines through their points. */
export const LINE = 'roof ';

/**
 * Points of two queries, joined by what they are called. Grafana makes a series of each value of `series`, of which the
 * first number is across and the next up.
 */
export function scatter(
  options: Omit<PanelOptions, 'unit'> & { readonly x: ScatterAxis; readonly y: ScatterAxis },
): Sized {
  const axes = [options.x, options.y];
  const fields = axes.map((_, i) => valueField(i, axes.length));
  const panel = new xychart.PanelBuilder()
    .title(options.title)
    .description(options.description)
    .datasource(DATASOURCE)
    .unit(options.y.unit)
    .targets(axes.map(({ expr }, i) => rows(expr, i)))
    .transformations([
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          indexByName: Object.fromEntries(['series', 'point', ...fields].map((name, i) => [name, i])),
          renameByName: Object.fromEntries(axes.map(({ name }, i) => [fields[i], name])),
        },
      },
      // Lines go from point to point as they come.
      { id: 'sortBy', options: { fields: {}, sort: [{ field: options.x.name, desc: false }] } },
      { id: 'partitionByValues', options: { fields: ['series'], keepFields: false } },
    ])
    .colorScheme(new FieldColorBuilder().mode('palette-classic-by-name' as never))
    .mapping(xychart.SeriesMapping.Auto)
    .show(xychart.XYShowMode.Points)
    .pointSize({ fixed: 8 })
    .legend(
      new common.VizLegendOptionsBuilder()
        .showLegend(true)
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .calcs([]),
    );
  for (const { name, unit, log } of axes) {
    const scale = log ? { type: 'log', log: 10 } : { type: 'linear' };
    panel.overrideByName(name, [
      { id: 'unit', value: unit },
      { id: 'custom.axisLabel', value: name },
      { id: 'custom.scaleDistribution', value: scale },
    ]);
  }
  panel.overrideByRegexp(`/^${LINE}/`, [
    { id: 'custom.show', value: 'lines' },
    { id: 'custom.lineWidth', value: 2 },
  ]);
  return { panel, width: options.width ?? 12, height: options.height ?? 12 };
}
