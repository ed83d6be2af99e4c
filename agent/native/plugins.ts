import { basename } from 'node:path';
import type { Llama } from './llama.js';
import { listDevices } from './llama-cpp/devices.js';
import { type EnginePackage, findEngine } from './packages.js';

/** Whether the backend of a device class can be used on this machine. */
export interface PluginState {
  readonly deviceClass: string;
  readonly ok: boolean;
  /** Devices it found, or why there are none. */
  readonly reason: string;
}

/** Loads every plugin backend of the installed packages into this process and says what came of it. */
export function loadedPlugins(llama: Llama): PluginState[] {
  const engine = findEngine();
  const states = engine.plugins.map(({ deviceClass }) => loadPlugin(llama, engine, deviceClass));
  const metal = devicesOf(llama, 'metal');
  if (metal.length > 0) states.push({ deviceClass: 'metal', ok: true, reason: metal.join(', ') });
  return states;
}

/** Loads the backend of a device class beside the CPU's; tries each of its files until one finds a device. */
export function loadPlugin(
  llama: Pick<Llama, 'functions' | 'read' | 'allocate' | 'free' | 'log'>,
  engine: EnginePackage,
  deviceClass: string,
): PluginState {
  const files = engine.plugins.find((plugin) => plugin.deviceClass === deviceClass)?.files ?? [];
  const reasons: string[] = [];
  for (const file of devicesOf(llama, deviceClass).length > 0 ? [] : files) {
    llama.log.clear();
    if (llama.functions.ggml_backend_load(file) !== null) break;
    // `failed to load /long/path/x.so: liby.so.1: cannot open …`: the last part is what helps.
    const said = llama.log.errors(1) ?? `${basename(file)} does not load`;
    reasons.push(said.replace(/failed to load \S+: /, '').replace(/\S*\//g, ''));
  }
  const devices = devicesOf(llama, deviceClass);
  if (devices.length > 0) return { deviceClass, ok: true, reason: devices.join(', ') };
  const reason = reasons[0] ?? (files.length > 0 ? 'no device found' : 'its backend is not installed');
  return { deviceClass, ok: false, reason };
}

function devicesOf(llama: Parameters<typeof loadPlugin>[0], deviceClass: string): string[] {
  // ggml names Apple's backend MTL.
  const backend = deviceClass === 'metal' ? 'mtl' : deviceClass;
  return listDevices(llama)
    .filter((device) => device.kind !== 'cpu' && device.backend === backend)
    .map((device) => device.description);
}
