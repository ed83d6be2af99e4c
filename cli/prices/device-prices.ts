import { z } from 'zod';
import type { DevicePrices } from '../../batching/deploy/question.js';
import { textUpTo } from '../../core/bounds.js';
import { hardwareNamed, requireHardware } from '../../roofline/hardware/catalogue.js';
import type { Hardware } from '../../roofline/hardware/figure.js';
import { asWords, usageError } from '../exit.js';
import { readPriceFile } from './prices.js';

const schema = z.strictObject({
  currency: textUpTo(20),
  /** By a name of the hardware catalogue. */
  perDeviceHour: z.record(z.string(), z.number().nonnegative()),
  perKilowattHour: z.number().nonnegative().optional(),
});

const HINT = 'Write currency: USD and perDeviceHour: { h100: 2.5, h200: 3.4 }, and perKilowattHour: 0.12.';

/**
 * Reads what devices cost.
 * @param devices that are asked about.
 * @returns prices, and a clause on what of them or of the devices goes unused.
 * @throws CommandError (2) for a list that cannot be read, unknown devices, and a list of other devices
 *   alone.
 */
export function readDevicePrices(
  path: string,
  devices: readonly Hardware[],
): { readonly prices: DevicePrices; readonly notes: readonly string[] } {
  const { currency, perDeviceHour, perKilowattHour = null } = readPriceFile(path, schema, HINT);
  const priced = new Map(
    Object.entries(perDeviceHour).map(([name, price]) => [
      (hardwareNamed(name) ?? asWords(() => requireHardware(name))).id,
      price,
    ]),
  );
  const asked = devices.map(({ id }) => id);
  const [known, lacking] = [asked.filter((id) => priced.has(id)), asked.filter((id) => !priced.has(id))];
  if (known.length === 0)
    throw usageError(
      `${path} has prices of ${[...priced.keys()].join(', ') || 'no device'}, and asked for are ${asked.join(', ')}`,
      'Add them under perDeviceHour, or name with --hardware devices that it has.',
    );
  const unused = [...priced.keys()].filter((id) => !asked.includes(id));
  return {
    prices: { currency, perKilowattHour, perHour: ({ id }) => priced.get(id) ?? null },
    notes: [
      ...(lacking.length > 0 ? [`${path} has no price of ${lacking.join(', ')}: they are ranked last`] : []),
      ...(unused.length > 0 ? [`prices of ${unused.join(', ')} are not used: nobody asked for them`] : []),
    ],
  };
}
