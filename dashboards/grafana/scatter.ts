import * as common from '@grafana/grafana-foundation-sdk/common';
import * as xychart from '@grafana/grafana-foundation-sdk/xychart';
import { byName, merged, type PanelHead, rows, type Sized, titled } from './panels.js';

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
 * Points of two queries, joined by what they are called. Grafana makes a series of each value of `series`, of
 * which the first number is across and the next up.
 */
export function scatter(options: PanelHead & { readonly x: ScatterAxis; readonly y: ScatterAxis }): Sized {
  const axes = [options.x, options.y];
  const panel = titled(new xychart.PanelBuilder(), options, options.y.unit)
    .targets(axes.map(({ expr }, i) => rows(expr, i)))
    .transformations([
      ...merged(['series', 'point'], axes),
      // Lines go from point to point as they come.
      { id: 'sortBy', options: { fields: {}, sort: [{ field: options.x.name, desc: false }] } },
      { id: 'partitionByValues', options: { fields: ['series'], keepFields: false } },
    ])
    .colorScheme(byName())
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
