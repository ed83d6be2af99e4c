/** The part of an axis that is in view, in the axis's own values. */
export interface Extent {
  readonly low: number;
  readonly high: number;
}

/** What a reader zoomed to; null = all of that axis. */
export interface Zoom {
  readonly x: Extent | null;
  readonly y: Extent | null;
}

export const WHOLE: Zoom = { x: null, y: null };

/** Deeper than this many times the digits of a double show. */
const NARROWEST = 1e-9;

/** On a logarithmic axis equal steps of pixels are equal ratios. */
const flat = (value: number, log: boolean) => (log ? Math.log10(value) : value);
const round = (value: number, log: boolean) => (log ? 10 ** value : value);

/**
 * @param at where the axis stands still, as a share of its length: 0 = at its low end
 * @param factor length of the new extent over that of the old one: 0.5 = twice as close
 * @returns the same extent where it would be too narrow to tell numbers apart.
 */
export function zoomAbout({ low, high }: Extent, log: boolean, at: number, factor: number): Extent {
  const [from, to] = [flat(low, log), flat(high, log)];
  const length = (to - from) * factor;
  if (!(length > NARROWEST * Math.max(Math.abs(from), Math.abs(to), 1e-12))) return { low, high };
  const still = from + at * (to - from);
  const start = still - at * length;
  return { low: round(start, log), high: round(start + length, log) };
}

/** @returns the extent moved by a share of its own length. */
export function shift({ low, high }: Extent, log: boolean, share: number): Extent {
  const [from, to] = [flat(low, log), flat(high, log)];
  const by = (to - from) * share;
  return { low: round(from + by, log), high: round(to + by, log) };
}

/**
 * @returns ticks of a logarithmic axis: 1, 2 and 5 of each decade, or fewer, or round steps within one
 *   decade.
 */
export function logTicks({ low, high }: Extent, most = 9): number[] {
  const decades = Math.log10(high) - Math.log10(low);
  if (!(decades > 0) || !Number.isFinite(decades)) return [];
  if (decades < 0.7) return linearTicks({ low, high }, 6);
  const first = Math.floor(Math.log10(low));
  const last = Math.ceil(Math.log10(high));
  const every = Math.max(1, Math.ceil(decades / most));
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let k = first; k <= last; k++) {
      if (steps.length === 1 && (k - first) % every !== 0) continue;
      for (const step of steps) {
        const value = Number(`${step}e${k}`);
        if (value >= low * (1 - 1e-12) && value <= high * (1 + 1e-12)) ticks.push(value);
      }
    }
    if (ticks.length <= most || steps.length === 1) return ticks;
  }
  return [];
}

function linearTicks({ low, high }: Extent, most: number): number[] {
  const raw = (high - low) / most;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((s) => s * unit).find((s) => s >= raw) ?? 10 * unit;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-12); i++)
    ticks.push(Number((i * step).toPrecision(12)));
  return ticks;
}
