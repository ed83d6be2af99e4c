import type { Report } from '../../report/report.js';

/** One format that results leave in. Each is one file; `EXPORTERS` in index.ts lists them. */
export type Exporter = (report: Report) => Exported;

interface Exported {
  /** The whole file, ending with a line break. */
  readonly text: string;
  /** What the format cannot hold and was left out, one sentence each; belongs on stderr. */
  readonly notes: readonly string[];
}
