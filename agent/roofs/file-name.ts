import { createHash } from 'node:crypto';

/** @returns the first 16 hex digits of the SHA-256 of what a file holds. */
export function idOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 16);
}

/** @returns what files of a device begin with: ids of devices are plain, but they come from drivers. */
export function fileName(deviceId: string): string {
  return /^[A-Za-z0-9][A-Za-z0-9_-]{0,100}$/.test(deviceId) ? deviceId : idOf(deviceId);
}
