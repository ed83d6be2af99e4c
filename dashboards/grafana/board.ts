import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  type VariableModel,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DATASOURCE, type Sized } from './panels.js';

const COLUMNS = 24;

/** A row of panels, which a reader can fold. */
export interface BoardRow {
  readonly title: string;
  readonly panels: readonly Sized[];
}

export interface BoardSpec {
  /** Of the file and of the dashboard's address; never changed, for links hold it. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly variables: readonly Builder<VariableModel>[];
  readonly rows: readonly BoardRow[];
}

export interface Board {
  readonly file: string;
  readonly dashboard: Dashboard;
}

/** Places the panels of each row from left to right, and gives every dashboard what all have. */
export function board(spec: BoardSpec): Board {
  const builder = new DashboardBuilder(`Ridgepoint / ${spec.title}`)
    .uid(`ridgepoint-${spec.name}`)
    .description(spec.description)
    .tags(['ridgepoint'])
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .link(
      new DashboardLinkBuilder('Ridgepoint')
        .type(DashboardLinkType.Dashboards)
        .tags(['ridgepoint'])
        .asDropdown(true)
        .includeVars(true)
        .keepTime(true),
    )
    .variables([
      new DatasourceVariableBuilder('datasource')
        .label('Prometheus')
        .description('Where the metrics are')
        .type('prometheus'),
      ...spec.variables,
    ]);
  let id = 0;
  let y = 0;
  for (const { title, panels } of spec.rows) {
    builder.withRow(new RowBuilder(title).id(++id).gridPos({ x: 0, y: y++, w: COLUMNS, h: 1 }));
    let x = 0;
    let height = 0;
    for (const { panel, width, height: own } of panels) {
      if (x + width > COLUMNS) {
        x = 0;
        y += height;
        height = 0;
      }
      panel.id(++id);
      panel.gridPos({ x, y, w: width, h: own });
      builder.withPanel(panel);
      x += width;
      height = Math.max(height, own);
    }
    y += height;
  }
  return { file: `${spec.name}.json`, dashboard: builder.build() };
}

/** A choice among the values of a label; everything at first. */
export function choice(
  name: string,
  label: string,
  series: string,
  description: string,
): QueryVariableBuilder {
  const query = `label_values(${series}, ${name})`;
  return new QueryVariableBuilder(name)
    .label(label)
    .description(description)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ text: ['All'], value: ['$__all'] });
}

/** The variables of boards about results. */
export const SWEEP = choice(
  'sweep',
  'Sweep',
  'ridgepoint_sweep_points',
  'Sweeps by name; two of one name are shown together',
);
export const MODEL = choice('model', 'Model', 'ridgepoint_experiment_info', 'Models of the results');
