import { FailureError, failure } from '../../core/errors.js';
import type { KernelLibrary } from './kernel-library.js';

/** The interface of kernels/cpu/cpu.h that this file was written for. */
const INTERFACE = 1;

/** Levels of instructions, lowest first: each has all of the one before it. */
export interface CpuLevels {
  /** Those that both this processor and the library have; the first is `scalar`. */
  readonly names: readonly string[];
  /** Instruction sets of this processor, as words of /proc/cpuinfo with spaces between them. */
  readonly features: string;
  /** The highest level of a processor of this architecture that has these features; whatever the library was compiled for. */
  of(features: string): string;
  /** The one in use: the last, unless RIDGEPOINT_CPU or `limit` says less. */
  inUse(): string;
  /** From now on kernels use this level at most, in the whole process. */
  limit(name: string): void;
}

/**
 * @param wanted RIDGEPOINT_CPU: the level that kernels may use at most.
 * @throws FailureError `engine-mismatch` for another interface, `device-missing` when `wanted` is no level of this processor.
 */
export function cpuLevels(
  { handle }: Pick<KernelLibrary, 'handle'>,
  wanted = process.env.RIDGEPOINT_CPU,
): CpuLevels {
  const call = (prototype: string) => handle.func(prototype) as (...args: number[]) => number;
  const found = call('int32_t ridge_cpu_interface()')();
  if (found !== INTERFACE) {
    const message = `the native kernels have cpu interface ${found}, and ${INTERFACE} is needed`;
    throw new FailureError(
      failure('engine-mismatch', message, { hint: 'build them again with node scripts/build-kernels.mjs' }),
    );
  }
  const nameOf = handle.func('const char *ridge_cpu_level_name(int32_t level)') as (level: number) => string;
  const level = call('int32_t ridge_cpu_level()');
  const setLimit = call('int32_t ridge_cpu_limit(int32_t level)');
  const highest = call('int32_t ridge_cpu_highest()')();
  const names = Array.from({ length: highest + 1 }, (_, i) => nameOf(i));
  if (wanted !== undefined && wanted !== '' && !names.includes(wanted)) {
    const message = `RIDGEPOINT_CPU=${wanted} is no level of this processor; it has ${names.join(', ')}`;
    throw new FailureError(failure('device-missing', message, { hint: 'set one of these, or unset it' }));
  }
  return {
    names,
    get features() {
      return (handle.func('const char *ridge_cpu_features()') as () => string)();
    },
    of(features) {
      const levelOf = handle.func('int32_t ridge_cpu_level_of(const char *features)') as (
        words: string,
      ) => number;
      return nameOf(levelOf(features));
    },
    inUse: () => names[level()]!,
    limit(name) {
      const index = names.indexOf(name);
      if (index < 0) throw new RangeError(`no level ${name}; this processor has ${names.join(', ')}`);
      setLimit(index);
    },
  };
}
