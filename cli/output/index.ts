import { csvText } from '../../report/csv.js';
import type { Format } from '../options/display.js';
import type { Exporter } from './exporter.js';
import { json } from './json.js';
import { jsonl } from './jsonl.js';
import { llamaBenchJson, llamaBenchSql } from './llama-bench/formats.js';
import { mappedExporter } from './mapped.js';
import { markdown } from './markdown.js';
import { requests } from './requests.js';

/** One row per experiment in base units, for spreadsheets and data frames (RFC 4180). */
const csv: Exporter = (report) => ({ text: csvText(report), notes: [] });

/** Every format that is made in one go from a report; html is apart because it reads the built page. */
export const EXPORTERS: Readonly<Record<Exclude<Format, 'table' | 'html'>, Exporter>> = {
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
