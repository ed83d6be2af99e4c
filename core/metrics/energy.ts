import { deviceKind } from '../experiment/experiment.js';
import type { WarningCode } from '../result/warnings.js';
import { type Choice, chooseDomains } from './energy-domains.js';
import { overlap, stuckStretches } from './faults.js';
import { counterDifference, gaugeIntegral, type Reading, type Window } from './integrate.js';
import { type CleanSeries, withoutPlateaus } from './series.js';

/** One way to know energy: the growth of counters, or the integral of power, over a fixed set of domains. */
export interface EnergySource {
  readonly kind: 'counter' | 'integral';
  /** `gpu`, `package-0`, `dram`, …: added up. */
  readonly domains: readonly string[];
  /** `counter:package-0+dram`: goes into records as `source`. */
  readonly label: string;
  /** Slowest update period among the domains. */
  readonly periodSeconds: number;
  /** The series that are added up, as they were read. */
  readonly series: readonly CleanSeries[];
  /**
   * Joules over windows that follow each other in time, or why not. A counter that did not move is below its
   * resolution, never 0 J.
   */
  joules(windows: readonly Window[]): Reading;
}

export interface EnergySources {
  readonly primary: EnergySource | null;
  /** The integral of power over the same domains, where the primary is a counter and both exist. */
  readonly crossCheck: EnergySource | null;
  /** What was odd about the domains; with a `reason` it is why there is no source. */
  readonly warning: Choice['warning'];
}

/**
 * Finds what counts as the trial's energy (see chooseDomains). Counters come before power readings, and power
 * of the moment before means over a second, which are late by half of it: they are no cross-check of a
 * counter.
 */
export function energySources(series: readonly CleanSeries[], deviceClass: string): EnergySources {
  const counters = byDomain(series, 'energyJoules:', 'counter');
  const powers = byDomain(series, 'powerWatts:', 'gauge');
  const averages = byDomain(series.map(overSecond), 'powerAverageWatts:', 'gauge');
  const onCpu = deviceKind(deviceClass) === 'cpu';
  const ofCounters = chooseDomains([...counters.keys()], onCpu);
  const ofPowers = chooseDomains([...powers.keys()], onCpu);
  const ofAverages = chooseDomains([...averages.keys()], onCpu);
  const integral = (domains: readonly string[]) => source('integral', domains, powers, gaugeIntegral);
  if (ofCounters.domains.length > 0) {
    const same = ofCounters.domains.every((domain) => powers.has(domain));
    return {
      primary: source('counter', ofCounters.domains, counters, counterDifference),
      crossCheck: same ? integral(ofCounters.domains) : null,
      warning: ofCounters.warning,
    };
  }
  if (ofPowers.domains.length > 0) {
    return { primary: integral(ofPowers.domains), crossCheck: null, warning: ofPowers.warning };
  }
  const { domains } = ofAverages;
  const late = domains.length > 0 ? source('integral', domains, averages, gaugeIntegral) : null;
  return {
    primary: late === null ? null : { ...late, label: `integral-of-averages:${domains.join('+')}` },
    crossCheck: null,
    warning: (late === null ? ofPowers.warning : null) ?? ofAverages.warning ?? ofCounters.warning,
  };
}

/** A mean over the last second tells no more than one a second, however often it is renewed. */
function overSecond(series: CleanSeries): CleanSeries {
  return { ...series, periodSeconds: Math.max(1, series.periodSeconds) };
}

function byDomain(series: readonly CleanSeries[], prefix: string, kind: CleanSeries['kind']) {
  const found = series.filter(
    (s) => s.kind === kind && s.quantity.startsWith(prefix) && s.seconds.length > 0,
  );
  return new Map(found.map((s) => [s.quantity.slice(prefix.length), s]));
}

/**
 * Where readings are further apart than this share of a window, at its edge or (for power) anywhere in it,
 * the window has no energy; as much may be uncovered elsewhere in the judge.
 */
const MAX_GAP_SHARE = 0.2;

function source(
  kind: EnergySource['kind'],
  domains: readonly string[],
  series: ReadonlyMap<string, CleanSeries>,
  measure: (series: CleanSeries, window: Window) => Reading,
): EnergySource {
  const read = domains.map((domain) => series.get(domain)!);
  const all = read.map((s) => ({
    series: kind === 'counter' ? withoutPlateaus(s) : s,
    stuck: kind === 'counter' ? stuckStretches(s) : [],
  }));
  const energyIn = (window: Window): Reading => {
    const sum = addReadings(
      all.map(({ series: own, stuck }) => stuckIn(own.quantity, stuck, window) ?? measure(own, window)),
    );
    if (sum.value === null || sum.gapSeconds === null) return sum;
    const length = window.endSeconds - window.startSeconds;
    if (sum.gapSeconds <= MAX_GAP_SHARE * length) return sum;
    const reason = `readings are ${sum.gapSeconds.toPrecision(2)} s apart in a window of ${length.toPrecision(2)} s`;
    return { value: null, reason, code: 'meter-gap' };
  };
  return {
    kind,
    domains,
    label: `${kind}:${domains.join('+')}`,
    periodSeconds: Math.max(...all.map((s) => s.series.periodSeconds)),
    series: read,
    joules: (windows) => addReadings(joined(windows).map(energyIn)),
  };
}

function stuckIn(quantity: string, stretches: readonly Window[], window: Window): Reading | null {
  const stretch = stretches.find((own) => overlap(own, window));
  if (stretch === undefined) return null;
  const code: WarningCode = 'counter-stuck';
  const whole = stretch.startSeconds <= window.startSeconds && stretch.endSeconds >= window.endSeconds;
  const [from, to] = [stretch.startSeconds.toFixed(3), stretch.endSeconds.toFixed(3)];
  const reason = whole
    ? `${quantity} did not move from ${from} s to ${to} s: the counter hangs, or the window is below its resolution`
    : `${quantity} stood still from ${from} s to ${to} s, inside the window`;
  return { value: null, reason, code };
}

/** Windows that touch become one: where two phases meet, what is given to one is taken from the other. */
function joined(windows: readonly Window[]): Window[] {
  const all: Window[] = [];
  for (const window of windows) {
    const last = all.at(-1);
    if (last?.endSeconds === window.startSeconds)
      all[all.length - 1] = { ...last, endSeconds: window.endSeconds };
    else all.push(window);
  }
  return all;
}

/** Sum of readings; missing as soon as one is, with its reason. */
function addReadings(readings: readonly Reading[]): Reading {
  let value = 0;
  let gapSeconds: number | null = null;
  for (const reading of readings) {
    if (reading.value === null) return reading;
    value += reading.value;
    if (reading.gapSeconds !== null) gapSeconds = Math.max(gapSeconds ?? 0, reading.gapSeconds);
  }
  return { value, gapSeconds };
}
