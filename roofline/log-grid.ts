/** Where a value lies between two neighbouring nodes of a grid, in logarithms. */
export interface Bracket {
  /** Of the node at or below the value. */
  readonly low: number;
  /** Of the way to the next node: 0 at `low`, below 1. */
  readonly share: number;
}

/**
 * @param nodes ascending.
 * @param sizeOf of a node, above 0.
 * @returns the ends themselves beyond the ends, so that what is interpolated is flat there.
 */
export function bracketOf<Node>(
  nodes: readonly Node[],
  value: number,
  sizeOf: (node: Node) => number,
): Bracket {
  const last = nodes.length - 1;
  if (value <= sizeOf(nodes[0]!)) return { low: 0, share: 0 };
  if (value >= sizeOf(nodes[last]!)) return { low: last, share: 0 };
  let low = 0;
  for (let high = last; high - low > 1; ) {
    const middle = (low + high) >> 1;
    if (sizeOf(nodes[middle]!) <= value) low = middle;
    else high = middle;
  }
  const from = sizeOf(nodes[low]!);
  return { low, share: Math.log(value / from) / Math.log(sizeOf(nodes[low + 1]!) / from) };
}

/** The same of nodes that are sizes themselves. */
export const bracketAt = (nodes: readonly number[], value: number): Bracket =>
  bracketOf(nodes, value, identity);

const identity = (node: number) => node;
