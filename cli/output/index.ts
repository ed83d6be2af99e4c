import { csvText } from '../../report/csv.js';
import type { MappedFormat } from '../../report/mappings/index.js';
import type { Exporter } from './exporter.js';
import { json } from './json.js';
import { jsonl } from './jsonl.js';
import { llamaBenchJson } from './llama-bench/json.js';
import { llamaBenchSql } from './llama-bench/sql.js';
import { mappedExporter } from './mapped.js';
import { markdown } from './markdown.js';
import { requests } from './requests.js';

export const csv: Exporter = {
  format: 'csv',
  extension: '.csv',
  help: 'one row per experiment in base units, for spreadsheets and data frames (RFC 4180)',
  export: (report) => ({ text: csvText(report), notes: [] }),
};

export type { Exporter } from './exporter.js';
export { renderHtml } from './html.js';
export {
  type Progress,
  type RunningTrial,
  renderProgress,
} from './progress.js';
export { progressWriter } from './progress-writer.js';
export { renderTable } from './table.js';

export type ExportFormat =
  | MappedFormat
  | 'md'
  | 'csv'
  | 'json'
  | 'jsonl'
  | 'requests'
  | 'llama-bench-json'
  | 'llama-bench-sql';

/** Every format that is made in one go from a report; html is apart because it reads the built page. */
export const EXPORTERS: Readonly<Record<ExportFormat, Exporter>> = {
  md: markdown,
  csv,
  json,
  jsonl,
  requests,
  'llama-bench-json': llamaBenchJson,
  'llama-bench-sql': llamaBenchSql,
  'aiperf-json': mappedExporter('aiperf-json'),
  'vllm-json': mappedExporter('vllm-json'),
};
