import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { describe, expect, test } from 'vitest';
import type { Board } from '../../../dashboards/grafana/board.js';
import { boards } from '../../../dashboards/grafana/index.js';
import {
  errorsOf,
  isPanel,
  partsOf,
  queriesOf,
  substitute,
  variablesIn,
} from '../../../dashboards/grafana/lint.js';
import { ROOT } from '../../support/ridge.js';

/** @returns the errors of the first dashboard after something was done to it. */
function after(spoil: (board: Board, panel: Panel) => void): string {
  const board = JSON.parse(JSON.stringify(boards()[0])) as Board;
  const panel = board.dashboard.panels?.find(isPanel);
  if (panel === undefined) throw new Error('the dashboard has no panel');
  spoil(board, panel);
  return errorsOf(board).join('\n');
}

describe('dashboards', () => {
  test.each(boards().map((board) => [board.file, board] as const))(
    '%s is without errors and as its code says',
    (file, board) => {
      expect(errorsOf(board)).toEqual([]);
      const written = JSON.parse(readFileSync(join(ROOT, 'dashboards/grafana', file), 'utf8')) as unknown;
      expect(written).toEqual(JSON.parse(JSON.stringify(board.dashboard)));
    },
  );

  test('have addresses of their own', () => {
    const uids = boards().map(({ dashboard }) => dashboard.uid);
    expect(new Set(uids).size).toBe(7);
  });

  const expression = (panel: Panel, expr: string) => {
    const [query] = queriesOf(panel);
    if (query !== undefined) query.expr = expr;
  };
  test.each<[string, (board: Board, panel: Panel) => void, string]>([
    ['no unit', (_, panel) => delete panel.fieldConfig?.defaults.unit, 'it has no unit'],
    ['no description', (_, panel) => delete panel.description, 'no description'],
    ['a data source of its own', (_, panel) => (panel.datasource = { uid: 'P1809' }), 'data source'],
    ['an id twice', ({ dashboard }, panel) => (panel.id = dashboard.panels?.at(-1)?.id ?? 0), 'not unique'],
    ['a panel on another', (_, panel) => (panel.gridPos = { x: 0, y: 0, w: 24, h: 30 }), 'lies on'],
    [
      'a panel beyond the edge',
      (_, panel) => (panel.gridPos = { x: 20, y: 900, w: 6, h: 4 }),
      'beyond the edge',
    ],
    ['no query', (_, panel) => (panel.targets = []), 'it asks nothing'],
    ['no PromQL', (_, panel) => expression(panel, 'sum by (state ridgepoint_trials_total'), 'no PromQL'],
    ['an unknown function', (_, panel) => expression(panel, 'summ(ridgepoint_trials_total)'), 'no PromQL'],
    [
      'a metric of nobody',
      (_, panel) => expression(panel, 'ridgepoint_trails_total'),
      'nobody exports ridgepoint_trails_total',
    ],
    [
      'a label of nobody',
      (_, panel) => expression(panel, 'sum by (stat) (ridgepoint_trials_total)'),
      'label stat',
    ],
    [
      'a condition on a label it has not',
      (_, panel) => expression(panel, 'ridgepoint_trials_total{sweep="a"}'),
      'ridgepoint_trials_total has no sweep',
    ],
    [
      'an unknown variable',
      (_, panel) => expression(panel, 'ridgepoint_trials_total{state="$stat"}'),
      'no variable is called stat',
    ],
  ])('%s is seen', (_, spoil, expected) => {
    expect(after(spoil)).toContain(expected);
  });
});

test('queries are taken apart', () => {
  const { errors, selectors, grouped } = partsOf(
    'quantile by (a) (0.5, x{b="1", c!~"2"} * on (d) group_left (e) y) or rate(z[5m])',
  );
  expect(errors).toEqual([]);
  expect(selectors).toEqual([
    { metric: 'x', labels: ['b', 'c'] },
    { metric: 'y', labels: [] },
    { metric: 'z', labels: [] },
  ]);
  expect(grouped).toEqual(['a', 'd', 'e']);
});

test('variables are put in, whole names only', () => {
  const braced = (name: string) => `$\{${name}}`.replace('\\', '');
  const expr = `a{x="$sweep"} $sweeper ${braced('sweep')} [$__range]`;
  expect(substitute(expr, { sweep: 's' })).toBe('a{x="s"} $sweeper s [10m]');
  expect(variablesIn(`$a ${braced('b')} $__interval`)).toEqual(['a', 'b']);
});
