import type { SampleSeries } from '../../core/result/result.js';
import { monotonicSeconds, wholeNanoseconds } from '../../process/isolation/clock.js';
import { everyTick } from '../../process/isolation/ticker.js';
import type { Meter, MeterTarget } from './meter.js';
import { periodKey, type UpdatePeriods } from './update-period.js';

/** A long trial must not become a record of a hundred megabytes: then every second sample goes. */
const MAX_SAMPLES = 8192;
/**
 * Short repeats rest many times a second; walking a process's mappings that often would only make it wait.
 */
const SECONDS_BETWEEN_COSTLY_READINGS = 0.5;

interface Column {
  readonly meter: string;
  readonly quantity: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'counter';
  periodSeconds: number;
  seconds: number[];
  values: number[];
}

/**
 * Reads the meters, each at its own period, while a trial runs. It knows nothing of phases; the caller
 * only tells it when the trial rests, and it uses the moment for one more reading of everything.
 */
export class Recorder {
  readonly #meters: readonly Meter[];
  /** By quantity; found without making a text, since that happens at every reading. */
  readonly #columns = new Map<Meter, Map<string, Column>>();
  #beats: (() => void)[] = [];
  #restedAt = Number.NEGATIVE_INFINITY;

  /**
   * @param periods of the sources, where they were seen; a quantity without one counts as renewed at each
   *   reading.
   */
  constructor(meters: readonly Meter[], periods: UpdatePeriods = new Map()) {
    this.#meters = meters;
    for (const meter of meters) {
      const columns = new Map<string, Column>();
      this.#columns.set(meter, columns);
      for (const { name, unit, kind } of meter.quantities) {
        const periodSeconds = periods.get(periodKey(meter.name, name))?.seconds ?? meter.periodSeconds;
        columns.set(name, {
          meter: meter.name,
          quantity: name,
          unit,
          kind,
          periodSeconds,
          seconds: [],
          values: [],
        });
      }
    }
  }

  start(): void {
    this.#readAll();
    for (const periodSeconds of new Set(this.#meters.map((meter) => meter.periodSeconds))) {
      const due = this.#meters.filter((meter) => meter.periodSeconds === periodSeconds);
      this.#beats.push(
        everyTick(periodSeconds, () => due.forEach((meter) => void this.#keep(meter, meter.read()))),
      );
    }
  }

  /**
   * The trial's processes are there, or others than before: their counters jump, so this comes where nothing
   * is measured, with a rest after it.
   */
  attach(target: MeterTarget | null): void {
    for (const meter of this.#meters) meter.attach(target);
  }

  /**
   * Nothing is being measured at this moment: the meters that cost time may be read, though not at every
   * rest.
   */
  rest(): void {
    this.#readAll();
    if (monotonicSeconds() - this.#restedAt < SECONDS_BETWEEN_COSTLY_READINGS) return;
    for (const meter of this.#meters) this.#keep(meter, meter.readResting?.() ?? []);
    this.#restedAt = monotonicSeconds();
  }

  /** Reads once more, ends its beats and closes the meters. */
  stop(): void {
    if (this.#beats.length === 0) return;
    for (const end of this.#beats) end();
    this.#beats = [];
    this.#readAll();
    for (const meter of this.#meters) meter.close();
  }

  /** @returns what was read, with times in seconds since `origin`; a quantity never read is left out. */
  series(origin: number): SampleSeries[] {
    return [...this.#columns].flatMap(([meter, columns]) => {
      const refused = meter.refused?.();
      return [...columns.values()]
        .filter((column) => column.values.length > 0)
        .map((column) => {
          const seconds = column.seconds.map((time) => wholeNanoseconds(time - origin));
          const count = refused?.get(column.quantity);
          return { ...column, seconds, ...(count === undefined ? {} : { refused: count }) };
        });
    });
  }

  #readAll(): void {
    for (const meter of this.#meters) this.#keep(meter, meter.read());
  }

  #keep(meter: Meter, readings: ReturnType<Meter['read']>): void {
    const columns = this.#columns.get(meter);
    for (const { quantity, seconds, value } of readings) {
      const column = columns?.get(quantity);
      if (column === undefined) continue;
      column.seconds.push(seconds);
      column.values.push(value);
      if (column.values.length >= MAX_SAMPLES) thin(column);
    }
  }
}

/** Loses resolution, never the first sample; a counter's differences over longer times stay exact. */
function thin(column: Column): void {
  const isEvenIndex = (_: number, index: number) => index % 2 === 0;
  column.seconds = column.seconds.filter(isEvenIndex);
  column.values = column.values.filter(isEvenIndex);
  column.periodSeconds *= 2;
}
