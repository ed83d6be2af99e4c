import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupBy } from '../../../core/maps.js';
import type { HostTimes } from '../../../roofline/step/setting.js';
import { spreadBeside, widthFor } from './bands.js';
import { fitHost } from './host.js';
import type { Predicted } from './predictions.js';
import type { Judged } from './splits.js';

const FILE = join(import.meta.dirname, '../../../roofline/step/host-times.json');

/**
 * Times of the host by engine as the package has them: fitted on all points, so that nothing is judged by
 * them; how far they are off is what points show whose model was left out.
 */
export function hostTimes(
  predicted: readonly Predicted[],
  judged: readonly Judged[],
): Record<string, HostTimes> {
  const source = `fitted on ${predicted.length} measured servers`;
  return Object.fromEntries(
    [...groupBy(predicted, ({ point }) => point.engine)].map(([engine, own]) => {
      const { kernelFactor, stepSeconds, tokenSeconds, requestSeconds } = fitHost(predicted, own);
      const spread = widthFor(engine, judged, spreadBeside);
      const rounded = { kernelFactor, stepSeconds, tokenSeconds, requestSeconds, spread };
      return [engine, { ...roundedTimes(rounded), source }];
    }),
  );
}

const roundedTimes = <Name extends string>(values: Readonly<Record<Name, number>>) =>
  Object.fromEntries(
    Object.entries<number>(values).map(([name, value]) => [name, Number(value.toPrecision(3))]),
  ) as Record<Name, number>;

/** Writes roofline/step/host-times.json, which engines come with. */
export function writeHostTimes(hosts: Readonly<Record<string, HostTimes>>): void {
  writeFileSync(FILE, `${JSON.stringify(hosts, null, 2)}\n`);
}
