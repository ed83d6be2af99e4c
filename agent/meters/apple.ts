import type { IoReport } from '../../process/device/io-report.js';
import { monotonicSeconds } from '../../process/isolation/clock.js';
import { energyQuantity, type Meter, type MeterSearch, type Quantity, type Reading } from './meter.js';

const PERIOD_SECONDS = 0.1;

/**
 * What a channel is to us. Each die of a chip of several has its own CPU, GPU and memory, which are added up; channels
 * of single cores and clusters lie inside these and are left out.
 */
const DOMAINS: readonly (readonly [RegExp, Quantity])[] = [
  [/CPU Energy$/, energyQuantity('energyJoules', 'cpu')],
  [/GPU Energy$/, energyQuantity('energyJoules', 'gpu')],
  [/^(DIE_\d+_)?DRAM\d*$/, energyQuantity('energyJoules', 'dram')],
  [/^(DIE_\d+_)?ANE\d*$/, energyQuantity('energyJoules', 'ane')],
  [/^(DIE_\d+_)?GPU SRAM\d*$/, energyQuantity('partEnergyJoules', 'gpu-sram')],
];

/** Energy of an Apple chip by its IOReport channels. It could not be tried on one: best effort, says docs/energy.md. */
export function findAppleMeter(ioReport: IoReport): MeterSearch {
  const quantities = ioReport.channels.map(
    ({ name }) => DOMAINS.find(([named]) => named.test(name))?.[1] ?? null,
  );
  if (quantities.some((quantity) => quantity?.name.startsWith('energyJoules:'))) {
    return { found: true, meter: new AppleMeter(ioReport, quantities) };
  }
  const names = ioReport.channels.map(({ name }) => name).join(', ');
  return {
    found: false,
    name: 'apple',
    reason: `no IOReport channel is known as CPU, GPU or memory (${names})`,
  };
}

class AppleMeter implements Meter {
  readonly name = 'apple';
  readonly ownRhythm = true;
  readonly periodSeconds = PERIOD_SECONDS;
  readonly quantities: readonly Quantity[];
  readonly #ioReport: IoReport;
  /** One for each channel; null for those that are left out. */
  readonly #ofChannel: readonly (Quantity | null)[];

  constructor(ioReport: IoReport, ofChannel: readonly (Quantity | null)[]) {
    this.#ioReport = ioReport;
    this.#ofChannel = ofChannel;
    this.quantities = [...new Set(ofChannel.filter((quantity) => quantity !== null))];
  }

  attach(): void {}

  read(): readonly Reading[] {
    const joules = this.#ioReport.joules();
    if (joules === null) return [];
    const seconds = monotonicSeconds();
    return this.quantities.flatMap((quantity) => {
      const value = joules.reduce((sum, j, i) => (this.#ofChannel[i] === quantity ? sum + j : sum), 0);
      return Number.isFinite(value) ? [{ quantity: quantity.name, seconds, value }] : [];
    });
  }

  /** The channels stay open for the next trial. */
  close(): void {}
}
