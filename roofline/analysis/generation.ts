/** Steps at which generation is looked at; between them the time of a step is taken for linear in the context, as it nearly is. */
const SAMPLES = 16;

/** @returns seconds of the steps after the prefill: trapezoids between a few contexts. */
export function generationSeconds(
  secondsAt: (context: number) => number,
  context: number,
  tokens: number,
  tokensPerStep: number,
): number {
  const steps = Math.ceil(tokens / tokensPerStep);
  const samples = Math.min(SAMPLES, steps);
  const at = (i: number) => (samples === 1 ? (steps + 1) / 2 : 1 + ((steps - 1) * i) / (samples - 1));
  const times = Array.from({ length: samples }, (_, i) =>
    secondsAt(context + Math.round(at(i) * tokensPerStep)),
  );
  if (samples === 1) return (times[0] ?? 0) * steps;
  const inner = times.reduce((sum, time) => sum + time, 0) - ((times[0] ?? 0) + (times.at(-1) ?? 0)) / 2;
  return (inner / (samples - 1)) * steps;
}
