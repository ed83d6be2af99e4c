import { GIGA, type Hardware, halvedPeaks, publishedAt, teraPeaks } from './figure.js';

const orin = publishedAt('https://www.nvidia.com/en-us/autonomous-machines/embedded-systems/jetson-orin/');
const superBlog = publishedAt(
  'https://developer.nvidia.com/blog/nvidia-jetson-orin-nano-developer-kit-gets-a-super-boost/',
);
const thor = publishedAt('https://www.nvidia.com/en-us/autonomous-machines/embedded-systems/jetson-thor/');

const QUARTER = "a quarter of the sparse INT8 rate: Ampere's tensor cores";

const soc = { kind: 'soc', onChipBytes: null, peerBytesPerSecond: null, hostBytesPerSecond: null } as const;

/** NVIDIA's modules: GPU and CPU share memory. Rates count the GPU, and the accelerators beside it where NVIDIA adds them up. */
export const NVIDIA_JETSON: readonly Hardware[] = [
  {
    ...soc,
    id: 'jetson-orin-nano',
    name: 'NVIDIA Jetson Orin Nano 8GB',
    aliases: ['orin-nano', 'jetson-orin-nano-8gb'],
    memoryBytes: orin(8 * GIGA),
    memoryBytesPerSecond: superBlog(68 * GIGA),
    peaks: { ...halvedPeaks(superBlog, { int8: 40 }), ...teraPeaks(superBlog, { f16: 10 }, QUARTER) },
    sparsePeaks: teraPeaks(superBlog, { int8: 40 }),
    watts: superBlog(15),
  },
  {
    ...soc,
    id: 'jetson-orin-nano-super',
    name: 'NVIDIA Jetson Orin Nano Super 8GB',
    aliases: ['orin-nano-super'],
    memoryBytes: orin(8 * GIGA),
    memoryBytesPerSecond: superBlog(102 * GIGA),
    peaks: { ...halvedPeaks(superBlog, { int8: 67 }), ...teraPeaks(superBlog, { f16: 16.75 }, QUARTER) },
    sparsePeaks: teraPeaks(superBlog, { int8: 67 }),
    watts: superBlog(25),
  },
  {
    ...soc,
    id: 'jetson-orin-nx',
    name: 'NVIDIA Jetson Orin NX 16GB',
    aliases: ['orin-nx', 'jetson-orin-nx-16gb'],
    memoryBytes: orin(16 * GIGA),
    memoryBytesPerSecond: orin(102.4 * GIGA),
    // 100 TOPS are those of the GPU and of two accelerators that no language model runs on.
    peaks: halvedPeaks(orin, { int8: 100 }),
    sparsePeaks: teraPeaks(orin, { int8: 100 }),
    watts: orin(25),
  },
  {
    ...soc,
    id: 'jetson-agx-orin',
    name: 'NVIDIA Jetson AGX Orin 64GB',
    aliases: ['agx-orin', 'jetson-agx-orin-64gb', 'Orin'],
    memoryBytes: orin(64 * GIGA),
    memoryBytesPerSecond: orin(204.8 * GIGA),
    peaks: halvedPeaks(orin, { int8: 275 }),
    sparsePeaks: teraPeaks(orin, { int8: 275 }),
    watts: orin(60),
  },
  {
    ...soc,
    id: 'jetson-thor',
    name: 'NVIDIA Jetson AGX Thor (T5000)',
    aliases: ['thor', 'agx-thor', 'jetson-agx-thor', 'jetson-t5000'],
    memoryBytes: thor(128 * GIGA),
    memoryBytesPerSecond: thor(273 * GIGA),
    peaks: {
      ...halvedPeaks(thor, { fp8: 1035 }),
      ...teraPeaks(
        thor,
        { bf16: 258.75, f16: 258.75 },
        "a quarter of the sparse FP8 rate: Blackwell's tensor cores",
      ),
    },
    sparsePeaks: teraPeaks(thor, { fp8: 1035 }),
    watts: thor(130),
  },
];
