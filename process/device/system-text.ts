import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs';
import { orElse } from '../../core/or-else.js';

/** @returns what a file of /proc or /sys says, without blanks around it; null when it cannot be read. */
export function systemText(path: string): string | null {
  return orElse(() => readFileSync(path, 'utf8').trim(), null);
}

/**
 * Writes to a file of /proc or /sys that is there; never makes one.
 * @throws Error of the kernel, with its code.
 */
export function writeSystemText(path: string, text: string): void {
  const file = openSync(path, constants.O_WRONLY | constants.O_TRUNC);
  try {
    writeSync(file, text);
  } finally {
    closeSync(file);
  }
}
