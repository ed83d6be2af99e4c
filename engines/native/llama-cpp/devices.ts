import type { Llama } from '../llama.js';
import { CONSTANTS, type Pointer, STRUCTS } from './bindings.js';

/** A device of one of the loaded backends, as the engine describes it. */
export interface EngineDevice {
  readonly handle: Pointer;
  /** The engine's name, e.g. `CPU`, `CUDA0`. */
  readonly name: string;
  readonly description: string;
  /** PCI address or the like; null when the backend does not say. */
  readonly id: string | null;
  readonly kind: 'cpu' | 'gpu' | 'integrated-gpu' | 'accelerator' | 'other';
  /** Backend it belongs to, lower case: `cpu`, `cuda`, `vulkan`, `metal`. */
  readonly backend: string;
  readonly memoryBytes: number;
  /** Of it, what was free when the device was listed. */
  readonly freeBytes: number;
}

const KINDS: Readonly<Record<number, EngineDevice['kind']>> = {
  [CONSTANTS.GGML_BACKEND_DEVICE_TYPE_CPU]: 'cpu',
  [CONSTANTS.GGML_BACKEND_DEVICE_TYPE_GPU]: 'gpu',
  [CONSTANTS.GGML_BACKEND_DEVICE_TYPE_IGPU]: 'integrated-gpu',
  [CONSTANTS.GGML_BACKEND_DEVICE_TYPE_ACCEL]: 'accelerator',
};

/**
 * Drivers that compute a GPU on the CPU, by how they name it: Mesa's lavapipe and Google's SwiftShader. ggml
 * does not pass the type on by which Vulkan tells them apart (VkPhysicalDeviceType), and calls them GPUs.
 */
const SOFTWARE = /^(llvmpipe|SwiftShader)\b/;

/** @returns those of the devices that are computed on the CPU. */
export function softwareAmong(devices: readonly EngineDevice[]): readonly EngineDevice[] {
  return devices.filter(({ kind, description }) => kind !== 'cpu' && SOFTWARE.test(description));
}

type Core = Pick<Llama, 'functions' | 'read' | 'allocate' | 'free'>;

/** @returns every device of the backends that are loaded now. */
export function listDevices(llama: Core): EngineDevice[] {
  const { ggml_backend_dev_count, ggml_backend_dev_get } = llama.functions;
  const count = Number(ggml_backend_dev_count());
  const handles = Array.from({ length: count }, (_, index) => ggml_backend_dev_get(index));
  return listed(llama, handles);
}

/** @returns devices as the engine describes them now. */
export function listed(llama: Core, handles: readonly Pointer[]): EngineDevice[] {
  const { functions } = llama;
  const room = llama.allocate('uint8_t', STRUCTS.ggml_backend_dev_props.size);
  const devices = handles.map((handle, index) => {
    functions.ggml_backend_dev_get_props(handle, room);
    const props = llama.read('ggml_backend_dev_props', room);
    const registry = functions.ggml_backend_dev_backend_reg(handle);
    return {
      handle,
      name: props.name ?? `device ${index}`,
      description: props.description ?? '',
      id: props.device_id,
      kind: KINDS[props.type] ?? 'other',
      backend: (functions.ggml_backend_reg_name(registry) ?? 'unknown').toLowerCase(),
      memoryBytes: Number(props.memory_total),
      freeBytes: Number(props.memory_free),
    };
  });
  llama.free(room);
  return devices;
}
