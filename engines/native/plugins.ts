import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { neededLibraries } from './elf.js';
import type { Llama } from './llama.js';
import { listDevices } from './llama-cpp/devices.js';
import type { EnginePackage } from './packages.js';

/** Whether the backend of a device class can be used on this machine. */
export interface PluginState {
  readonly deviceClass: string;
  readonly ok: boolean;
  /** Whether its files are on this machine. */
  readonly installed: boolean;
  /** The devices it found, or why there are none. */
  readonly reason: string;
  /** Shared libraries that the system lacks, of the file that was tried first. */
  readonly missing: readonly string[];
  /** The file that was loaded; null where none was, or it came with the CPU. */
  readonly file: string | null;
}

type Core = Pick<Llama, 'functions' | 'read' | 'allocate' | 'free' | 'log' | 'canOpen'>;

/** Loads every plugin backend of the installed packages into this process and says what came of it. */
export function loadPlugins(llama: Core, engine: EnginePackage): PluginState[] {
  const states = engine.plugins.map(({ deviceClass }) => loadPlugin(llama, engine, deviceClass));
  // Metal is no plugin: on a Mac it comes with the CPU.
  return process.platform === 'darwin' ? [...states, loadPlugin(llama, engine, 'metal')] : states;
}

/** Loads the backend of a device class beside the CPU's; tries each of its files until one finds a device. */
export function loadPlugin(llama: Core, engine: EnginePackage, deviceClass: string): PluginState {
  const files = engine.plugins.find((plugin) => plugin.deviceClass === deviceClass)?.files ?? [];
  const failures: { readonly reason: string; readonly missing: readonly string[] }[] = [];
  let loaded: string | null = null;
  for (const file of devicesOf(llama, deviceClass).length > 0 ? [] : files) {
    llama.log.clear();
    if (llama.functions.ggml_backend_load(file) !== null) {
      loaded = file;
      break;
    }
    const missing = missingLibraries(llama, engine, file);
    const said = llama.log.errors(1) ?? `${basename(file)} does not load`;
    // `failed to load /long/path/x.so: liby.so.1: cannot open …`: the last part is what helps.
    const short = said.replace(/failed to load \S+: /, '').replace(/\S*\//g, '');
    failures.push({ reason: missing.length > 0 ? `${missing.join(', ')} not found` : short, missing });
  }
  const devices = devicesOf(llama, deviceClass);
  if (devices.length > 0)
    return { deviceClass, ok: true, installed: true, reason: devices.join(', '), missing: [], file: loaded };
  const reason = failures.map((f) => f.reason).join('; other build: ');
  // Metal comes with the CPU.
  const installed = files.length > 0 || deviceClass === 'metal';
  const otherwise = installed ? 'no device found' : 'its backend is not installed';
  const missing = failures[0]?.missing ?? [];
  return { deviceClass, ok: false, installed, reason: reason || otherwise, missing, file: loaded };
}

/** The linker names only the first library that lacks; this names all of them. */
function missingLibraries(llama: Core, engine: EnginePackage, file: string): string[] {
  const needed = neededLibraries(file) ?? [];
  return needed.filter((name) => !existsSync(join(engine.folder, name)) && !llama.canOpen(name));
}

function devicesOf(llama: Core, deviceClass: string): string[] {
  // ggml names Apple's backend MTL.
  const backend = deviceClass === 'metal' ? 'mtl' : deviceClass;
  return listDevices(llama)
    .filter((device) => device.kind !== 'cpu' && device.backend === backend)
    .map((device) => device.description);
}
