import type { AgentMetric } from '../../core/metrics/exported.js';
import type { Labels } from '../../core/metrics/families.js';
import { familyOf, isEnergyQuantity } from '../../core/metrics/meters.js';
import { throttleNames } from '../../judgement/clocks.js';
import type { Reading } from '../meters/meter.js';

/** What a reading becomes: a value of a metric of the catalogue. */
export interface ExportedReading {
  readonly metric: AgentMetric;
  readonly labels: Labels;
  readonly value: number;
}

/**
 * @param device null = a source of the whole node. @returns nothing for a quantity that is of a trial only.
 */
export function exportedReadings(
  device: string | null,
  { quantity, value }: Pick<Reading, 'quantity' | 'value'>,
): ExportedReading[] {
  const [name = '', domain] = quantity.split(':');
  const of = device === null ? 'node' : 'device';
  const family = familyOf(name, of);
  if (family === null) return [];
  const metric = family.name;
  const labels = { ...(device !== null && { device }), ...family.labels };
  if (name === 'throttleReasons') {
    return throttleNames().map(({ bit, name: reason }) => ({
      metric,
      labels: { ...labels, reason: reason.replaceAll(' ', '-') },
      value: hasBit(value, bit) ? 1 : 0,
    }));
  }
  if (!isEnergyQuantity(name)) return [{ metric, labels, value }];
  // A mean over a second is another quantity than what flows now; its domain says so.
  const mean = name === 'powerAverageWatts' ? '-average' : '';
  return [{ metric, labels: { ...labels, domain: `${domain ?? of}${mean}` }, value }];
}

/** Of a number with up to 53 bits, which the operators on bits would cut to 32. */
function hasBit(value: number, bit: number): boolean {
  return Math.floor(value / bit) % 2 === 1;
}
