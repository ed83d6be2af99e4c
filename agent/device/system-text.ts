import { readFileSync } from 'node:fs';

/** @returns what a file of /proc or /sys says, without blanks around it; null when it cannot be read. */
export function systemText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}
