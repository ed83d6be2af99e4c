import { GIGA, type Hardware, halfOf, MEBI, publishedAt, teraPeaks } from './figure.js';

const mi250x = publishedAt('https://www.amd.com/en/products/accelerators/instinct/mi200/mi250x.html');
const mi300x = publishedAt('https://www.amd.com/en/products/accelerators/instinct/mi300/mi300x.html');
const mi325x = publishedAt('https://www.amd.com/en/products/accelerators/instinct/mi300/mi325x.html');
const mi355x = publishedAt('https://www.amd.com/en/products/accelerators/instinct/mi350/mi355x.html');

const CDNA3 = { f64: 163.4, f32: 163.4, tf32: 653.7, bf16: 1307.4, f16: 1307.4, fp8: 2614.9, int8: 2614.9 };
const CDNA3_SPARSE = { tf32: 1307.4, bf16: 2614.9, f16: 2614.9, fp8: 5229.8, int8: 5229.8 };

/** AMD Instinct. Peaks are those of the matrix cores. */
export const AMD: readonly Hardware[] = [
  {
    id: 'mi250x',
    name: 'AMD Instinct MI250X',
    aliases: ['amd_MI250X', 'instinct-mi250x'],
    kind: 'gpu',
    memoryBytes: mi250x(128 * GIGA),
    memoryBytesPerSecond: mi250x(3276.8 * GIGA, 'both dies together; an engine sees two devices'),
    onChipBytes: null,
    peaks: teraPeaks(mi250x, { f64: 95.7, f32: 95.7, bf16: 383, f16: 383, int8: 383, int4: 383 }),
    sparsePeaks: {},
    peerBytesPerSecond: halfOf(mi250x, 800),
    hostBytesPerSecond: null,
    watts: mi250x(560),
  },
  {
    id: 'mi300x',
    name: 'AMD Instinct MI300X',
    aliases: ['amd_MI300X', 'instinct-mi300x'],
    kind: 'gpu',
    memoryBytes: mi300x(192 * GIGA),
    memoryBytesPerSecond: mi300x(5300 * GIGA),
    onChipBytes: mi300x(256 * MEBI),
    peaks: teraPeaks(mi300x, CDNA3),
    sparsePeaks: teraPeaks(mi300x, CDNA3_SPARSE),
    peerBytesPerSecond: halfOf(mi300x, 896),
    hostBytesPerSecond: halfOf(mi300x, 128),
    watts: mi300x(750),
  },
  {
    id: 'mi325x',
    name: 'AMD Instinct MI325X',
    aliases: ['amd_MI325X', 'instinct-mi325x'],
    kind: 'gpu',
    memoryBytes: mi325x(256 * GIGA),
    memoryBytesPerSecond: mi325x(6000 * GIGA),
    onChipBytes: mi325x(256 * MEBI),
    peaks: teraPeaks(mi325x, CDNA3),
    sparsePeaks: teraPeaks(mi325x, CDNA3_SPARSE),
    peerBytesPerSecond: halfOf(mi325x, 896),
    hostBytesPerSecond: halfOf(mi325x, 128),
    watts: mi325x(1000),
  },
  {
    id: 'mi355x',
    name: 'AMD Instinct MI355X',
    aliases: ['amd_MI355X', 'instinct-mi355x'],
    kind: 'gpu',
    memoryBytes: mi355x(288 * GIGA),
    memoryBytesPerSecond: mi355x(8000 * GIGA),
    onChipBytes: mi355x(256 * MEBI),
    peaks: teraPeaks(mi355x, {
      f64: 78.6,
      f32: 157.3,
      bf16: 2500,
      f16: 2500,
      fp8: 5000,
      int8: 5000,
    }),
    sparsePeaks: teraPeaks(mi355x, { bf16: 5000, f16: 5000, fp8: 10_100, int8: 10_100 }),
    peerBytesPerSecond: null,
    hostBytesPerSecond: halfOf(mi355x, 128),
    watts: mi355x(1400),
  },
];
