/** What rounding did to one constant. */
interface Rounded {
  readonly name: string;
  readonly bits: number;
  /** Sums over all weights of the square of what was lost, and of the weight. */
  readonly lost: number;
  readonly power: number;
}

/** Collects what was lost, constant by constant. */
export class Report {
  readonly #onProgress: (done: number, of: number) => void;
  readonly #rounded: Rounded[] = [];
  readonly #left: string[] = [];
  #expected = 0;

  constructor(onProgress: (done: number, of: number) => void = () => {}) {
    this.#onProgress = onProgress;
  }

  /** Tells that one more constant will be rounded. */
  expect(): void {
    this.#expected++;
  }

  add({ name, bits, lost, power }: Rounded): void {
    this.#rounded.push({ name, bits, lost, power });
    this.#onProgress(this.#rounded.length, this.#expected);
  }

  /** Tells of a constant that was asked for and stays as it is. */
  left(name: string): void {
    this.#left.push(name);
  }

  get warnings(): readonly string[] {
    return this.#left.map((name) => `${name} stays as it is: its rows are no whole blocks, or no floats`);
  }

  /** Relative RMS error: the root of what was lost over what there was. */
  get facts(): Readonly<Record<string, number>> {
    const sum = (field: 'lost' | 'power') => this.#rounded.reduce((total, one) => total + one[field], 0);
    return { roundedTensors: this.#rounded.length, relativeError: relative(sum('lost'), sum('power')) };
  }

  /** Per constant, for whoever wants to know. */
  get details(): unknown {
    return this.#rounded.map(({ lost, power, ...said }) => ({
      ...said,
      relativeError: relative(lost, power),
    }));
  }
}

const relative = (lost: number, power: number) => (power === 0 ? 0 : Math.sqrt(lost / power));
