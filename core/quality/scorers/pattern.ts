/** Longest pattern, longest text it is tried on, and how many open-ended repeats it may have. */
const MAX_PATTERN = 500;
const MAX_TEXT = 2000;
const MAX_OPEN_REPEATS = 4;

/**
 * Says whether a pattern from a task file may be run. JavaScript's engine backtracks, so a pattern whose time
 * grows exponentially is refused by its form: a repeated group that itself repeats or chooses, and references
 * back. What is left grows as a small power of a short text; the time limit of the process ends the rest.
 * @returns one sentence why not, or null.
 */
export function patternProblem(pattern: string): string | null {
  if (pattern.length > MAX_PATTERN) return `the pattern is longer than ${MAX_PATTERN} characters`;
  try {
    new RegExp(pattern, 'u');
  } catch (error) {
    return `the pattern is not a regular expression: ${(error as Error).message}`;
  }
  const flat = pattern
    .replace(/\\k<[^>]*>|\\[1-9]/g, '\u0000')
    .replace(/\\./gs, 'x')
    .replace(/\[[^\]]*\]/g, 'x');
  if (flat.includes('\u0000')) return 'the pattern refers back to a group, which can take for ever';
  if (repeatsInsideRepeats(flat)) {
    return 'the pattern repeats a group that repeats or chooses itself, which can take for ever';
  }
  const open = flat.match(/[*+]|\{\d+,\d*\}/g)?.length ?? 0;
  return open > MAX_OPEN_REPEATS ? `the pattern has ${open} repeats; ${MAX_OPEN_REPEATS} are the most` : null;
}

/** Walks the brackets: a group that is repeated may hold no repeat and no choice. */
function repeatsInsideRepeats(flat: string): boolean {
  const holds: boolean[] = [];
  for (let i = 0; i < flat.length; i++) {
    const c = flat[i];
    if (c === '(') holds.push(false);
    else if (c === ')') {
      const held = holds.pop() ?? false;
      const repeated = /^(?:[*+]|\{\d+(?:,\d*)?\})/.test(flat.slice(i + 1));
      if (held && repeated) return true;
      if ((held || repeated) && holds.length > 0) holds[holds.length - 1] = true;
    } else if ((c === '*' || c === '+' || c === '|' || c === '{') && holds.length > 0) {
      holds[holds.length - 1] = true;
    }
  }
  return false;
}

/** @returns whether a checked pattern is found in the first 2000 characters of the text. */
export function matches(text: string, pattern: string): boolean {
  return new RegExp(pattern, 'u').test(text.slice(0, MAX_TEXT));
}
