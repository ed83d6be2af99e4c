/**
 * @param stop an answer ends before the first of these; but a model that begins with a line feed has not
 *   answered yet.
 * @param stops `first`: it has, with nothing (lm-evaluation-harness).
 * @returns the answer; null = it has not ended.
 */
export function untilStop(said: string, stop: readonly string[], stops?: 'first'): string | null {
  const ends = stop.map((word) => said.indexOf(word)).filter((at) => at >= 0);
  const answer = said.slice(0, Math.min(...ends));
  return ends.length > 0 && (stops === 'first' || answer.trim() !== '') ? answer : null;
}
