import { systemText, writeSystemText } from '../../process/device/system-text.js';
import { settingError } from './control.js';

/** @returns the whole number a file of /sys holds, or null when there is none. */
export function readNumber(path: string): number | null {
  const text = systemText(path);
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** @returns the same where there must be one. @throws FailureError `setting-failed` */
export function requireNumber(path: string): number {
  const value = readNumber(path);
  if (value === null) throw settingError(`${path} cannot be read, or holds no number`);
  return value;
}

/**
 * Writes to a file that is there; never makes one.
 * @throws FailureError `setting-failed` with what the kernel says.
 */
export function writeNumber(path: string, value: number): void {
  try {
    writeSystemText(path, String(Math.round(value)));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const denied = code === 'EACCES' || code === 'EPERM' || code === 'EROFS';
    const hint = denied
      ? 'Start the power helper as root, with /sys writable; some firmware locks limits.'
      : null;
    throw settingError(`${path} did not take ${Math.round(value)} (${code ?? (error as Error).message})`, {
      hint,
    });
  }
}

/** Takes every step, whatever becomes of the others. @returns the first refusal in brackets, or nothing. */
export function attempt(steps: readonly (() => void)[]): string {
  const refusals = steps.flatMap((step) => {
    try {
      step();
      return [];
    } catch (error) {
      return [(error as Error).message];
    }
  });
  return refusals.length === 0 ? '' : `(${refusals[0]})`;
}
