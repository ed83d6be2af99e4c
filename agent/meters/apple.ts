import type { IoReport } from '../../process/device/io-report.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { absentMeter, energyQuantity, type Meter, type MeterSearch, type Quantity } from './meter.js';

const PERIOD_SECONDS = 0.1;

/**
 * The quantity that a channel measures. On a chip of several dies each die has a channel of its own for CPU,
 * GPU and memory, and these are added up. Channels of single cores and clusters are left out, because the
 * others contain them.
 */
const DOMAINS: readonly (readonly [RegExp, Quantity])[] = [
  [/CPU Energy$/, energyQuantity('energyJoules', 'cpu')],
  [/GPU Energy$/, energyQuantity('energyJoules', 'gpu')],
  [/^(DIE_\d+_)?DRAM\d*$/, energyQuantity('energyJoules', 'dram')],
  [/^(DIE_\d+_)?ANE\d*$/, energyQuantity('energyJoules', 'ane')],
  [/^(DIE_\d+_)?GPU SRAM\d*$/, energyQuantity('partEnergyJoules', 'gpu-sram')],
];

/**
 * Energy of an Apple chip by its IOReport channels. It was never tried on such a chip, as
 * docs/energy.md says.
 */
export function findAppleMeter(ioReport: IoReport): MeterSearch {
  const quantities = ioReport.channels.map(
    ({ name }) => DOMAINS.find(([named]) => named.test(name))?.[1] ?? null,
  );
  if (quantities.some((quantity) => quantity?.name.startsWith('energyJoules:'))) {
    return { found: true, meter: appleMeter(ioReport, quantities) };
  }
  const names = ioReport.channels.map(({ name }) => name).join(', ');
  return absentMeter('apple', `no IOReport channel is known as CPU, GPU or memory (${names})`);
}

/** @param ofChannel one for each channel; null for those that are left out. */
function appleMeter(ioReport: IoReport, ofChannel: readonly (Quantity | null)[]): Meter {
  const quantities = [...new Set(ofChannel.filter((quantity) => quantity !== null))];
  return {
    name: 'apple',
    ownRhythm: true,
    periodSeconds: PERIOD_SECONDS,
    quantities,
    attach() {},
    read() {
      const joules = ioReport.joules();
      if (joules === null) return [];
      const seconds = monotonicSeconds();
      return quantities.flatMap((quantity) => {
        const value = joules.reduce((sum, j, i) => (ofChannel[i] === quantity ? sum + j : sum), 0);
        return Number.isFinite(value) ? [{ quantity: quantity.name, seconds, value }] : [];
      });
    },
    /** The channels stay open for the next trial. */
    close() {},
  };
}
