import { FailureError } from '../../core/errors.js';
import { loadObserver } from '../../engines/runners/index.js';
import type { ObservedDevices, ObservedPlace } from '../../engines/runners/observer.js';
import type { GgufFile } from '../../formats/gguf/header.js';
import { planWalk } from './blocks.js';

/** Where activations were computed, for records; sums of them and masks are made on the CPU. */
export interface ComputedOn {
  /** `cpu`, or what the engine calls its devices. */
  readonly computedOn: string;
  /** Why it was the CPU, where another place was asked for. */
  readonly computedOnReason?: string;
}

/**
 * Opens what a model is run on at a place, in a child process.
 * @returns null = the CPU.
 * @throws FailureError `device-missing` and the like.
 */
export async function devicesAt(place: ObservedPlace): Promise<ObservedDevices | null> {
  return await (await loadObserver(place)).devices();
}

/** @returns what records say of a place. @throws FailureError as `devicesAt` does. */
export async function computedOn(place: ObservedPlace): Promise<ComputedOn> {
  const devices = await devicesAt(place);
  const { cpuReason } = place;
  return {
    computedOn: devices?.name ?? 'cpu',
    ...(cpuReason !== undefined && { computedOnReason: cpuReason }),
  };
}

/** Of the free memory of devices; the cache, activations and the engine itself have the rest. */
const SHARE_OF_WEIGHTS = 0.9;

/** How all layers of a model are seen at once. */
interface DensePass {
  readonly place: ObservedPlace;
  /** Whether the model is loaded whole, or a block at a time. */
  readonly whole: boolean;
}

/**
 * A model that does not fit into the memory of its place is run a block at a time, and one that cannot be
 * goes to the CPU. An engine that maps a file larger than the memory would read it anew for every sequence.
 * @param devices of the place; null = the CPU.
 * @returns where and how it is run.
 */
export function densePassOf(
  header: GgufFile,
  place: ObservedPlace,
  devices: ObservedDevices | null,
): DensePass {
  if (devices === null) return { place, whole: header.fileBytes <= process.availableMemory() };
  const room = devices.freeBytes === null ? Number.POSITIVE_INFINITY : SHARE_OF_WEIGHTS * devices.freeBytes;
  if (header.fileBytes <= room) return { place, whole: true };
  const why = notByBlock(header);
  if (why === null) return { place, whole: false };
  const [model, free] = [header.fileBytes, room].map((bytes) => `${(bytes / 1e9).toPrecision(3)} GB`);
  const cpuReason = `the model has ${model} and ${devices.name} room for ${free}, and it cannot be run a block at a time: ${why}`;
  return densePassOf(header, { ...place, cpuReason }, null);
}

/** @returns why the blocks of a model cannot be run alone, or null. */
function notByBlock(header: GgufFile): string | null {
  try {
    planWalk(header, () => true);
    return null;
  } catch (error) {
    if (error instanceof FailureError) return error.failure.message;
    throw error;
  }
}
