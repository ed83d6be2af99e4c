/** More new numbers than this are sorted in together; fewer are put in one by one. */
const FEW = 32;

/** Numbers in order, of which some come and go: ten thousand of them are not sorted again for one more. */
export class Sorted {
  #values: number[] = [];
  #fresh: number[] = [];

  add(value: number): void {
    this.#fresh.push(value);
  }

  /** Takes one such number away; does nothing when there is none. */
  remove(value: number): void {
    const values = this.#settled();
    const at = placeOf(values, value);
    if (values[at] === value) values.splice(at, 1);
  }

  /** @returns them, the smallest first; to be read before the next one comes. */
  get values(): readonly number[] {
    return this.#settled();
  }

  #settled(): number[] {
    if (this.#fresh.length > FEW) {
      this.#values = [...Float64Array.from([...this.#values, ...this.#fresh]).sort()];
    } else {
      for (const value of this.#fresh) this.#values.splice(placeOf(this.#values, value), 0, value);
    }
    if (this.#fresh.length > 0) this.#fresh = [];
    return this.#values;
  }
}

/** @returns the place of the first number that is not smaller. */
function placeOf(values: readonly number[], value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((values[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
