import { type Progress, plainProgress, renderProgress } from './progress.js';

/** Where progress goes: stderr, or anything like it. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface ProgressWriter {
  update(progress: Progress): void;
  /** Writes a line above the block, e.g. a reason as it arrives. */
  say(line: string): void;
  /** Takes the block off the screen; plain lines stay. */
  end(): void;
}

const UP_AND_CLEAR = (lines: number) => (lines > 0 ? `\x1b[${lines}F\x1b[0J` : '');

/** Keeps one block up to date on a terminal; prints plain lines everywhere else. */
export function progressWriter(
  stream: ProgressStream,
  style: { readonly color: boolean; readonly unicode: boolean },
): ProgressWriter {
  if (stream.isTTY !== true) return plainWriter(stream);
  let shown: string[] = [];
  const draw = (lines: string[], above = '') => {
    stream.write(`${UP_AND_CLEAR(shown.length)}${above}${lines.map((line) => `${line}\n`).join('')}`);
    shown = lines;
  };
  return {
    update: (progress) => draw(renderProgress(progress, { ...style, width: stream.columns ?? 80 })),
    say: (line) => draw(shown, `${line}\n`),
    end: () => draw([]),
  };
}

function plainWriter(stream: ProgressStream): ProgressWriter {
  let before: Progress | null = null;
  return {
    update(progress) {
      const line = plainProgress(progress, before);
      if (line === null) return;
      before = progress;
      stream.write(`${line}\n`);
    },
    say: (line) => void stream.write(`${line}\n`),
    end: () => {},
  };
}
