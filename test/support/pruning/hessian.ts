import {
  type Hessian,
  type InverseFactor,
  notPositiveDefinite,
} from '../../../core/techniques/pruning/hessian.js';

/** Adds x xᵀ of every token to the upper triangle of `sums`: columns² FLOPs a token. */
export function addProducts(sums: Float64Array, inputs: Float32Array, columns: number): void {
  for (let start = 0; start < inputs.length; start += columns) {
    for (let i = 0; i < columns; i++) {
      const x = inputs[start + i]!;
      if (x === 0) continue;
      const row = i * columns;
      for (let j = i; j < columns; j++) sums[row + j]! += x * inputs[start + j]!;
    }
  }
}

/** Accumulates a Hessian over calibration sequences, in double precision. Memory: 8 · columns² bytes. */
export class HessianAccumulator {
  readonly #columns: number;
  readonly #sums: Float64Array;
  #open = false;
  #sequences = 0;

  constructor(columns: number) {
    this.#columns = columns;
    this.#sums = new Float64Array(columns * columns);
  }

  /** Takes inputs of the layer, token by token: tokens · columns values. */
  addTokens(inputs: Float32Array): void {
    addProducts(this.#sums, inputs, this.#columns);
    if (inputs.length > 0) this.#open = true;
  }

  /** Closes a sequence; one without tokens does not count. */
  endSequence(): void {
    if (this.#open) this.#sequences++;
    this.#open = false;
  }

  addSequence(inputs: Float32Array): void {
    this.addTokens(inputs);
    this.endSequence();
  }

  /** @returns H of the closed sequences; all zeros when nothing was added. */
  hessian(): Hessian {
    const scale = this.#sequences === 0 ? 0 : 2 / this.#sequences;
    return { columns: this.#columns, values: this.#sums.map((v) => v * scale) };
  }
}

/**
 * Inverts the damped Hessian H + damping · mean(diag H) · I, dead channels with a 1 on the diagonal. With H =
 * R Rᵀ, R upper triangular (a Cholesky factorization from the last column on), U is R⁻¹: one factorization
 * and one triangular inversion, in place, where the published code takes two factorizations and a full
 * inverse.
 * @throws FailureError `artifact-failed` when H is not positive definite in spite of the damping.
 */
export function inverseFactor(hessian: Hessian, damping: number): InverseFactor {
  const n = hessian.columns;
  const a = hessian.values.slice();
  const dead = new Uint8Array(n);
  let trace = 0;
  for (let j = 0; j < n; j++) {
    if (a[j * n + j] === 0) {
      dead[j] = 1;
      a[j * n + j] = 1;
    }
    trace += a[j * n + j]!;
  }
  for (let j = 0; j < n; j++) a[j * n + j]! += (damping * trace) / n;
  factorizeFromTheEnd(a, n);
  invertUpper(a, n);
  return { columns: n, values: a, dead };
}

function factorizeFromTheEnd(a: Float64Array, n: number): void {
  for (let j = n - 1; j >= 0; j--) {
    const rowJ = j * n;
    let square = a[rowJ + j]!;
    for (let k = j + 1; k < n; k++) square -= a[rowJ + k]! * a[rowJ + k]!;
    if (!(square > 0) || !Number.isFinite(square)) {
      throw notPositiveDefinite(j);
    }
    const diagonal = Math.sqrt(square);
    a[rowJ + j] = diagonal;
    for (let i = 0; i < j; i++) {
      const rowI = i * n;
      let sum = a[rowI + j]!;
      for (let k = j + 1; k < n; k++) sum -= a[rowI + k]! * a[rowJ + k]!;
      a[rowI + j] = sum / diagonal;
    }
  }
}

function invertUpper(a: Float64Array, n: number): void {
  const factors = new Float64Array(n);
  for (let i = n - 1; i >= 0; i--) {
    const rowI = i * n;
    const inverse = 1 / a[rowI + i]!;
    factors.set(a.subarray(rowI + i + 1, rowI + n), i + 1);
    a.fill(0, rowI, rowI + n);
    for (let k = i + 1; k < n; k++) {
      const factor = -inverse * factors[k]!;
      if (factor === 0) continue;
      const rowK = k * n;
      for (let j = k; j < n; j++) a[rowI + j]! += factor * a[rowK + j]!;
    }
    a[rowI + i] = inverse;
  }
}
