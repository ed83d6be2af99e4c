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
  /** Joules over a window, or why not. A counter that did not move is below its resolution, never 0 J. */
  joules(window: Window): Reading;
}

export interface EnergySources {
  readonly primary: EnergySource | null;
  /** The integral of power over the same domains, where the primary is a counter and both exist. */
  readonly crossCheck: EnergySource | null;
}

/** The part of a device class before its colon: `cuda:h100` → `cuda`. */
export function deviceKind(deviceClass: string): string {
  return deviceClass.split(':')[0] ?? deviceClass;
}

/**
 * Chooses what counts as the trial's energy. On an accelerator: its own board (`gpu`), and nothing else. On
 * a CPU: all packages and, where they are metered, their memory (`dram`); `psys` contains the packages and
 * `core`/`uncore` are contained in them, so those are never added, and `psys` stands in only when there is
 * no package at all. Counters come before power readings.
 */
export function energySources(series: readonly CleanSeries[], deviceClass: string): EnergySources {
  const counters = byDomain(series, 'energyJoules:', 'counter');
  const powers = byDomain(series, 'powerWatts:', 'gauge');
  const counterDomains = chooseDomains([...counters.keys()], deviceClass);
  const powerDomains = chooseDomains([...powers.keys()], deviceClass);
  const integral = (domains: readonly string[]) => source('integral', domains, powers, gaugeIntegral);
  if (counterDomains.length > 0) {
    const same = counterDomains.every((domain) => powers.has(domain));
    return {
      primary: source('counter', counterDomains, counters, counterDifference),
      crossCheck: same ? integral(counterDomains) : null,
    };
  }
  return { primary: powerDomains.length > 0 ? integral(powerDomains) : null, crossCheck: null };
}

function byDomain(series: readonly CleanSeries[], prefix: string, kind: CleanSeries['kind']) {
  const found = series.filter(
    (s) => s.kind === kind && s.quantity.startsWith(prefix) && s.seconds.length > 0,
  );
  return new Map(
    found.map((s) => [s.quantity.slice(prefix.length), kind === 'counter' ? withoutPlateaus(s) : s]),
  );
}

function chooseDomains(present: readonly string[], deviceClass: string): string[] {
  const named = (...words: string[]) =>
    present.filter((domain) => words.some((w) => domain === w || domain.startsWith(`${w}-`))).sort();
  if (deviceKind(deviceClass) !== 'cpu') return named('gpu');
  const packages = named('package');
  return packages.length > 0 ? [...packages, ...named('dram')] : named('psys');
}

function source(
  kind: EnergySource['kind'],
  domains: readonly string[],
  series: ReadonlyMap<string, CleanSeries>,
  measure: (series: CleanSeries, window: Window) => Reading,
): EnergySource {
  const all = domains.map((domain) => series.get(domain)!);
  return {
    kind,
    domains,
    label: `${kind}:${domains.join('+')}`,
    periodSeconds: Math.max(...all.map((s) => s.periodSeconds)),
    joules: (window) => {
      const sum = addReadings(all.map((s) => measure(s, window)));
      return sum.value === 0 && kind === 'counter'
        ? { value: null, reason: 'the energy counter did not move: the window is below its resolution' }
        : sum;
    },
  };
}

/** Sum of readings; missing as soon as one is, with its reason. */
export function addReadings(readings: readonly Reading[]): Reading {
  let value = 0;
  let gapSeconds: number | null = null;
  for (const reading of readings) {
    if (reading.value === null) return reading;
    value += reading.value;
    if (reading.gapSeconds !== null) gapSeconds = Math.max(gapSeconds ?? 0, reading.gapSeconds);
  }
  return { value, gapSeconds };
}
