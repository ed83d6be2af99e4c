/** Where zeros may be: anywhere, or exactly `pruned` in every group of `group` consecutive columns. */
export type Pattern =
  | { readonly kind: 'unstructured' /** Share of weights to prune, 0 to 1. */; readonly ratio: number }
  | { readonly kind: 'grouped'; readonly pruned: number; readonly group: number };

/** @returns the pattern in the field's words: `60%`, `2:4` (two of four pruned). */
export function patternName(pattern: Pattern): string {
  return pattern.kind === 'grouped'
    ? `${pattern.pruned}:${pattern.group}`
    : `${Number((pattern.ratio * 100).toFixed(6))}%`;
}

/** @returns what is wrong with a pattern for a layer of this width, or null. */
export function wrongPattern(pattern: Pattern, columns: number): string | null {
  if (pattern.kind === 'unstructured') {
    return pattern.ratio >= 0 && pattern.ratio <= 1
      ? null
      : `the ratio ${pattern.ratio} is not between 0 and 1`;
  }
  const { pruned, group } = pattern;
  if (!Number.isInteger(group) || group < 1 || !Number.isInteger(pruned) || pruned < 0 || pruned > group) {
    return `${pruned}:${group} does not say how many (0 to ${group}) of how many columns are pruned`;
  }
  if (columns % group !== 0) {
    return `${pruned}:${group} needs a width that divides by ${group}, and this layer has ${columns} columns`;
  }
  return null;
}

/**
 * @returns the weights pruned in every row: trunc(columns · ratio), an IEEE double product as the published
 *   code has it.
 */
export function prunedPerRow(pattern: Pattern, columns: number): number {
  return pattern.kind === 'unstructured'
    ? Math.trunc(columns * pattern.ratio)
    : (columns / pattern.group) * pattern.pruned;
}
