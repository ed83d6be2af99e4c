import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Board } from '../../../dashboards/grafana/board.js';
import { firstValues, queriesOf, substitute } from '../../../dashboards/grafana/lint.js';
import { LINE } from '../../../dashboards/grafana/scatter.js';
import { type Frame, framesOf, isPanel, type Series } from './frames.js';

/** What a panel would draw. */
export interface Shown {
  readonly board: string;
  readonly panel: Panel;
  /** One list for each query. */
  readonly answers: readonly (readonly Series[])[];
  /** Of tables and scatter charts, after their transformations. */
  readonly frames: readonly Frame[];
}

/** A stretch of time in seconds since 1970, and between two values of it. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data: {
    readonly result: readonly {
      readonly metric: Record<string, string>;
      readonly value?: [number, string];
      readonly values?: [number, string][];
    }[];
  };
}

/**
 * Asks a Prometheus every query of a dashboard, as Grafana would with everything chosen.
 * @throws on a query that it refuses.
 */
export async function askBoard(url: string, board: Board, stretch: Stretch): Promise<Shown[]> {
  const values = firstValues(board);
  const shown: Shown[] = [];
  for (const panel of (board.dashboard.panels ?? []).filter(isPanel)) {
    const answers: Series[][] = [];
    for (const query of queriesOf(panel)) {
      const expr = substitute(query.expr, values);
      answers.push(await ask(url, expr, query.instant === true ? null : stretch, stretch.end));
    }
    const table = queriesOf(panel)[0]?.format === 'table';
    shown.push({ board: board.file, panel, answers, frames: table ? framesOf(panel, answers) : [] });
  }
  return shown;
}

async function ask(url: string, query: string, stretch: Stretch | null, at: number): Promise<Series[]> {
  const [path, times] =
    stretch === null
      ? (['query', { time: String(at) }] as const)
      : ([
          'query_range',
          { start: String(stretch.start), end: String(stretch.end), step: String(stretch.step) },
        ] as const);
  const body = new URLSearchParams({ query, ...times });
  const answer = (await (await fetch(`${url}/api/v1/${path}`, { method: 'POST', body })).json()) as Answer;
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`);
  return answer.data.result.map(({ metric, value, values }) => ({
    labels: metric,
    values: (values ?? (value === undefined ? [] : [value])).map(([time, text]) => [time, Number(text)]),
  }));
}

/** @returns what keeps a panel from showing something, a sentence each. */
export function emptiness({ board, panel, answers, frames }: Shown): string[] {
  const lacks: string[] = [];
  for (const [i, { refId, legendFormat, format }] of queriesOf(panel).entries()) {
    const series = answers[i] ?? [];
    const finite = series.filter(({ values }) => values.some(([, value]) => Number.isFinite(value)));
    if (finite.length === 0) lacks.push(`query ${refId} has no data`);
    if (format === 'table' || finite.length === 0) continue;
    for (const [, label = ''] of (legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)) {
      if (!finite.some(({ labels }) => (labels[label] ?? '') !== ''))
        lacks.push(`no series has the label ${label}`);
    }
  }
  if (frames.length > 0)
    lacks.push(...(panel.type === 'xychart' ? scatterLacks(frames) : columnLacks(panel, frames)));
  return lacks.map((lack) => `${board}: "${panel.title}": ${lack}`);
}

function columnLacks(panel: Panel, frames: readonly Frame[]): string[] {
  const fields = frames.flatMap((frame) => frame.fields);
  const wanted = (panel.fieldConfig?.overrides ?? []).map(({ matcher }) => String(matcher.options));
  return wanted.flatMap((name) => {
    const field = fields.find((one) => one.name === name);
    if (field === undefined) return [`there is no column ${name}`];
    return field.values.some((value) => Number.isFinite(value)) ? [] : [`the column ${name} is empty`];
  });
}

/** Grafana takes the first number of a frame across and the next up; a point that lacks one is not drawn. */
function scatterLacks(frames: readonly Frame[]): string[] {
  const whole = (frame: Frame) =>
    pointsOf(frame).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).length;
  const wrong = frames.flatMap((frame) => {
    const [point, ...numbers] = frame.fields;
    if (point?.name !== 'point' || numbers.length !== 2)
      return [`"${frame.name}" has not a name and two numbers`];
    const corners = whole(frame);
    return frame.name.startsWith(LINE) && corners !== 3 ? [`"${frame.name}" has ${corners} corners`] : [];
  });
  const drawn = frames.filter(({ name }) => !name.startsWith(LINE)).some((frame) => whole(frame) > 0);
  return drawn ? wrong : [...wrong, 'no point has both numbers'];
}

/** @returns the places of a frame's points: across and up. */
export function pointsOf({ fields }: Frame): [number, number][] {
  const [, x, y] = fields;
  return (x?.values ?? []).map((value, i) => [
    Number(value ?? Number.NaN),
    Number(y?.values[i] ?? Number.NaN),
  ]);
}
