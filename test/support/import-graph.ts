/**
 * What a file imports by a path of its own, resolved: `core/sweep/parse.ts` → the files it reads. Paths are
 * from the root.
 */
export type Imports = ReadonlyMap<string, readonly string[]>;

/** Entries of a room, its folders and the files beside them, and which of them each imports. */
export type Arrows = ReadonlyMap<string, ReadonlySet<string>>;

/**
 * @returns the first parts of a path: `core/sweep/parse.ts` → `core/sweep`. A file nearer to the root is an
 *   entry of its own.
 */
export const entryOf = (path: string, depth: number): string => path.split('/').slice(0, depth).join('/');

/** @param depth 1 = rooms, 2 = entries of rooms. */
export function arrowsOf(imports: Imports, depth: number): Arrows {
  const arrows = new Map<string, Set<string>>();
  for (const [file, targets] of imports) {
    const from = entryOf(file, depth);
    const to = arrows.get(from) ?? new Set();
    for (const target of targets) if (entryOf(target, depth) !== from) to.add(entryOf(target, depth));
    arrows.set(from, to);
  }
  return arrows;
}

/**
 * Strongly connected components with more than one entry (Tarjan, "Depth-first search and linear graph
 * algorithms", SIAM Journal on Computing 1, 1972): whatever belongs to one cannot be read, tested or moved
 * without all the others of it.
 */
export function cyclesOf(arrows: Arrows): string[][] {
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const cycles: string[][] = [];
  const visit = (entry: string): number => {
    order.set(entry, order.size);
    let least = order.get(entry)!;
    stack.push(entry);
    for (const next of arrows.get(entry) ?? []) {
      if (!order.has(next)) least = Math.min(least, visit(next));
      else if (stack.includes(next)) least = Math.min(least, order.get(next)!);
    }
    low.set(entry, least);
    if (least === order.get(entry)) {
      const cycle = stack.splice(stack.indexOf(entry));
      if (cycle.length > 1) cycles.push(cycle.sort());
    }
    return least;
  };
  for (const entry of arrows.keys()) if (!order.has(entry)) visit(entry);
  return cycles;
}

/**
 * The arrows as a Mermaid flowchart from the top down to what everybody reads, without those that follow from
 * others.
 * @param arrows without cycles.
 */
export function pictureOf(arrows: Arrows): string {
  const reach = new Map<string, ReadonlySet<string>>();
  const reachOf = (entry: string): ReadonlySet<string> => {
    const known = reach.get(entry);
    if (known !== undefined) return known;
    const found = new Set<string>();
    for (const next of arrows.get(entry) ?? []) for (const one of [next, ...reachOf(next)]) found.add(one);
    reach.set(entry, found);
    return found;
  };
  const entries = [...arrows.keys()].sort();
  const lines = entries.flatMap((entry) => {
    const below = [...(arrows.get(entry) ?? [])].sort();
    return below
      .filter((one) => !below.some((other) => other !== one && reachOf(other).has(one)))
      .map((one) => `  ${entry} --> ${one}`);
  });
  const alone = entries.filter((entry) => !lines.some((line) => line.split(/\s+/).includes(entry)));
  return ['flowchart TD', ...lines, ...alone.map((entry) => `  ${entry}`)].join('\n');
}
