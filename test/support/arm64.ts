import { spawnSync } from 'node:child_process';

/** Debian's cross compiler, its emulator, and where it has the C library of arm64. */
export const COMPILER = 'aarch64-linux-gnu-g++';
export const EMULATOR = 'qemu-aarch64';
export const SYSROOT = '/usr/aarch64-linux-gnu';

/**
 * Whether kernels for arm64 can be built and emulated here; on such a processor itself the other tests of
 * kernels are about them.
 */
export const canEmulateArm64 =
  `${process.platform}-${process.arch}` !== 'linux-arm64' &&
  ['cmake', COMPILER, EMULATOR].every((tool) => spawnSync(tool, ['--version']).status === 0);
