/** Numbers that grow in number, without an object for each. */
export class Growing<Values extends Float64Array | Int32Array> {
  #values: Values;
  length = 0;

  constructor(values: Values) {
    this.#values = values;
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new (this.#values.constructor as new (length: number) => Values)(2 * this.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#values[index]!;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  add(index: number, value: number): void {
    this.#values[index]! += value;
  }

  /** @returns what was pushed, without a copy. */
  values(): Values {
    return this.#values.subarray(0, this.length) as Values;
  }
}

const FIRST = 1024;
export const growingFloats = () => new Growing(new Float64Array(FIRST));
export const growingIntegers = () => new Growing(new Int32Array(FIRST));
