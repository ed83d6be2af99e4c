import type { Report } from '../../report/report.js';

/** One format that results leave in. Each is one file; `EXPORTERS` in index.ts lists them. */
export interface Exporter {
  /** As people type it: `csv`, `llama-bench-sql`. */
  readonly format: string;
  /** With the dot. */
  readonly extension: string;
  /** One sentence for `--help`. */
  readonly help: string;
  export(report: Report): Exported;
}

export interface Exported {
  /** The whole file, ending with a line break. */
  readonly text: string;
  /** What the format cannot hold and was left out, one sentence each; belongs on stderr. */
  readonly notes: readonly string[];
}
