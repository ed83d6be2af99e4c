import type { Phase, ResultRecord } from '../../../../core/result/result.js';
import type { TrialPower } from '../../../../report/phase-power.js';
import { quantity, tick } from '../../../../report/scale.js';
import { axisTooltip, colour, frameOf, legendOf, numberAxis, series, wordStyle } from '../charts/palette.js';
import type { Plot } from '../charts/plot.js';
import type { Strip } from './series.js';

/** Names in the style sheet of the colours that phases have everywhere on the page. */
export const PHASE_COLOURS: Readonly<Record<Phase['name'], string>> = {
  load: 'c7',
  'warm-up': 'c6',
  prefill: 'c0',
  decode: 'c5',
  train: 'c1',
  kernel: 'c4',
  infer: 'c4',
  serve: 'c5',
  quality: 'c3',
  'energy-prefill': 'c0',
  'energy-decode': 'c5',
  'energy-kernel': 'c4',
  'energy-infer': 'c4',
};

/** Power of every source over the trial, with its phases behind it and the idle machine as a line. */
export function powerPlot(trial: ResultRecord, lines: readonly Strip[], power: TrialPower | null): Plot {
  const end = Math.max(
    ...trial.phases.map((p) => p.endSeconds),
    ...lines.map((l) => l.points.at(-1)?.[0] ?? 0),
  );
  const idle = power?.idleWatts ?? null;
  return {
    xLog: false,
    yLog: false,
    option: {
      ...frameOf({ left: 12, right: 20, top: 34, bottom: 30 }),
      legend: legendOf({ show: lines.length > 1, top: 2, data: lines.map(({ label }) => label) }),
      tooltip: axisTooltip((items: readonly { seriesName: string; value: [number, number] }[]) => {
        const seconds = items[0]?.value[0] ?? 0;
        const phase = trial.phases.find((p) => p.startSeconds <= seconds && seconds <= p.endSeconds);
        const when = `${quantity(seconds, 's')}${phase === undefined ? '' : `, ${nameOf(phase)}`}`;
        return [when, ...items.map((item) => `${item.seriesName} ${quantity(item.value[1], 'W')}`)];
      }),
      xAxis: numberAxis((v: number) => tick(v, 's'), { min: 0, max: end, splitLine: { show: false } }),
      yAxis: numberAxis((v: number) => tick(v, 'W')),
      series: lines.map((line, i) => ({
        type: 'line',
        name: line.label,
        showSymbol: false,
        animation: false,
        data: line.points,
        lineStyle: { width: 1.4, color: i === 0 ? colour('ink') : series(i + 1) },
        itemStyle: { color: i === 0 ? colour('ink') : series(i + 1) },
        ...(i === 0 && { markArea: phaseAreas(trial.phases), markLine: idleLine(idle) }),
      })),
    },
    points: (power?.single ?? []).flatMap(({ phase, joules }) => {
      const seconds = phase.endSeconds - phase.startSeconds;
      if (joules === null || !(seconds > 0)) return [];
      const text = () =>
        `${nameOf(phase)}: ${quantity(joules / seconds, 'W')} over ${quantity(seconds, 's')}, ${quantity(joules, 'J')}`;
      const x = (phase.startSeconds + phase.endSeconds) / 2;
      return { row: nameOf(phase), x, y: joules / seconds, text };
    }),
    rowAt: () => undefined,
  };
}

function nameOf({ name, repeat }: Phase): string {
  return repeat === null ? name : `${name} ${repeat + 1}`;
}

function phaseAreas(phases: readonly Phase[]) {
  return {
    silent: true,
    data: phases.map((phase) => [
      {
        xAxis: phase.startSeconds,
        itemStyle: { color: colour(PHASE_COLOURS[phase.name]), opacity: 0.2 },
      },
      { xAxis: phase.endSeconds },
    ]),
  };
}

function idleLine(watts: number | null) {
  return {
    silent: true,
    symbol: 'none',
    data: watts === null ? [] : [{ yAxis: watts }],
    lineStyle: { color: colour('quiet'), type: 'dashed', width: 1 },
    label: {
      formatter: `idle ${quantity(watts ?? 0, 'W')}`,
      position: 'insideEndTop',
      ...wordStyle('quiet', 10.5),
    },
  };
}
