/** Numbers in line: the first comes out first, and some are put back in front. */
export class Queue {
  #items: number[] = [];
  #front = 0;

  get length(): number {
    return this.#items.length - this.#front;
  }

  /** @returns the number at a place from the front; undefined behind the end. */
  at(place: number): number | undefined {
    return this.#items[this.#front + place];
  }

  push(item: number): void {
    this.#items.push(item);
  }

  pushFront(item: number): void {
    if (this.#front > 0) this.#items[--this.#front] = item;
    else this.#items.unshift(item);
  }

  shift(): number | undefined {
    if (this.length === 0) return undefined;
    const item = this.#items[this.#front]!;
    this.#front += 1;
    // Copied when half of it has gone, so that each is copied once on average.
    if (this.#front > 1024 && 2 * this.#front > this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }

  /** Takes one out wherever it is. @returns whether it was there. */
  remove(item: number): boolean {
    const place = this.#items.indexOf(item, this.#front);
    if (place >= 0) this.#items.splice(place, 1);
    return place >= 0;
  }
}
