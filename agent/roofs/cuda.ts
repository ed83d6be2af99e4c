import type { DeviceProfile } from '../../core/experiment/node.js';
import { ROOFS_SCHEMA, type Roofs } from '../../core/result/roofs.js';
import { openNvml } from '../../process/device/nvml.js';
import { taskOf } from '../../process/isolation/job.js';
import { roofsUnderWider } from '../../roofline/roof-warnings.js';
import type { TakenCudaRoofs } from './cuda-take.js';
import { digestOfKernels, type RoofsEnvironment } from './environment.js';
import { CUDA_ROOFS } from './jobs.js';
import type { RoofsMeasurer } from './measurer.js';
import { reading, takeInChild } from './readings.js';

const THOROUGH_REPEATS = 20;
const QUICK_REPEATS = 5;
/** Repeats that differ by more were disturbed, or the clocks moved. */
const MOST_SPREAD = 0.05;
/** Compute capability from which products of a warp are not the fastest, and we have no others. */
const NEWER = 10;

const FASTER =
  'tensor cores were measured by products of a warp, and this GPU has faster ones: the true peaks are higher';

/** Roofs of NVIDIA GPUs, by our own kernels in a child process that sees this GPU alone. */
export const cudaRoofs: RoofsMeasurer = {
  classes: ['cuda'],
  environment: cudaEnvironment,
  async measure(device, { extent = 'all', onProgress, signal }) {
    const quick = extent === 'quick';
    const environment = await cudaEnvironment(device);
    const job = { repeats: quick ? QUICK_REPEATS : THOROUGH_REPEATS };
    const task = taskOf(CUDA_ROOFS, { deviceId: device.id, job });
    const taken = await takeInChild(task, device.cpus, { onProgress, signal });
    const threads = taken.device.processors;
    const readings = {
      bandwidth: taken.bandwidth.map(({ samples, ...roof }) => {
        return { ...roof, threads, bytesPerSecond: reading(samples, Math.max) };
      }),
      compute: taken.compute.map(({ samples, ...roof }) => {
        return { ...roof, threads, flopsPerSecond: reading(samples, Math.max) };
      }),
      links: taken.links.map(({ name, samples }) => ({ name, bytesPerSecond: reading(samples, Math.max) })),
    };
    return {
      schema: ROOFS_SCHEMA,
      device: { id: device.id, class: device.classes.at(-1) ?? 'cuda', name: device.name },
      measuredAt: new Date().toISOString(),
      environment,
      ...readings,
      launchSeconds: taken.launch === null ? null : reading(taken.launch, Math.min),
      warnings: roofsUnderWider(readings.compute),
      caveats: [...(quick ? ['measured quickly: a few repeats'] : []), ...caveats(taken, readings)],
      absent: { ...taken.absent },
    } satisfies Roofs;
  },
};

/** What the ceilings of a GPU depend on: when one of these changes, they are measured again. */
async function cudaEnvironment(device: DeviceProfile): Promise<RoofsEnvironment> {
  const search = await openNvml();
  const gpu = search.found ? search.nvml.devices.find(({ uuid }) => uuid === device.id) : undefined;
  const environment = {
    gpu: device.name,
    memoryBytes: device.memoryBytes,
    driver: search.found ? search.nvml.driverVersion : null,
    powerLimitWatts: gpu?.powerLimitWatts() ?? null,
    kernelsDigest: digestOfKernels(),
  };
  if (search.found) search.nvml.close();
  return environment;
}

function caveats(
  taken: TakenCudaRoofs,
  { bandwidth, compute }: Pick<Roofs, 'bandwidth' | 'compute'>,
): string[] {
  const { capability, image } = taken.device;
  const named = [
    ...bandwidth.map((roof) => ({ name: `${roof.level} ${roof.access}`, reading: roof.bytesPerSecond })),
    ...compute.map((roof) => ({ name: `${roof.arithmetic} ${roof.unit}`, reading: roof.flopsPerSecond })),
  ];
  return [
    ...(capability >= NEWER || (capability === 9 && image.endsWith('.ptx')) ? [FASTER] : []),
    ...named
      .filter(({ reading: { cv } }) => cv !== null && cv > MOST_SPREAD)
      .map(({ name, reading: { cv } }) => `repeats of ${name} spread by ${(100 * cv!).toFixed(0)} %`),
  ];
}
