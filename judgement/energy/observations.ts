import { MEASURED, type Repeat, type RepeatPart, repeatSeconds } from '../../core/metrics/derive.js';
import type { EnergySource } from '../../core/metrics/energy.js';
import { type Reading, SHORT_WINDOW_PERIODS, type Window } from '../../core/metrics/integrate.js';
import type { Phase } from '../../core/result/result.js';
import { median } from '../../statistics/quantile.js';

/**
 * A window shorter than this many update periods may be wrong altogether, because each of its edges may be
 * off by a whole period.
 */
export const LEAST_PERIODS = 2;

type PartName = (typeof MEASURED)[number];
type Tokens = Readonly<Record<PartName, number>>;

/** Windows from which the energy of one repeat, or of one of its phases, is computed. */
export interface Observation {
  /** Energy of the windows, divided by how many times they hold the work. */
  readonly pieces: readonly { readonly windows: readonly Window[]; readonly times: number }[];
  /** Of one repeat, as its tokens are. */
  readonly seconds: number;
  readonly tokens: Tokens;
}

/**
 * - `repeats`: every repeat by itself, because its windows are long enough;
 * - `lengthened`: work that was repeated without a pause until it was long enough;
 * - `joined`: as many repeats as are long enough together;
 * - `short`: too short for the source, and it could not be made longer;
 * - `unresolved`: shorter than two of its periods, so that there is no energy.
 */
export type How = 'repeats' | 'lengthened' | 'joined' | 'short' | 'unresolved';

export interface Observed {
  readonly how: How;
  readonly observations: readonly Observation[];
  /** Typical length of a window, and the length of all windows together. */
  readonly windowSeconds: number;
  readonly totalSeconds: number;
}

/** The windows from which energy is read, for whole repeats and for each of their phases. */
export interface ObservationPlan {
  readonly whole: Observed;
  readonly parts: ReadonlyMap<PartName, Observed>;
}

/** @param periodSeconds update period of the energy source */
export function planObservations(
  phases: readonly Phase[],
  repeats: readonly Repeat[],
  periodSeconds: number,
): ObservationPlan {
  const present = MEASURED.filter((name) => repeats.some((repeat) => repeat[name] !== null));
  const loops = new Map(present.map((name) => [name, loopsOf(phases, name, periodSeconds)]));
  const whole = wholeRepeats(repeats, present, loops, periodSeconds);
  const parts = present.map((name) => {
    // If a repeat has only one phase, the two are the same.
    if (present.length === 1) return [name, whole] as const;
    return [name, onePhase(repeats, name, loops.get(name) ?? [], periodSeconds)] as const;
  });
  return { whole, parts: new Map(parts) };
}

/** @returns windows of the phases of a repeat that was measured as one piece, each phase by itself. */
export function planParts(repeat: Repeat, periodSeconds: number): Map<PartName, Observed> {
  const present = MEASURED.filter((name) => repeat[name] !== null);
  return new Map(present.map((name) => [name, onePhase([repeat], name, [], periodSeconds)] as const));
}

/** @returns joules of the observation by a source. */
export function joulesOf({ pieces }: Observation, source: EnergySource): Reading {
  let value = 0;
  let gapSeconds: number | null = null;
  for (const { windows, times } of pieces) {
    const reading = source.joules(windows);
    if (reading.value === null) return reading;
    value += reading.value / times;
    if (reading.gapSeconds !== null) gapSeconds = Math.max(gapSeconds ?? 0, reading.gapSeconds);
  }
  return { value, gapSeconds };
}

const lengthOf = ({ startSeconds, endSeconds }: Window) => endSeconds - startSeconds;
/** Rounding of times must not make a window of exactly 20 periods too short. */
const periods = (count: number, periodSeconds: number) => count * periodSeconds * (1 - 1e-9);
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const NONE: Tokens = { prefill: 0, decode: 0, train: 0, kernel: 0, infer: 0, serve: 0 };

/** The lengthened windows of a phase. */
function loopsOf(phases: readonly Phase[], name: PartName, periodSeconds: number): Observation[] {
  return phases
    .filter((phase) => phase.name === `energy-${name}`)
    .filter((phase) => lengthOf(phase) >= periods(LEAST_PERIODS, periodSeconds))
    .map(({ startSeconds, endSeconds, tokens, times = 1 }) => ({
      pieces: [{ windows: [{ startSeconds, endSeconds }], times }],
      seconds: (endSeconds - startSeconds) / times,
      tokens: { ...NONE, [name]: tokens / times },
    }));
}

