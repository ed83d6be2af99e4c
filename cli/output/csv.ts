import { csvText } from '../../report/csv.js';
import type { Exporter } from './exporter.js';

export const csv: Exporter = {
  format: 'csv',
  extension: '.csv',
  help: 'one row per experiment in base units, for spreadsheets and data frames (RFC 4180)',
  export: (report) => ({ text: csvText(report), notes: [] }),
};
