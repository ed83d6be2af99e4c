/** @returns a time of the coordinator's as people read it: `2026-11-25 14:02 UTC`. */
export function stamp(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`;
}
