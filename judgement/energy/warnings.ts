import type { EnergySource } from '../../core/metrics/energy.js';
import { resetSeconds } from '../../core/metrics/faults.js';
import { type Reading, SHORT_WINDOW_PERIODS } from '../../core/metrics/integrate.js';
import { cleanSeries } from '../../core/metrics/series.js';
import type { SampleSeries } from '../../core/result/result.js';
import { type Warning, type WarningCode, warn } from '../../core/result/warnings.js';
import { LEAST_PERIODS, type ObservationPlan, type Observed } from './observations.js';

/**
 * Rule: a window is long enough when it lasts 20 update periods of the source. An edge can be off by one
 * period, which is then 5 %. For a window that could not be made long enough, a note states the consequence.
 */
export function windowWarnings(source: EnergySource, { whole, parts }: ObservationPlan): Warning[] {
  const limit = `20 update periods of ${source.label} (${(SHORT_WINDOW_PERIODS * source.periodSeconds).toPrecision(2)} s)`;
  return [...parts].flatMap(([name, part]) => {
    const consequence = consequenceOf(part, whole, source.periodSeconds);
    if (consequence === null) return [];
    const typical = part.windowSeconds.toPrecision(3);
    return [warn('window-too-short', `${name} lasts ${typical} s, less than ${limit}; ${consequence}`)];
  });
}

function consequenceOf(part: Observed, whole: Observed, periodSeconds: number): string | null {
  if (part.how === 'lengthened') return tooLittle(part, periodSeconds);
  if (part.how !== 'short' && part.how !== 'unresolved') return null;
  const total = `all repeats together last ${part.totalSeconds.toPrecision(3)} s`;
  const least = `${LEAST_PERIODS} update periods (${(LEAST_PERIODS * periodSeconds).toPrecision(2)} s)`;
  if (part.totalSeconds < SHORT_WINDOW_PERIODS * periodSeconds * (1 - 1e-9)) {
    const none = part.how === 'unresolved' ? `: shorter than ${least}, it has none` : '';
    return `${total} only: its energy is uncertain${none}`;
  }
  if (part.how === 'unresolved')
    return `${total}, so totals hold, but shorter than ${least} it has no energy of its own`;
  const totals =
    whole.how === 'short' ? 'its energy is uncertain' : 'totals hold but the split between phases is blurred';
  return `${total}, so ${totals}`;
}

/**
 * The window was lengthened according to the period known at that time, but the readings show a longer
 * period.
 */
function tooLittle({ observations }: Observed, periodSeconds: number): string | null {
  const lengths = observations.flatMap(({ pieces }) =>
    pieces.flatMap(({ windows }) => windows.map((w) => w.endSeconds - w.startSeconds)),
  );
  const shortest = Math.min(...lengths);
  if (shortest >= SHORT_WINDOW_PERIODS * periodSeconds * (1 - 1e-9)) return null;
  return `it was repeated without a pause for ${shortest.toPrecision(3)} s, which is too short as well: its energy is uncertain`;
}

/**
 * Warnings for observations without an energy, by the fault of their readings.
 * @param observed readings with the name of what they belong to: `repeat`, `prefill`, …
 */
export function lostWarnings(observed: readonly (readonly [string, readonly Reading[]])[]): Warning[] {
  const lost = new Map<WarningCode, { counts: string[]; reason: string }>();
  for (const [name, readings] of observed) {
    for (const code of new Set(readings.flatMap((reading) => codeOf(reading) ?? []))) {
      const own = readings.filter((reading) => codeOf(reading) === code);
      const { counts, reason } = lost.get(code) ?? { counts: [], reason: reasonOf(own[0]) };
      lost.set(code, { counts: [...counts, `${name} ${own.length} of ${readings.length}`], reason });
    }
  }
  return [...lost].map(([code, { counts, reason }]) =>
    warn(code, `${reason}; without energy for it: ${counts.join(', ')}`),
  );
}

const codeOf = (reading: Reading) => (reading.value === null ? (reading.code ?? null) : null);
const reasonOf = (reading: Reading | undefined) => (reading?.value === null ? reading.reason : '');

/** Warnings for counters that were reset, also between two repeats, where no energy is lost. */
export function resetWarnings(source: EnergySource): Warning[] {
  if (source.kind !== 'counter') return [];
  return source.series.flatMap((series) => {
    const when = resetSeconds(series).map((seconds) => `${seconds.toFixed(3)} s`);
    return when.length === 0
      ? []
      : [
          warn(
            'counter-reset',
            `${series.quantity} was reset at ${when.join(', ')}; no repeat is counted across it`,
          ),
        ];
  });
}

const REPAIRS = [
  ['dropped', 'meter-sentinel', 'readings without a value, dropped'],
  ['averaged', 'meter-duplicate', 'readings of the same moment, averaged'],
  ['reordered', 'meter-disorder', 'readings out of order, sorted'],
] as const;

/** Repairs of series of any quantity that were necessary before they could be used. */
export function repairWarnings(samples: readonly SampleSeries[]): Warning[] {
  const cleaned = samples.map(cleanSeries);
  return REPAIRS.flatMap(([repair, code, what]) => {
    const list = cleaned
      .filter(({ repairs }) => repairs[repair] > 0)
      .map(({ quantity, repairs }) => `${quantity} (${repairs[repair]})`);
    return list.length === 0 ? [] : [warn(code, `${what}: ${list.join(', ')}`)];
  });
}