function onePhase(
  repeats: readonly Repeat[],
  name: PartName,
  loops: readonly Observation[],
  periodSeconds: number,
): Observed {
  const own = repeats.flatMap((repeat) => (repeat[name] === null ? [] : [repeat[name]]));
  const lengths = own.flatMap(({ windows }) => windows.map(lengthOf));
  const shared = { windowSeconds: median(lengths), totalSeconds: sum(lengths) };
  const direct = own.map(
    ({ windows, seconds, tokens }: RepeatPart): Observation => ({
      pieces: [{ windows, times: 1 }],
      seconds,
      tokens: { ...NONE, [name]: tokens },
    }),
  );
  if (shared.windowSeconds >= periods(SHORT_WINDOW_PERIODS, periodSeconds)) {
    return { how: 'repeats', observations: direct, ...shared };
  }
  if (loops.length > 0) return { how: 'lengthened', observations: loops, ...shared };
  return shared.windowSeconds >= periods(LEAST_PERIODS, periodSeconds)
    ? { how: 'short', observations: direct, ...shared }
    : { how: 'unresolved', observations: [], ...shared };
}

function wholeRepeats(
  repeats: readonly Repeat[],
  present: readonly PartName[],
  loops: ReadonlyMap<PartName, readonly Observation[]>,
  periodSeconds: number,
): Observed {
  const all = repeats.map(wholeOf).filter(({ seconds }) => seconds > 0);
  const lengths = all.map(({ seconds }) => seconds);
  const shared = { windowSeconds: median(lengths), totalSeconds: sum(lengths) };
  const needed = periods(SHORT_WINDOW_PERIODS, periodSeconds);
  if (shared.windowSeconds >= needed) return { how: 'repeats', observations: all, ...shared };
  const looped = present.map((name) => loops.get(name) ?? []);
  const count = Math.min(...looped.map(({ length }) => length));
  if (present.length > 0 && count > 0) {
    const observations = Array.from({ length: count }, (_, i) =>
      meanObservation(
        looped.map((own) => own[i]!),
        1,
      ),
    );
    return { how: 'lengthened', observations, ...shared };
  }
  if (shared.totalSeconds >= needed) return { how: 'joined', observations: groupsOf(all, needed), ...shared };
  return shared.totalSeconds >= periods(LEAST_PERIODS, periodSeconds)
    ? { how: 'short', observations: [meanObservation(all, all.length)], ...shared }
    : { how: 'unresolved', observations: [], ...shared };
}

function wholeOf(repeat: Repeat): Observation {
  const windows = MEASURED.flatMap((name) => repeat[name]?.windows ?? []);
  const tokens = Object.fromEntries(MEASURED.map((name) => [name, repeat[name]?.tokens ?? 0])) as Tokens;
  return { pieces: [{ windows, times: 1 }], seconds: repeatSeconds(repeat), tokens };
}

/**
 * Joins consecutive observations until they are long enough; those left over at the end join the last group.
 */
function groupsOf(all: readonly Observation[], neededSeconds: number): Observation[] {
  const groups: Observation[][] = [];
  let open: Observation[] = [];
  for (const one of all) {
    open.push(one);
    if (sum(open.map(({ seconds }) => seconds)) < neededSeconds) continue;
    groups.push(open);
    open = [];
  }
  groups.at(-1)?.push(...open);
  return groups.map((group) => meanObservation(group, group.length));
}

/** Observations of several repeats as one observation of a mean repeat. */
function meanObservation(group: readonly Observation[], repeats: number): Observation {
  const tokens = Object.fromEntries(
    MEASURED.map((name) => [name, sum(group.map((one) => one.tokens[name])) / repeats]),
  ) as Tokens;
  return {
    pieces: group.flatMap(({ pieces }) =>
      pieces.map(({ windows, times }) => ({ windows, times: times * repeats })),
    ),
    seconds: sum(group.map(({ seconds }) => seconds)) / repeats,
    tokens,
  };
}
