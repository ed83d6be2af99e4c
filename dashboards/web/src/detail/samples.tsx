import { useMemo } from 'preact/hooks';
import type { ResultRecord } from '../../../../core/result/result.js';
import { quantity, tick } from '../../../../report/scale.js';
import { ChartView, type Option } from '../charts/chart.js';
import { axisStyle, axisTooltip, colour, FONT, numberAxis, series } from '../charts/palette.js';
import type { Theme } from '../theme.js';
import { type Strip, stripsOf } from './series.js';

const STRIP = 86;
const MOST = 8;

/** Readings of the meters over the trial, one strip each on one time axis, decode phases shaded. */
export function Samples({ trial, theme }: { trial: ResultRecord; theme: Theme }) {
  const all = useMemo(() => stripsOf(trial), [trial]);
  const strips = all.slice(0, MOST);
  const option = useMemo(() => samplesOption(trial, all.slice(0, MOST)), [trial, all, theme]);
  if (strips.length === 0) return null;
  return (
    <section>
      <h3>Meters</h3>
      <ChartView option={option} label="Readings over the trial" height={strips.length * STRIP + 24} />
      {all.length > MOST && <p class="quiet">{all.length - MOST} more series are in the record.</p>}
    </section>
  );
}

function samplesOption(trial: ResultRecord, lines: readonly Strip[]): Option {
  const end = Math.max(
    ...trial.phases.map((p) => p.endSeconds),
    ...lines.map((s) => s.points.at(-1)?.[0] ?? 0),
    0,
  );
  const decode = trial.phases.filter((p) => p.name === 'decode');
  return {
    animation: false,
    textStyle: { fontFamily: FONT },
    tooltip: axisTooltip((items: readonly { seriesIndex: number; value: [number, number] }[]) =>
      items.map(({ seriesIndex, value: [seconds, value] }) => {
        const { label, unit } = lines[seriesIndex]!;
        return `${label} ${quantity(value, unit)} at ${quantity(seconds, 's')}`;
      }),
    ),
    grid: lines.map((_, i) => ({
      left: 70,
      right: 12,
      top: i * STRIP + 22,
      height: STRIP - 34,
      outerBoundsMode: 'none',
    })),
    xAxis: lines.map((_, i) =>
      numberAxis(
        (v: number) => tick(v, 's'),
        { gridIndex: i, min: 0, max: end, splitLine: { show: false } },
        { show: i === lines.length - 1, showMaxLabel: false },
      ),
    ),
    yAxis: lines.map((line, i) =>
      numberAxis((v: number) => tick(v, line.unit), {
        gridIndex: i,
        scale: line.unit !== 'W',
        splitNumber: 2,
        name: line.label,
        nameLocation: 'end',
        nameGap: 8,
        nameTextStyle: { ...axisStyle().nameTextStyle, align: 'left', fontSize: 11 },
      }),
    ),
    series: lines.map((line, i) => ({
      type: 'line',
      xAxisIndex: i,
      yAxisIndex: i,
      showSymbol: false,
      animation: false,
      data: line.points,
      lineStyle: { width: 1.4, color: series(0) },
      itemStyle: { color: series(0) },
      markArea: {
        silent: true,
        itemStyle: { color: colour('faint') },
        data: decode.map((p) => [{ xAxis: p.startSeconds }, { xAxis: p.endSeconds }]),
      },
    })),
  };
}
