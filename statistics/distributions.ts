/**
 * The two distributions that intervals and tests need, to about 1e-13, with no dependency: normal and
 * Student's t. Checked against SciPy in test/fixtures/statistics.json.
 */

/** Lanczos coefficients, g = 7, n = 9 (Godfrey's set, as in the GNU Scientific Library). */
const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function for x > 0 (Lanczos 1964). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  const t = z + 7.5;
  const series = LANCZOS.reduce((sum, c, i) => (i === 0 ? c : sum + c / (z + i)), 0);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(series);
}

/**
 * Derivative of logGamma for x > 0: recurrence up to 10, then the asymptotic series (Abramowitz & Stegun
 * 6.3.18).
 */
export function digamma(x: number): number {
  if (x < 10) return digamma(x + 1) - 1 / x;
  const q = 1 / (x * x);
  return Math.log(x) - 0.5 / x - q * (1 / 12 - q * (1 / 120 - q * (1 / 252 - q * (1 / 240 - q / 132))));
}

/** Derivative of digamma for x > 0, in the same way (Abramowitz & Stegun 6.4.12). */
export function trigamma(x: number): number {
  if (x < 10) return trigamma(x + 1) + 1 / (x * x);
  const q = 1 / (x * x);
  return 1 / x + q / 2 + (q / x) * (1 / 6 - q * (1 / 30 - q * (1 / 42 - q * (1 / 30 - (q * 5) / 66))));
}

/** Continued fraction of the incomplete beta function by Lentz's method (Numerical Recipes, §6.4). */
function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const nonZero = (v: number) => (Math.abs(v) < tiny ? tiny : v);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** Regularized incomplete beta function I_x(a, b) for 0 ≤ x ≤ 1 and a, b > 0. */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  // The fraction converges fast only left of the mean; the other side follows from I_x(a,b) = 1 −
  // I_{1−x}(b,a).
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

/** Probability that a t-distributed variable with `df` degrees of freedom (not necessarily whole) is ≤ t. */
export function studentCdf(t: number, df: number): number {
  if (t === Infinity) return 1;
  if (t === -Infinity) return 0;
  // Whichever argument is small is computed directly, so that neither tail nor centre loses digits.
  const square = t * t;
  if (square < df) return 0.5 + (Math.sign(t) * incompleteBeta(square / (df + square), 0.5, df / 2)) / 2;
  const tail = incompleteBeta(df / (df + square), df / 2, 0.5) / 2;
  return t < 0 ? tail : 1 - tail;
}

/** Two-sided p value of a t statistic. */
export function studentTwoSided(t: number, df: number): number {
  return Number.isFinite(t) ? Math.min(1, 2 * studentCdf(-Math.abs(t), df)) : 0;
}

/**
 * Inverse of studentCdf, by its own CDF, so the two can never disagree: bisection to 1 %, then Newton's
 * steps. Left of 0 the CDF is convex, so that steps from the right end never pass the root.
 * @param p between 0 and 1, both excluded.
 */
export function studentQuantile(p: number, df: number): number {
  if (!(p > 0 && p < 1) || !(df > 0)) return Number.NaN;
  if (p === 0.5) return 0;
  const tail = Math.min(p, 1 - p);
  let low = -1;
  while (studentCdf(low, df) > tail) low *= 2;
  let high = 0;
  while (high - low > 0.01 * Math.abs(low)) {
    const middle = (low + high) / 2;
    if (studentCdf(middle, df) < tail) low = middle;
    else high = middle;
  }
  const logPeak = logGamma((df + 1) / 2) - logGamma(df / 2) - Math.log(df * Math.PI) / 2;
  for (let i = 0; i < 50; i++) {
    const density = Math.exp(logPeak - ((df + 1) / 2) * Math.log1p((high * high) / df));
    const next = high - (studentCdf(high, df) - tail) / density;
    if (!(next < high)) break;
    high = next;
  }
  return p < 0.5 ? high : -high;
}

/**
 * Standard normal distribution function (Hart 1968, in the form of West, "Better approximations to
 * cumulative normal functions", Wilmott 2005), to about 1e-14 of the smaller tail.
 */
export function normalCdf(z: number): number {
  const x = Math.abs(z);
  if (x > 37) return z > 0 ? 1 : 0;
  const gauss = Math.exp((-x * x) / 2);
  const horner = (coefficients: readonly number[]) => coefficients.reduce((sum, c) => sum * x + c, 0);
  const tail =
    x < 4
      ? (gauss *
          horner([
            3.52624965998911e-2, 0.700383064443688, 6.37396220353165, 33.912866078383, 112.079291497871,
            221.213596169931, 220.206867912376,
          ])) /
        horner([
          8.83883476483184e-2, 1.75566716318264, 16.064177579207, 86.7807322029461, 296.564248779674,
          637.333633378831, 793.826512519948, 440.413735824752,
        ])
      : gauss / millsFraction(x) / Math.sqrt(2 * Math.PI);
  return z > 0 ? 1 - tail : tail;
}

/**
 * x + 1/(x + 2/(x + 3/(x + …))): density over tail of the normal, Laplace; 100 terms are enough from x = 4
 * on.
 */
function millsFraction(x: number): number {
  let fraction = x;
  for (let k = 100; k >= 1; k--) fraction = x + k / fraction;
  return fraction;
}

/** Inverse of normalCdf by bisection; p between 0 and 1, both excluded (0 and 1 give ∓∞). */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  const tail = Math.min(p, 1 - p);
  let low = -38;
  let high = 0;
  for (let i = 0; i < 80; i++) {
    const middle = (low + high) / 2;
    if (normalCdf(middle) < tail) low = middle;
    else high = middle;
  }
  return p < 0.5 ? (low + high) / 2 : -(low + high) / 2;
}
