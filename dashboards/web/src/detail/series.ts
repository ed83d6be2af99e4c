import type { ResultRecord, SampleSeries } from '../../../../core/result/result.js';

/** One line over the time of a trial. */
export interface Strip {
  readonly label: string;
  readonly unit: string;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}

/** What a counter becomes when it is drawn: energy as power, CPU time as cores in use. */
const RATES: Readonly<Record<string, string>> = { J: 'W', s: 'cores' };

/** Readings that say nothing as a line: sums of others, maxima, bit masks. */
const NOT_DRAWN = ['systemTotalCpuSeconds', 'processPeakResidentBytes', 'throttleReasons'];

/** What people look for first. */
const ORDER = [/power|energy/i, /processCpu/, /Cpu/, /clock/i, /temperature/i, /resident/i];

/** @returns what there is to draw of a trial's readings, the most telling first. */
export function stripsOf(trial: ResultRecord): Strip[] {
  return trial.samples
    .filter((series) => series.values.length > 1 && !NOT_DRAWN.includes(series.quantity))
    .filter((series) => series.kind === 'gauge' || RATES[series.unit] !== undefined)
    .sort((a, b) => rank(a) - rank(b))
    .map((series) => (series.kind === 'gauge' ? gauge(series) : rate(series)));
}

function rank({ quantity }: SampleSeries): number {
  const at = ORDER.findIndex((pattern) => pattern.test(quantity));
  return at === -1 ? ORDER.length : at;
}

function gauge(series: SampleSeries): Strip {
  const points = series.seconds.map((t, i) => [t, series.values[i] ?? 0] as const);
  return { label: quantityLabel(series.quantity), unit: series.unit, points };
}

/** Growth per second between readings, at the middle of the two. */
function rate(series: SampleSeries): Strip {
  const points = series.seconds.flatMap((t, i) => {
    const before = series.seconds[i - 1];
    if (before === undefined || t <= before) return [];
    const grown = (series.values[i] ?? 0) - (series.values[i - 1] ?? 0);
    return [[(before + t) / 2, grown / (t - before)] as const];
  });
  const label = quantityLabel(series.quantity).replace('energy', 'power');
  return { label, unit: RATES[series.unit] ?? series.unit, points };
}

/** `energyJoules:package-0` → `energy package-0`; the unit is on the axis. */
function quantityLabel(quantity: string): string {
  return quantity
    .replace(/(Seconds|Bytes|Joules|Watts|Hertz|Celsius)(?=$|:)/, '')
    .replace(':', ' ')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/\bcpu\b/, 'CPU');
}
