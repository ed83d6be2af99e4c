import { readingsInside } from '../core/metrics/integrate.js';
import type { CleanSeries } from '../core/metrics/series.js';
import { type Warning, warn, warnIf } from '../core/result/warnings.js';
import { median } from '../statistics/quantile.js';
import { CLOCK_CHANGE } from './disturbance.js';
import type { Evidence } from './evidence.js';

/** NVML's clocks-event reasons (nvml.h) by which the driver says why the clock is lower than requested. */
const THROTTLE = {
  'thermal-throttle': { 8: 'hardware slowdown', 32: 'software thermal limit', 64: 'hardware thermal limit' },
  'power-throttle': { 128: 'hardware power brake' },
  // A GPU at full load often runs at its power cap. That is its normal speed, not a disturbance of the trial.
  'power-cap': { 4: 'software power cap' },
} as const;
const THROTTLE_CODES = Object.keys(THROTTLE) as (keyof typeof THROTTLE)[];

/** @returns each of those reasons with its bit. */
export function throttleNames(): { readonly bit: number; readonly name: string }[] {
  return Object.values(THROTTLE).flatMap((names) =>
    Object.entries(names).map(([bit, name]) => ({ bit: Number(bit), name })),
  );
}

/**
 * A monotonic clock should never go backwards, but it sometimes does on a machine that was migrated or
 * resumed during a measurement.
 */
export function clockWentBack({ phases, tokenSeconds }: Evidence['input']): Warning[] {
  const phase = phases.find(({ startSeconds, endSeconds }) => endSeconds < startSeconds);
  const step = tokenSeconds.flat().find((seconds) => seconds < 0);
  if (phase === undefined && step === undefined) return [];
  const what = phase === undefined ? 'a decode step' : `${phase.name} of repeat ${(phase.repeat ?? 0) + 1}`;
  const by = phase === undefined ? step! : phase.endSeconds - phase.startSeconds;
  return [warn('clock-backwards', `${what} ended ${(-by).toPrecision(2)} s before it began`)];
}

/** Compares the repeats in which the clock was read at all. */
export function clockWarnings(
  evidence: Evidence,
  series: CleanSeries | undefined,
  quantity: string,
): Warning[] {
  if (series === undefined) return [];
  const clocks = evidence.repeats.flatMap((repeat) => {
    const windows = [...(repeat.prefill?.windows ?? []), ...(repeat.decode?.windows ?? [])];
    const values = windows.flatMap((w) => readingsInside(series, w));
    return values.length === 0 ? [] : [median(values)];
  });
  if (clocks.length < 2) return [];
  const [low, high] = [Math.min(...clocks), Math.max(...clocks)];
  const change = (high - low) / median(clocks);
  const message = `${quantity} moved by ${(change * 100).toFixed(1)} % between repeats (${mega(low)} to ${mega(high)})`;
  return warnIf(change > CLOCK_CHANGE, 'clock-change', message);
}

const mega = (hertz: number) => `${(hertz / 1e6).toFixed(0)} MHz`;

const isCapped = ({ experiment }: Evidence['input']) => (experiment.settings?.powerCapWatts ?? null) !== null;

/**
 * A locked clock was not held if the device missed it by more than this share. Drivers read it back in steps
 * of about 1 %.
 */
const CLOCK_MISS = 0.03;

/** Whether the clock that the sweep set is the one the trial ran at. */
export function lockWarnings(
  { input, span }: Evidence,
  series: CleanSeries | undefined,
  quantity: string,
): Warning[] {
  const asked = input.experiment.settings?.lockedClockHertz ?? null;
  if (asked === null || series === undefined || span === null) return [];
  const clocks = readingsInside(series, span);
  if (clocks.length === 0) return [];
  const ran = median(clocks);
  if (Math.abs(ran - asked) <= CLOCK_MISS * asked) return [];
  // If the sweep also sets a power cap, that may be the reason for the lower clock.
  if (ran < asked && isCapped(input)) return [];
  const message = `the sweep locked the clock at ${mega(asked)} and the median of ${quantity} is ${mega(ran)}`;
  return [warn('setting-not-held', message)];
}

/**
 * Any reading inside the measured part counts, because a sampled bit also stands for the time between
 * readings.
 */
export function throttleGates({ input, series, span }: Evidence): Warning[] {
  const capped = isCapped(input);
  const reasons = series.get('throttleReasons');
  if (reasons === undefined || span === null) return [];
  // If a power brake is reported too, a hardware slowdown means that brake (nvml.h), not heat.
  const masks = readingsInside(reasons, span)
    .map((mask) => ((mask & 128) !== 0 ? mask & ~8 : mask))
    // If the sweep itself set the cap, its effect is what is measured.
    .map((mask) => (capped ? mask & ~4 : mask));
  return THROTTLE_CODES.flatMap((code) => {
    const bits = Object.entries(THROTTLE[code]).map(([bit, name]) => ({ bit: Number(bit), name }));
    const hits = masks.filter((mask) => bits.some(({ bit }) => (mask & bit) !== 0)).length;
    if (hits === 0) return [];
    const names = bits.filter(({ bit }) => masks.some((mask) => (mask & bit) !== 0)).map(({ name }) => name);
    const share = `${((100 * hits) / masks.length).toFixed(0)} % of the time`;
    return [
      warn(code, `${names.join(', ')} in ${share} while measuring (${hits} of ${masks.length} readings)`),
    ];
  });
}
