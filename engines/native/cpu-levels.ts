import { failed } from '../../core/errors.js';
import type { LibraryHandle } from '../../process/koffi.js';
import { kernelFunctions } from './kernel-functions.js';

/** Levels of instructions, lowest first: each has all of the one before it. */
export interface CpuLevels {
  /** Those that both this processor and the library have; the first is `scalar`. */
  readonly names: readonly string[];
  /** Instruction sets of this processor, as words of /proc/cpuinfo with spaces between them. */
  readonly features: string;
  /**
   * The highest level of a processor of this architecture that has these features; whatever the library was
   * compiled for.
   */
  levelOf(features: string): string;
  /** The one in use: the last, unless RIDGEPOINT_CPU or `limit` says less. */
  inUse(): string;
  /** From now on kernels use this level at most, in the whole process. */
  limit(name: string): void;
}

/**
 * @param wanted RIDGEPOINT_CPU: the level that kernels may use at most.
 * @throws FailureError `engine-mismatch` for another interface, `device-missing` when `wanted` is no level of
 *   this processor.
 */
export function cpuLevels(
  { handle }: { readonly handle: LibraryHandle },
  wanted = process.env.RIDGEPOINT_CPU,
): CpuLevels {
  const cpu = kernelFunctions(handle, 'cpu');
  const nameOf = (level: number): string => cpu.ridge_cpu_level_name(level)!;
  const names = Array.from({ length: cpu.ridge_cpu_highest() + 1 }, (_, i) => nameOf(i));
  if (wanted !== undefined && wanted !== '' && !names.includes(wanted)) {
    const message = `RIDGEPOINT_CPU=${wanted} is no level of this processor; it has ${names.join(', ')}`;
    throw failed('device-missing', message, 'set one of these, or unset it');
  }
  return {
    names,
    get features() {
      return cpu.ridge_cpu_features() ?? '';
    },
    levelOf(features) {
      return nameOf(cpu.ridge_cpu_level_of(features));
    },
    inUse: () => names[cpu.ridge_cpu_level()]!,
    limit(name) {
      const index = names.indexOf(name);
      if (index < 0) throw new RangeError(`no level ${name}; this processor has ${names.join(', ')}`);
      cpu.ridge_cpu_limit(index);
    },
  };
}
