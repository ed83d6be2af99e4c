import { GIGA, type Hardware, halfOf, halvedPeaks, MEBI, publishedAt, teraPeaks } from './figure.js';

const volta = publishedAt(
  'https://images.nvidia.com/content/technologies/volta/pdf/volta-v100-datasheet-update-us-1165301-r5.pdf',
);
const voltaPaper = publishedAt(
  'https://images.nvidia.com/content/volta-architecture/pdf/volta-architecture-whitepaper.pdf',
);
const a100 = publishedAt(
  'https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet-us-nvidia-1758950-r4-web.pdf',
);
const ampereTuning = publishedAt('https://docs.nvidia.com/cuda/ampere-tuning-guide/index.html');
const h100 = publishedAt('https://www.nvidia.com/en-us/data-center/h100/');
const h100Pcie = publishedAt(
  'https://www.nvidia.com/content/dam/en-zz/Solutions/gtcs22/data-center/h100/PB-11133-001_v01.pdf',
);
const hopperTuning = publishedAt('https://docs.nvidia.com/cuda/hopper-tuning-guide/index.html');
const h200 = publishedAt('https://www.nvidia.com/en-us/data-center/h200/');
const gh200 = publishedAt('https://www.nvidia.com/en-us/data-center/grace-hopper-superchip/');
const hgx = publishedAt('https://www.nvidia.com/en-us/data-center/hgx/');
const dgxB200 = publishedAt('https://resources.nvidia.com/en-us-dgx-systems/dgx-b200-datasheet');
const blackwellTuning = publishedAt('https://docs.nvidia.com/cuda/blackwell-tuning-guide/index.html');

const A100_DENSE = { f64: 19.5, f32: 19.5, tf32: 156, bf16: 312, f16: 312, int8: 624, int4: 1248 };
const A100_SPARSE = { tf32: 312, bf16: 624, f16: 624, int8: 1248, int4: 2496 };
const a100Compute = {
  onChipBytes: ampereTuning(40 * MEBI),
  peaks: teraPeaks(a100, A100_DENSE),
  sparsePeaks: teraPeaks(a100, A100_SPARSE),
  hostBytesPerSecond: halfOf(a100, 64),
} as const;

/** SXM boards of Hopper publish their matrix peaks with sparsity alone. */
const HOPPER_SPARSE = { tf32: 989, bf16: 1979, f16: 1979, fp8: 3958, int8: 3958 };
const hopperCompute = (publication: ReturnType<typeof publishedAt>) => ({
  onChipBytes: hopperTuning(50 * MEBI),
  peaks: { ...teraPeaks(publication, { f64: 67, f32: 67 }), ...halvedPeaks(publication, HOPPER_SPARSE) },
  sparsePeaks: teraPeaks(publication, HOPPER_SPARSE),
});

