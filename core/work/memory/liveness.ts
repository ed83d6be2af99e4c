/** One operator as the memory sees it: what has to be there before, what is there afterwards. */
export interface Step {
  readonly name: string;
  readonly reads: readonly string[];
  /** Name and bytes of what it makes. */
  readonly writes: readonly (readonly [string, number])[];
  /** The result takes the place of what is read here for the last time (elementwise operators). */
  readonly inPlace?: boolean;
}

export interface Peak {
  readonly bytes: number;
  /** The step at which most is alive. */
  readonly at: string;
}

/**
 * The most bytes that are alive at one time while steps run in order: a value lives from the step that makes
 * it to the last one that reads it. What allocators lose between values comes on top.
 */
export function peakOf(steps: readonly Step[]): Peak {
  const lastRead = new Map<string, number>();
  for (const [i, { reads }] of steps.entries()) for (const name of reads) lastRead.set(name, i);
  const alive = new Map<string, number>();
  let peak: Peak = { bytes: 0, at: '' };
  for (const [i, { name, reads, writes, inPlace = false }] of steps.entries()) {
    const before = sum(alive.values());
    const made = sum(writes.map(([, bytes]) => bytes));
    const dying = [...new Set(reads)].filter((read) => lastRead.get(read) === i);
    const freed = sum(dying.map((read) => alive.get(read) ?? 0));
    const bytes = before + made - (inPlace ? Math.min(made, freed) : 0);
    if (bytes > peak.bytes) peak = { bytes, at: name };
    for (const read of dying) alive.delete(read);
    for (const [written, size] of writes) if (lastRead.has(written)) alive.set(written, size);
  }
  return peak;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
