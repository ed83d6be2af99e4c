/** llama-quant.cpp, tensor_type_fallback, said in two or three pieces. */
const SAID =
  /^warning: \S+\s+- ncols\s+(\d+) not divisible by\s+(\d+) \(required for type\s+(\w+)\) .*-> falling back to\s+(\w+)$/s;

/** Listens to the engine and counts the tensors whose rows are no whole blocks of the type they should get. */
export class Fallbacks {
  readonly #counts = new Map<string, number>();
  #open = '';

  /** @param text a piece of what the engine says, lines cut anywhere. */
  hear(text: string): void {
    if (text.startsWith('warning: ')) this.#open = '';
    else if (this.#open === '') return;
    this.#open += text;
    if (!text.endsWith('\n')) return;
    const said = SAID.exec(this.#open.trim());
    this.#open = '';
    if (said === null) return;
    const [, columns, block, from = '', to = ''] = said;
    const what = `${from.toLowerCase()} became ${to.toLowerCase()} where rows of ${columns} weights are no blocks of ${block}`;
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + 1);
  }

  /** `q4_k became q5_0 where rows of 128 weights are no blocks of 256: 24 tensors`, the most frequent first. */
  sentences(): readonly string[] {
    return [...this.#counts]
      .sort((a, b) => b[1] - a[1])
      .map(([what, count]) => `${what}: ${count} tensor${count === 1 ? '' : 's'}`);
  }
}
