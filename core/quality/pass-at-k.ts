/**
 * The chance that at least one of k answers is right, of n drawn answers of which c are (Chen et al., "Evaluating Large Language Models Trained on Code", 2021,
 * arXiv 2107.03374, eq. 1): 1 − C(n − c, k) / C(n, k), as 1 − Π_{i = n − c + 1 … n} (1 − k / i), which does not overflow.
 * @returns null for fewer than k answers: nothing follows from them.
 */
export function passAtK(n: number, c: number, k: number): number | null {
  if (n < k) return null;
  if (n - c < k) return 1;
  let none = 1;
  for (let i = n - c + 1; i <= n; i++) none *= 1 - k / i;
  return 1 - none;
}
