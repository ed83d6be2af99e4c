import { GIGA, type Hardware, publishedAt, teraPeaks } from './figure.js';

const snapdragonX = publishedAt(
  'https://www.qualcomm.com/content/dam/qcomm-martech/dm-assets/documents/Snapdragon-X-Elite-Product-Brief.pdf',
);
const core155 = publishedAt(
  'https://www.intel.com/content/www/us/en/products/sku/236847/intel-core-ultra-7-processor-155h-24m-cache-up-to-4-80-ghz/specifications.html',
);
const core288 = publishedAt(
  'https://www.intel.com/content/www/us/en/products/sku/240961/intel-core-ultra-9-processor-288v-12m-cache-up-to-5-10-ghz/specifications.html',
);
const ryzen370 = publishedAt(
  'https://www.amd.com/en/products/processors/laptop/ryzen/ai-300-series/amd-ryzen-ai-9-hx-370.html',
);
const ryzen395 = publishedAt(
  'https://www.amd.com/en/products/processors/laptop/ryzen/ai-300-series/amd-ryzen-ai-max-plus-395.html',
);

const npu = {
  kind: 'npu',
  onChipBytes: null,
  sparsePeaks: {},
  peerBytesPerSecond: null,
  hostBytesPerSecond: null,
  watts: null,
} as const;

const lpddr5x = (bits: number, megatransfers: number) =>
  `${bits} bits of LPDDR5X-${megatransfers}, shared with the CPU`;

/** Neural processors of laptops: their int8 rate, and the memory of the whole chip. */
export const NPUS: readonly Hardware[] = [
  {
    ...npu,
    id: 'snapdragon-x-elite-npu',
    name: 'Qualcomm Hexagon NPU (Snapdragon X Elite)',
    aliases: ['hexagon', 'snapdragon-x', 'snapdragon-x-elite'],
    memoryBytes: snapdragonX(64 * GIGA, 'the largest configuration'),
    memoryBytesPerSecond: snapdragonX(135 * GIGA),
    peaks: teraPeaks(snapdragonX, { int8: 45 }),
  },
  {
    ...npu,
    id: 'core-ultra-155h-npu',
    name: 'Intel AI Boost (Core Ultra 7 155H)',
    aliases: ['meteor-lake-npu', 'core-ultra-npu', 'intel-npu'],
    memoryBytes: core155(96 * GIGA, 'the largest configuration'),
    memoryBytesPerSecond: core155(16 * 7467e6, lpddr5x(128, 7467)),
    peaks: teraPeaks(core155, { int8: 11 }),
  },
  {
    ...npu,
    id: 'core-ultra-288v-npu',
    name: 'Intel AI Boost (Core Ultra 9 288V)',
    aliases: ['lunar-lake-npu', 'core-ultra-200v-npu'],
    memoryBytes: core288(32 * GIGA),
    memoryBytesPerSecond: core288(16 * 8533e6, lpddr5x(128, 8533)),
    peaks: teraPeaks(core288, { int8: 48 }),
  },
  {
    ...npu,
    id: 'ryzen-ai-hx-370-npu',
    name: 'AMD XDNA 2 (Ryzen AI 9 HX 370)',
    aliases: ['ryzen-ai', 'ryzen-ai-hx-370', 'xdna2', 'strix-point-npu'],
    memoryBytes: ryzen370(256 * GIGA, 'the largest configuration'),
    memoryBytesPerSecond: ryzen370(16 * 8000e6, lpddr5x(128, 8000)),
    peaks: teraPeaks(ryzen370, { int8: 50 }),
  },
  {
    ...npu,
    id: 'ryzen-ai-max-395-npu',
    name: 'AMD XDNA 2 (Ryzen AI Max+ 395)',
    aliases: ['ryzen-ai-max', 'strix-halo-npu'],
    memoryBytes: ryzen395(128 * GIGA),
    memoryBytesPerSecond: ryzen395(256 * GIGA),
    peaks: teraPeaks(ryzen395, { int8: 50 }),
  },
];
