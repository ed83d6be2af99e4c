/** Sizes of the open dimensions of a graph, by their names. */
export type Sizes = ReadonlyMap<string, number>;

/** @returns the sizes of a word such as `sequence=128,height=224`, or what is wrong with it. */
export function readSizes(text: string): Sizes | string {
  const sizes = new Map<string, number>();
  for (const part of text.split(',')) {
    const [, name, digits] = /^\s*(.+?)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === undefined || digits === undefined || Number(digits) < 1 || Number(digits) > 1e9) {
      return `"${part.trim()}" is not a dimension's name, = and a size, as in sequence=128,height=224`;
    }
    if (sizes.has(name)) return `${name} has two sizes`;
    sizes.set(name, Number(digits));
  }
  return sizes;
}
