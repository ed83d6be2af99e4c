import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cpus, homedir } from 'node:os';
import { dirname, join } from 'node:path';

const EXTENSION = process.platform === 'darwin' ? 'dylib' : 'so';

/** @returns Ridgepoint's cache folder: `$XDG_CACHE_HOME/ridgepoint`, by default `~/.cache/ridgepoint`. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ridgepoint');
}

/**
 * @returns where the CPU backend built on this machine lies. The folder carries the processor's features,
 * since a home directory may be shared with machines that would stop at an unknown instruction.
 */
export function nativeEngineFile(release: string): string {
  const machine = createHash('sha256').update(processorFeatures()).digest('hex').slice(0, 8);
  return join(cacheFolder(), 'engines', release, `${process.arch}-${machine}`, `libggml-cpu.${EXTENSION}`);
}

/** @returns where another library built on this machine lies, beside that backend. */
export function builtLibraryFile(release: string, name: string): string {
  return join(dirname(nativeEngineFile(release)), `${name}.${EXTENSION}`);
}

/**
 * @returns where a program built on this machine lies, beside the backend that is built for the same
 *   processor.
 */
export function builtProgramFile(release: string, program: string): string {
  return join(dirname(nativeEngineFile(release)), program);
}

function processorFeatures(): string {
  try {
    const line = /^(?:flags|Features)\s*:.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'));
    if (line) return line[0];
  } catch {
    // Not Linux: the model's name has to do.
  }
  return cpus()[0]?.model ?? 'unknown';
}
