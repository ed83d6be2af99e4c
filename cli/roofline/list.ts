import { formatValue } from '../../core/metrics/format.js';
import { peakFor, publishedCeilings } from '../../roofline/ceilings.js';
import { CONFIGS } from '../../roofline/configs/index.js';
import { HARDWARE } from '../../roofline/hardware/catalogue.js';
import { printTable } from '../output/plain-table.js';
import { printJson, say } from '../output/print.js';

/**
 * Every device of the catalogue with its main figures; as JSON with all figures and where they are published.
 */
export function listKnown(asJson: boolean): void {
  if (asJson) {
    const models = [...CONFIGS].map(([name, { source }]) => ({ name, source }));
    printJson({ schema: 'ridgepoint.dev/hardware/v1', hardware: HARDWARE, models });
    return;
  }
  printTable(
    ['device', 'name', 'memory', 'bandwidth', 'f16', 'int8', 'power'],
    HARDWARE.map((device) => {
      const ceilings = publishedCeilings(device);
      const peak = (arithmetic: 'f16' | 'int8') => {
        const found = peakFor(ceilings, arithmetic);
        if (found === null) return null;
        const note = found.arithmetic === arithmetic ? '' : ` (${found.arithmetic})`;
        return `${formatValue(found.flopsPerSecond, 'parameters')}OP/s${note}`;
      };
      return [
        device.id,
        device.name,
        device.memoryBytes === null ? null : formatValue(device.memoryBytes.value, 'B'),
        `${formatValue(device.memoryBytesPerSecond.value, 'B')}/s`,
        peak('f16'),
        peak('int8'),
        device.watts === null ? null : `${device.watts.value} W`,
      ];
    }),
  );
  say(`published models: ${[...CONFIGS.keys()].join(', ')}`);
}
