import type { ChartOperator, RooflineChart } from '../../roofline/analysis/chart.js';
import { AXIS, FONT, INK, LEGEND, LINE, SERIES, SMALL, tick, title } from './style.js';

const decadeBelow = (value: number) => 10 ** Math.floor(Math.log10(value));
const decadeAbove = (value: number) => 10 ** Math.ceil(Math.log10(value));

/** An operator that takes all the time of its phase has a dot this much wider than one that takes none. */
const DOT = { least: 6, range: 22 };
/** Operators with a smaller share of their phase stay without their name. */
const NAMED_SHARE = 0.02;

/**
 * A roofline (Williams et al., CACM 2009): slope, ceilings, ridge point, and a dot for each operator, as
 * large as its share of the time.
 */
export function rooflineOption(chart: RooflineChart) {
  const { roof, groups } = chart;
  const operators = groups.flatMap((group) => group.operators);
  const peaks = roof.peaks.map(({ flopsPerSecond }) => flopsPerSecond);
  const top = Math.max(...peaks, ...operators.map(({ flopsPerSecond }) => flopsPerSecond));
  const ridges = peaks.map((peak) => peak / roof.memoryBytesPerSecond);
  const left = decadeBelow(Math.min(...operators.map(({ intensity }) => intensity), ...ridges));
  const right = decadeAbove(Math.max(...operators.map(({ intensity }) => intensity), ...ridges) * 2);
  const highest = top / roof.memoryBytesPerSecond;
  return {
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: FONT },
    title: title(chart.title),
    legend: { ...LEGEND, data: groups.map(({ name }) => name) },
    grid: { left: 76, right: 40, top: 74, bottom: 58 },
    xAxis: {
      ...AXIS,
      type: 'log',
      min: left,
      max: right,
      name: 'arithmetic intensity (FLOP/B)',
      nameGap: 30,
      axisLabel: { ...AXIS.axisLabel, formatter: tick },
    },
    yAxis: {
      ...AXIS,
      type: 'log',
      min: decadeBelow(left * roof.memoryBytesPerSecond),
      max: decadeAbove(top * 1.2),
      name: 'FLOP/s',
      nameGap: 56,
      axisLabel: { ...AXIS.axisLabel, formatter: tick },
    },
    series: [
      slope(chart, left, highest),
      ...reachableLines(chart, left, right),
      ...roof.peaks.map(({ arithmetic, flopsPerSecond }) =>
        ceiling(arithmetic, flopsPerSecond, flopsPerSecond / roof.memoryBytesPerSecond, right),
      ),
      ...groups.map(({ name, operators: own }, i) => ({
        type: 'scatter',
        name,
        z: 3,
        itemStyle: { color: SERIES[i % SERIES.length], opacity: 0.8 },
        data: mergeDots(own).map(({ name: operator, intensity, flopsPerSecond, share }) => ({
          value: [intensity, flopsPerSecond],
          symbolSize: DOT.least + DOT.range * Math.sqrt(share),
          label: {
            show: share >= NAMED_SHARE,
            formatter: operator,
            // Beside the slope there is room to the right, and below a ceiling.
            position: intensity * roof.memoryBytesPerSecond > flopsPerSecond * 1.01 ? 'bottom' : 'right',
            ...SMALL,
            fontSize: 10,
          },
        })),
        labelLayout: { hideOverlap: true },
      })),
    ],
  };
}

/** Operators that fall on one place are one dot with all their names: gate and up, K and V. */
function mergeDots(operators: readonly ChartOperator[]): ChartOperator[] {
  const places = new Map<string, ChartOperator>();
  for (const operator of operators) {
    const key = `${operator.intensity.toPrecision(2)} ${operator.flopsPerSecond.toPrecision(2)}`;
    const there = places.get(key);
    places.set(
      key,
      there === undefined
        ? operator
        : { ...there, name: `${there.name}, ${operator.name}`, share: there.share + operator.share },
    );
  }
  return [...places.values()];
}

/** What a ceiling and the slope have in common. */
const STROKE = { type: 'line', symbol: 'none', silent: true, lineStyle: { color: INK, width: 1.5 } } as const;

function slope({ roof }: RooflineChart, left: number, highest: number) {
  const { memoryBytesPerSecond: rate } = roof;
  return {
    ...STROKE,
    name: 'memory',
    data: [
      [left, left * rate],
      [highest, highest * rate],
    ],
    // The ridge point of the highest ceiling that matrices stand under.
    markLine:
      roof.ridgePoint === null
        ? undefined
        : {
            silent: true,
            symbol: 'none',
            lineStyle: { color: LINE, type: 'dashed', width: 1 },
            label: {
              formatter: `ridge point ${tick(roof.ridgePoint)} FLOP/B`,
              position: 'insideStartTop',
              ...SMALL,
            },
            data: [{ xAxis: roof.ridgePoint }],
          },
    endLabel: { show: false },
    markPoint: {
      symbolSize: 1,
      label: { formatter: `${tick(rate)}B/s`, position: 'left', ...SMALL },
      data: [{ coord: [Math.sqrt(left * highest), Math.sqrt(left * highest) * rate] }],
    },
  };
}

/** What measured operators reach of memory and of each ceiling, dashed below them. */
function reachableLines({ roof, reachable }: RooflineChart, left: number, right: number) {
  if (reachable === null) return [];
  const { memoryBytesPerSecond: rate, peaks } = reachable;
  const dashed = { ...STROKE, lineStyle: { color: LINE, width: 1, type: 'dashed' } };
  const ceilings = roof.peaks.flatMap(({ arithmetic }) => peaks[arithmetic] ?? []);
  const highest = Math.max(...ceilings);
  return [
    {
      ...dashed,
      name: 'memory, reachable',
      data: [
        [left, left * rate],
        [highest / rate, highest],
      ],
    },
    ...ceilings.map((peak) => ({
      ...dashed,
      name: 'reachable',
      data: [
        [peak / rate, peak],
        [right, peak],
      ],
    })),
  ];
}

function ceiling(arithmetic: string, rate: number, from: number, to: number) {
  return {
    ...STROKE,
    name: arithmetic,
    data: [
      [from, rate],
      [to, rate],
    ],
    markPoint: {
      symbolSize: 1,
      label: { formatter: `${tick(rate)}FLOP/s in ${arithmetic}`, position: 'top', ...SMALL },
      data: [{ coord: [Math.sqrt(from * to), rate] }],
    },
  };
}
