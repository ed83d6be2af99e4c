/** Numbers of rows that stay as they are: a row's place in its sweep, from 1. */
export class RowNumbers {
  readonly #taken = new Set<number>();
  #beyond: number;

  /** @param points of the sweep */
  constructor(points: number) {
    this.#beyond = points;
  }

  /**
   * @returns the number for a position. Where another row has that place already (the same point on another node, or a
   * result taken over from another sweep), the next one after all points.
   */
  take(position: number): number {
    const place = position + 1;
    const free = place <= this.#beyond && !this.#taken.has(place);
    if (!free) this.#beyond += 1;
    const number = free ? place : this.#beyond;
    this.#taken.add(number);
    return number;
  }
}
