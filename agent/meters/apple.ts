import type { IoReport } from '../../process/device/io-report.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { absentMeter, energyQuantity, type Meter, type MeterSearch, type Quantity } from './meter.js';

const PERIOD_SECONDS = 0.1;

/**
 * What a channel is to us. Each die of a chip of several has its own CPU, GPU and memory, which are added up;
 * channels of single cores and clusters lie inside these and are left out.
 */
const DOMAINS: readonly (readonly [RegExp, Quantity])[] = [
  [/CPU Energy$/, energyQuantity('energyJoules', 'cpu')],
  [/GPU Energy$/, energyQuantity('energyJoules', 'gpu')],
  [/^(DIE_\d+_)?DRAM\d*$/, energyQuantity('energyJoules', 'dram')],
  [/^(DIE_\d+_)?ANE\d*$/, energyQuantity('energyJoules', 'ane')],
  [/^(DIE_\d+_)?GPU SRAM\d*$/, energyQuantity('partEnergyJoules', 'gpu-sram')],
];

/**
 * Energy of an Apple chip by its IOReport channels. It could not be tried on one: best effort, says
 * docs/energy.md.
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
