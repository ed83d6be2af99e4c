import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { resultSchema, type SampleSeries } from '../../core/result/result.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { absentMeter, type Meter, type MeterSearch } from './meter.js';

const traceSchema = z.object({ samples: resultSchema.shape.samples });

/**
 * Plays a recorded trace as if it were measured now, so that everything behind a sensor can be tried
 * without it. A trace is the `samples` of a result record: any record can be played again.
 */
export function findReplayMeter(path: string): MeterSearch {
  const withoutReplay = (reason: string) => absentMeter('replay', reason);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return withoutReplay(`the trace ${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    const { samples } = traceSchema.parse(JSON.parse(text));
    if (samples.length === 0) return withoutReplay(`the trace ${path} holds no samples`);
    return { found: true, meter: replayMeter(samples) };
  } catch (error) {
    return withoutReplay(`the trace ${path} is not one: ${(error as Error).message.split('\n')[0]}`);
  }
}

function replayMeter(all: readonly SampleSeries[]): Meter {
  /** Second 0 of the trace in our time: the first reading, as second 0 of a record is. */
  let origin: number | null = null;
  return {
    name: 'replay',
    periodSeconds: Math.min(...all.map(({ periodSeconds }) => periodSeconds)),
    quantities: all.map(({ quantity, unit, kind }) => {
      return { name: quantity, unit, kind, domain: quantity.split(':')[1] ?? null };
    }),
    attach() {},
    /** Every quantity as it was at this moment of the trace; before its first sample it is left out. */
    read() {
      const now = monotonicSeconds();
      origin ??= now;
      const elapsed = now - origin;
      return all.flatMap((series) => {
        const value = valueAt(series, elapsed);
        return value === null ? [] : [{ quantity: series.quantity, seconds: now, value }];
      });
    },
    close() {},
  };
}

/** A counter is read between its samples, a gauge holds until the next one; null outside the trace. */
function valueAt({ seconds, values, kind, periodSeconds }: SampleSeries, at: number): number | null {
  const found = seconds.findIndex((time) => time > at);
  const after = found < 0 ? seconds.length : found;
  const before = after - 1;
  const value = values[before];
  if (value === undefined) return null;
  const next = values[after];
  if (next === undefined) return at <= seconds[before]! + periodSeconds ? value : null;
  if (kind === 'gauge') return value;
  const share = (at - seconds[before]!) / (seconds[after]! - seconds[before]!);
  return value + share * (next - value);
}
