/**
 * The inverse of the lower Cholesky factor of a symmetric matrix, K = L Lᵀ: with it, K⁻¹ = L⁻ᵀ L⁻¹. The time
 * grows with the cube of the size.
 * @param matrix only its lower triangle is read.
 * @returns the rows of L⁻¹, row i of length i + 1; null where the matrix is not positive definite.
 */
export function inverseFactor(matrix: readonly Float64Array[]): Float64Array[] | null {
  const factor: Float64Array[] = [];
  const inverse: Float64Array[] = [];
  for (const [i, line] of matrix.entries()) {
    const row = new Float64Array(i + 1);
    let left = line[i]!;
    for (let j = 0; j < i; j++) {
      const above = factor[j]!;
      const value = (line[j]! - dot(row, above, j)) / above[j]!;
      row[j] = value;
      left -= value * value;
    }
    if (!(left > LEAST_PIVOT * line[i]!)) return null;
    row[i] = Math.sqrt(left);
    factor.push(row);
    inverse.push(inverseRow(row, inverse));
  }
  return inverse;
}

/** A pivot below this share of its diagonal element is only rounding. */
const LEAST_PIVOT = 1e-10;

/** @param before rows of the inverse above this one. */
function inverseRow(row: Float64Array, before: readonly Float64Array[]): Float64Array {
  const last = row.length - 1;
  const inverse = new Float64Array(row.length);
  inverse[last] = 1 / row[last]!;
  for (const [j, other] of before.entries()) {
    const by = row[j]! / row[last]!;
    for (let k = 0; k <= j; k++) inverse[k]! -= by * other[k]!;
  }
  return inverse;
}

/**
 * @param count only the first so many numbers of both are used.
 * @returns the sum of their products.
 */
export function dot(a: Float64Array, b: Float64Array, count = a.length): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[i]! * b[i]!;
  return sum;
}
