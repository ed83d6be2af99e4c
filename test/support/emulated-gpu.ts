import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SOURCES = join(import.meta.dirname, '../../kernels/cuda');

/** A stand-in for the CUDA driver whose GPU is this CPU: kernels/cuda/emulated. */
export interface EmulatedGpu {
  /** What a process has to have in its environment to meet it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly folder: string;
  readonly kernels: readonly string[];
  remove(): void;
}

/** @returns true when it can be built here; tests that need it are skipped by name otherwise. */
export function canEmulate(): boolean {
  return process.platform === 'linux' && spawnSync('g++', ['--version']).status === 0;
}

/**
 * Compiles kernels and driver for the CPU, and writes an image of kernels that is PTX as far as a driver's
 * eye goes.
 * @param source of kernels/cuda: all of them, or one file.
 */
export function buildEmulatedGpu(source = 'ridgepoint.cu'): EmulatedGpu {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-cuda-'));
  const driver = join(folder, 'libcuda.so.1');
  const flags = '-std=c++17 -O1 -Wall -Wextra -Werror -Wno-unknown-pragmas -fPIC -shared'.split(' ');
  const files = [join(SOURCES, 'emulated/block.cpp'), join(SOURCES, 'emulated/driver.cpp')];
  execFileSync('g++', [...flags, '-o', driver, ...files, '-x', 'c++', join(SOURCES, source)]);
  const images = join(folder, 'images');
  mkdirSync(images);
  const kernels = kernelNames(source);
  writeFileSync(join(images, 'ridgepoint.ptx'), imageOf(kernels));
  return {
    environment: { RIDGEPOINT_CUDA_DRIVER: driver, RIDGEPOINT_CUDA_IMAGES: images },
    folder,
    kernels,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * Names of the kernels of a file, all without one, out of the preprocessed source: nothing is listed twice by
 * hand.
 */
export function kernelNames(source = 'ridgepoint.cu'): string[] {
  const options = ['-std=c++17', '-E', '-P', '-x', 'c++', join(SOURCES, source)];
  const text = execFileSync('g++', options, { encoding: 'utf8', maxBuffer: 2 ** 28 });
  return [...text.matchAll(/emulated::enter\("(\w+)"/g)].map((match) => match[1]!);
}

/** The lines of a PTX file that the stand-in driver looks at. */
export function imageOf(kernels: readonly string[], version = '7.4', target = 'sm_80'): string {
  const lines = kernels.map((name) => `.visible .entry ${name}() { ret; }`);
  return ['// Ridgepoint', `.version ${version}`, `.target ${target}`, '.address_size 64', ...lines, ''].join(
    '\n',
  );
}

/**
 * As much of a cubin as a driver's first look needs: 64-bit ELF, machine 190, an architecture in its flags.
 */
export function machineCode(architecture: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write('\x7fELF', 'latin1');
  bytes.writeUInt16LE(190, 18);
  bytes.writeUInt32LE(architecture, 48);
  return bytes;
}
