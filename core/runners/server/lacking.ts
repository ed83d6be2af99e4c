import type { Options } from '../../experiment/experiment.js';
import { SERVER_OPTION_NAMES } from './options.js';
import type { ServerProfile } from './profile.js';

/**
 * @param release as a node says it, such as `vllm 0.32.0+cpu`; one without a number lacks nothing that is
 *   known.
 * @returns what of a point's options came with a later release of its server, in a clause; null = nothing.
 */
export function lackingIn(
  { name, since }: Pick<ServerProfile, 'name' | 'since'>,
  release: string,
  options: Options,
): string | null {
  const has = numbersOf(release);
  if (has === null) return null;
  for (const option of SERVER_OPTION_NAMES) {
    const value = options[option] ?? null;
    const from = since[option];
    if (value === null || from === undefined) continue;
    const first = typeof from === 'string' ? from : from[String(value)];
    if (first !== undefined && isBefore(has, numbersOf(first)!))
      return `${option} ${value}, which ${name} has from ${first} on`;
  }
  return null;
}

/**
 * Those of its first word that looks like a release: builds and drafts of one (`0.33.0rc1`, `+cpu`) count as
 * it.
 */
function numbersOf(release: string): readonly number[] | null {
  return /\d+(?:\.\d+)+/.exec(release)?.[0].split('.').map(Number) ?? null;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
