import type { MeterName } from '../../core/metrics/meters.js';
import { orElse } from '../../core/or-else.js';
import { ReadAgain } from '../../process/device/read-again.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import type { Meter, Quantity } from './meter.js';

/** One thing that a meter reads. */
export interface Source {
  readonly quantity: Quantity;
  /** The value now, in the unit of the quantity; null when there is none at this moment. */
  read(): number | null;
  close(): void;
}

/** @returns a meter of several sources that are read one after another, each with its own time. */
export function sourceMeter(name: MeterName, periodSeconds: number, sources: readonly Source[]): Meter {
  return {
    name,
    periodSeconds,
    ownRhythm: true,
    quantities: sources.map(({ quantity }) => quantity),
    attach() {},
    read: () =>
      sources.flatMap((source) => {
        const value = source.read();
        if (value === null) return [];
        return [{ quantity: source.quantity.name, seconds: monotonicSeconds(), value }];
      }),
    close() {
      for (const source of sources) source.close();
    },
  };
}

/**
 * A number in a file of /sys.
 * @param perUnit how many of the file's unit are one of the quantity's: 1e6 for microjoules.
 * @throws what open(2) says, with its code, when the file cannot be read.
 */
export function fileSource(quantity: Quantity, path: string, perUnit: number): Source {
  const file = new ReadAgain(path, 64);
  return {
    quantity,
    read() {
      const value = file.readNumber();
      return value === null ? null : value / perUnit;
    },
    close: () => file.close(),
  };
}

/** The same where there is such a file and it may be read, else nothing. */
export function fileSourceIfThere(quantity: Quantity, path: string, perUnit: number): readonly Source[] {
  return orElse(() => [fileSource(quantity, path, perUnit)], []);
}

/** No processor, board or module draws more. */
const MOST_WATTS = 5000;
/** Two readings may follow each other closely while the counter was read late. */
const LEAST_SECONDS = 1;

/**
 * Undoes the wrap-around of a counter: where it falls, its range is added. A counter that would have had to
 * grow faster than any machine draws power was set back instead; it falls in what is read too, so that it is
 * seen.
 * @param range after so much the counter starts again at 0, in the counter's unit (joules).
 */
export function unwrapped(source: Source, range: number, now: () => number = monotonicSeconds): Source {
  let last: { readonly value: number; readonly seconds: number } | null = null;
  let wrapped = 0;
  return {
    quantity: source.quantity,
    close: () => source.close(),
    read() {
      const value = source.read();
      if (value === null) return null;
      const seconds = now();
      if (last !== null && value < last.value) {
        const most = MOST_WATTS * Math.max(seconds - last.seconds, LEAST_SECONDS);
        if (value + range - last.value <= most) wrapped += range;
      }
      last = { value, seconds };
      return value + wrapped;
    },
  };
}