/** NVIDIA's accelerators for servers with HBM. */
export const NVIDIA_DATACENTER: readonly Hardware[] = [
  {
    id: 'v100',
    name: 'NVIDIA V100 SXM2 32GB',
    aliases: ['nvidia_V100', 'Tesla V100-SXM2-32GB', 'v100-sxm2', 'v100-32gb'],
    kind: 'gpu',
    memoryBytes: volta(32 * GIGA),
    memoryBytesPerSecond: volta(900 * GIGA),
    onChipBytes: voltaPaper(6 * MEBI),
    peaks: teraPeaks(volta, { f64: 7.8, f32: 15.7, f16: 125 }),
    sparsePeaks: {},
    peerBytesPerSecond: halfOf(volta, 300),
    hostBytesPerSecond: halfOf(volta, 32),
    watts: volta(300),
  },
  {
    id: 'a100-40gb',
    name: 'NVIDIA A100 SXM 40GB',
    aliases: ['nvidia_A100', 'nvidia_A100_40G', 'NVIDIA A100-SXM4-40GB', 'a100-40g'],
    kind: 'gpu',
    ...a100Compute,
    memoryBytes: a100(40 * GIGA),
    memoryBytesPerSecond: a100(1555 * GIGA),
    peerBytesPerSecond: halfOf(a100, 600),
    watts: a100(400),
  },
  {
    id: 'a100-80gb',
    name: 'NVIDIA A100 SXM 80GB',
    aliases: ['a100', 'nvidia_A100_80G', 'nvidia_A800_80G_SXM', 'NVIDIA A100-SXM4-80GB', 'a100-80g'],
    kind: 'gpu',
    ...a100Compute,
    memoryBytes: a100(80 * GIGA),
    memoryBytesPerSecond: a100(2039 * GIGA),
    peerBytesPerSecond: halfOf(a100, 600),
    watts: a100(400),
  },
  {
    id: 'a100-pcie-80gb',
    name: 'NVIDIA A100 PCIe 80GB',
    aliases: ['NVIDIA A100 80GB PCIe', 'a100-pcie'],
    kind: 'gpu',
    ...a100Compute,
    memoryBytes: a100(80 * GIGA),
    memoryBytesPerSecond: a100(1935 * GIGA),
    peerBytesPerSecond: halfOf(a100, 600),
    watts: a100(300),
  },
  {
    id: 'h100-pcie',
    name: 'NVIDIA H100 PCIe 80GB',
    aliases: ['nvidia_H100_PCIe', 'NVIDIA H100 PCIe'],
    kind: 'gpu',
    memoryBytes: h100Pcie(80 * GIGA),
    memoryBytesPerSecond: h100Pcie(2000 * GIGA),
    onChipBytes: hopperTuning(50 * MEBI),
    peaks: {
      ...teraPeaks(h100, { f64: 51, f32: 51 }),
      ...halvedPeaks(h100, { tf32: 756, bf16: 1513, f16: 1513, fp8: 3026, int8: 3026 }),
    },
    sparsePeaks: teraPeaks(h100, { tf32: 756, bf16: 1513, f16: 1513, fp8: 3026, int8: 3026 }),
    peerBytesPerSecond: halfOf(h100Pcie, 600),
    hostBytesPerSecond: halfOf(h100Pcie, 128),
    watts: h100Pcie(350),
  },
  {
    id: 'h100',
    name: 'NVIDIA H100 SXM 80GB',
    aliases: ['nvidia_H100', 'nvidia_H100_SXM', 'NVIDIA H100 80GB HBM3', 'h100-sxm', 'h100-80gb'],
    kind: 'gpu',
    ...hopperCompute(h100),
    memoryBytes: h100(80 * GIGA),
    memoryBytesPerSecond: h100(3350 * GIGA),
    peerBytesPerSecond: halfOf(h100, 900),
    hostBytesPerSecond: halfOf(h100, 128),
    watts: h100(700),
  },
  {
    id: 'h100-nvl',
    name: 'NVIDIA H100 NVL 94GB',
    aliases: ['NVIDIA H100 NVL'],
    kind: 'gpu',
    memoryBytes: h100(94 * GIGA),
    memoryBytesPerSecond: h100(3900 * GIGA),
    onChipBytes: hopperTuning(50 * MEBI),
    peaks: {
      ...teraPeaks(h100, { f64: 60, f32: 60 }),
      ...halvedPeaks(h100, { tf32: 835, bf16: 1671, f16: 1671, fp8: 3341, int8: 3341 }),
    },
    sparsePeaks: teraPeaks(h100, { tf32: 835, bf16: 1671, f16: 1671, fp8: 3341, int8: 3341 }),
    peerBytesPerSecond: halfOf(h100, 600),
    hostBytesPerSecond: halfOf(h100, 128),
    watts: h100(400),
  },
  {
    id: 'h200',
    name: 'NVIDIA H200 SXM 141GB',
    aliases: ['NVIDIA H200', 'h200-sxm', 'h200-141gb'],
    kind: 'gpu',
    ...hopperCompute(h200),
    memoryBytes: h200(141 * GIGA),
    memoryBytesPerSecond: h200(4800 * GIGA),
    peerBytesPerSecond: halfOf(h200, 900),
    hostBytesPerSecond: halfOf(h200, 128),
    watts: h200(700),
  },
  {
    id: 'gh200',
    name: 'NVIDIA GH200 96GB HBM3 (its GPU)',
    aliases: ['NVIDIA GH200 480GB', 'grace-hopper', 'gh200-96gb'],
    kind: 'gpu',
    ...hopperCompute(gh200),
    memoryBytes: gh200(96 * GIGA),
    memoryBytesPerSecond: gh200(4000 * GIGA),
    peerBytesPerSecond: halfOf(gh200, 900),
    hostBytesPerSecond: gh200(450 * GIGA, 'half of the 900 GB/s of NVLink-C2C'),
    watts: gh200(1000, 'up to, programmable; CPU, GPU and memory together'),
  },
  {
    id: 'b200',
    name: 'NVIDIA B200 SXM 180GB',
    aliases: ['NVIDIA B200', 'b200-sxm', 'b200-180gb'],
    kind: 'gpu',
    memoryBytes: dgxB200(180 * GIGA, 'an eighth of the 1440 GB of eight'),
    memoryBytesPerSecond: dgxB200(8000 * GIGA, 'an eighth of the 64 TB/s of eight'),
    onChipBytes: blackwellTuning(126e6, 'published for the GPU of GB200'),
    peaks: {
      ...teraPeaks(hgx, { f64: 37, f32: 75 }, 'an eighth of what is published for eight'),
      ...teraPeaks(
        hgx,
        { tf32: 1125, bf16: 2250, f16: 2250, fp8: 4500, int8: 4500 },
        'a sixteenth of what is published for eight with 2:4 sparsity',
      ),
    },
    sparsePeaks: teraPeaks(
      hgx,
      { tf32: 2250, bf16: 4500, f16: 4500, fp8: 9000, int8: 9000 },
      'an eighth of what is published for eight',
    ),
    peerBytesPerSecond: halfOf(hgx, 1800),
    hostBytesPerSecond: null,
    watts: publishedAt(
      'https://github.com/mlcommons/inference_results_v6.0/blob/main/closed/Nebius/systems/nebius_b200_n1.json',
    )(1000),
  },
];
