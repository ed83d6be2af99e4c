/** One line the engine printed; levels are ggml's: 1 debug, 2 info, 3 warning, 4 error. */
export interface EngineLine {
  readonly level: number;
  readonly text: string;
}

const DEBUG = 1;
const WARNING = 3;
const ERROR = 4;
/** ggml: this text goes on with the line before it. */
const CONTINUES = 5;
const KEEP_LINES = 400;

/** Collects what the engine says, so that its words can be quoted in failures and facts instead of stderr. */
export class EngineLog {
  #lines: EngineLine[] = [];
  #open: { level: number; text: string } | null = null;

  /** Hears every piece of text at once, while the engine still works; null = nobody. */
  listener: ((text: string) => void) | null = null;

  /** Called by the engine, with pieces of lines. */
  readonly write = (level: number, text: string | null): void => {
    if (text !== null) this.listener?.(text);
    for (const piece of (text ?? '').split(/(?<=\n)/)) {
      if (level !== CONTINUES || this.#open === null) {
        this.#close();
        this.#open = { level, text: piece };
      } else {
        this.#open.text += piece;
      }
      if (piece.endsWith('\n')) this.#close();
    }
  };

  #close(): void {
    const text = this.#open?.text.trim() ?? '';
    if (this.#open && this.#open.level !== DEBUG && text !== '')
      this.#lines.push({ level: this.#open.level, text });
    this.#open = null;
    if (this.#lines.length > KEEP_LINES) this.#lines = this.#lines.slice(-KEEP_LINES / 2);
  }

  /** Forgets everything; called before an operation whose words matter. */
  clear(): void {
    this.#lines = [];
    this.#open = null;
  }

  get lines(): readonly EngineLine[] {
    return this.#lines;
  }

  get warnings(): readonly string[] {
    return this.#lines.filter((line) => line.level === WARNING).map((line) => bare(line.text));
  }

  /**
   * @returns the first errors since the log was cleared, which name the cause, without the C++ function
   * names and the "failed to load model" that follows every cause; null when there are none.
   */
  errors(count = 2): string | null {
    const said = this.#lines.filter((line) => line.level === ERROR).map((line) => bare(line.text));
    const causes = said.filter((text) => !/^failed to load model\b|^=+$/.test(text));
    const all = [...new Set(causes.length > 0 ? causes : said)];
    return all.length === 0 ? null : all.slice(0, count).join('; ');
  }

  /** @returns the first group of the last line that matches. */
  find(pattern: RegExp): string | null {
    const line = this.#lines.findLast(({ text }) => pattern.test(text));
    return line === undefined ? null : (pattern.exec(line.text)?.[1] ?? null);
  }
}

/** `llama_model_load: error loading model: llama_model_loader: x` → `x`. */
function bare(text: string): string {
  return text.replace(/^(?:[\w:~]+:\s+|error loading model:\s+)+/, '');
}
