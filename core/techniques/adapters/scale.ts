/**
 * What B · A is multiplied by. LoRA (arXiv 2106.09685, §4.1) divides by the rank; rsLoRA (arXiv 2312.03732)
 * by its root, so that a larger rank does not learn more slowly. LoRA+, DoRA, PiSSA and OLoRA scale as LoRA
 * does; VeRA not at all.
 */
export function scaleOf(alpha: number, rank: number, rankStabilized: boolean): number {
  return rankStabilized ? alpha / Math.sqrt(rank) : alpha / rank;
}

/**
 * @returns the alpha with which a plain LoRA of this rank has this scale: rsLoRA(alpha) is LoRA(alpha · √r).
 */
export function alphaOf(scale: number, rank: number): number {
  return scale * rank;
}
