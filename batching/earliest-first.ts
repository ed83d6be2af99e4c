export interface Timed {
  readonly seconds: number;
}

interface Place<Item> {
  readonly item: Item;
  /** Order in which items of the same time were put in. */
  readonly order: number;
}

/** What is to happen, the earliest first; at the same time, what was put in first. */
export class EarliestFirst<Item extends Timed> {
  readonly #places: Place<Item>[] = [];
  #order = 0;

  get first(): Item | undefined {
    return this.#places[0]?.item;
  }

  clear(): void {
    this.#places.length = 0;
  }

  push(item: Item): void {
    const places = this.#places;
    const own = { item, order: this.#order++ };
    let place = places.length;
    places.push(own);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(own, places[parent]!)) break;
      places[place] = places[parent]!;
      place = parent;
    }
    places[place] = own;
  }

  shift(): Item | undefined {
    const places = this.#places;
    const first = places[0]?.item;
    const last = places.pop();
    if (places.length === 0 || last === undefined) return first;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= places.length) break;
      if (child + 1 < places.length && isBefore(places[child + 1]!, places[child]!)) child += 1;
      if (!isBefore(places[child]!, last)) break;
      places[place] = places[child]!;
      place = child;
    }
    places[place] = last;
    return first;
  }
}

function isBefore(a: Place<Timed>, b: Place<Timed>): boolean {
  return a.item.seconds < b.item.seconds || (a.item.seconds === b.item.seconds && a.order < b.order);
}
