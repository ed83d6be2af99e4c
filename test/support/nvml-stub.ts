import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Nvml, openNvml } from '../../process/device/nvml.js';

const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-nvml-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let written = 0;

/** The stub of libnvidia-ml is C, built by whoever needs it. */
export const canBuildStub = spawnSync('gcc', ['--version']).status === 0;

/** @returns path of a stand-in for libnvidia-ml.so.1 (test/fixtures/nvml-stub.c); see there for scripts. */
export function buildNvmlStub(...flags: string[]): string {
  // A name of its own for each: a library is loaded once by its path.
  const library = join(folder, `libnvidia-ml-${++written}.so.1`);
  const source = join(import.meta.dirname, '../fixtures/nvml-stub.c');
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', ...flags, '-o', library, source]);
  return library;
}

/** A value that holds from the beginning, or values by the second from which they hold. */
export type Scripted = string | number | Readonly<Record<number, string | number>>;
export type ScriptedFields = Readonly<Record<string, Scripted>>;

/** What a whole H100 with a recent driver answers; tests change what they are about. */
export const H100: ScriptedFields = {
  name: 'NVIDIA H100 80GB HBM3',
  capability: '9.0',
  'memory.total': 85899345920,
  'memory.reserved': 2 ** 29,
  'memory.used': 3 * 2 ** 30,
  energy: '1000000~35000/0.1',
  'power.instant': 350500,
  'power.average': 340000,
  'power.usage': 333000,
  'power.limit': 700000,
  'power.memory': 60000,
  'clock.sm': 1980,
  'clock.memory': 2619,
  temperature: 45,
  'temperature.memory': 58,
  throttle: 0,
  utilization: 87,
  'utilization.memory': 40,
  processes: 'none',
};

/**
 * Opens the stub with a script.
 * @param devices fields by device: `0`, `1`, …, and `0/2` for a MIG instance.
 */
export async function openScripted(
  library: string,
  devices: Readonly<Record<string, ScriptedFields>>,
  driver: ScriptedFields = {},
): Promise<Nvml> {
  process.env.NVML_STUB_SCRIPT = writeScript(devices, driver);
  const search = await openNvml(library);
  if (!search.found) throw new Error(search.reason);
  return search.nvml;
}

/** @returns path of a script; the stub reads it when it is opened and NVML_STUB_SCRIPT names it. */
export function writeScript(
  devices: Readonly<Record<string, ScriptedFields>>,
  driver: ScriptedFields = {},
): string {
  const count = Object.keys(devices).filter((device) => !device.includes('/')).length;
  const all = { '-': { version: '570.1', count, ...driver }, ...devices };
  const lines = Object.entries(all).flatMap(([device, fields]) =>
    Object.entries(fields).flatMap(([field, scripted]) =>
      Object.entries(typeof scripted === 'object' ? scripted : { 0: scripted })
        .sort(([a], [b]) => Number(a) - Number(b))
        .map(([seconds, value]) => `${seconds} ${device} ${field} ${value}`),
    ),
  );
  const path = join(folder, `script-${++written}`);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/**
 * With `clock: 'scripted'` among the driver's fields the stub takes this for the time since it was opened.
 */
export function setStubTime(seconds: number): void {
  process.env.NVML_STUB_NOW = String(seconds);
}

/** Puts the environment back that the stub reads. */
export function forgetStub(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('NVML_STUB_')) delete process.env[name];
}
