/** @returns a time as people read it in UTC: `2026-11-30 18:19`. @param at ISO 8601 */
export const minuteOf = (at: string): string => at.slice(0, 16).replace('T', ' ');
