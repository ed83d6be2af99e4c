import type { Exporter } from '../exporter.js';
import { type BenchTest, benchTests, FIELD_NAMES, FIELDS } from './tests.js';

/** What `llama-bench -o sql` prints; pipe it into sqlite3 and run compare-llama-bench.py. */
export const llamaBenchSql: Exporter = (report) => {
  const { tests, notes } = benchTests(report);
  return { text: `${TABLE}\n${tests.map(insert).join('')}`, notes };
};

const TYPES = { string: 'TEXT', int: 'INTEGER', bool: 'INTEGER', float: 'REAL' } as const;

const TABLE = `CREATE TABLE IF NOT EXISTS llama_bench (
${FIELD_NAMES.map((name) => `  ${name} ${TYPES[FIELDS[name]]}`).join(',\n')}
);
`;

function insert({ values }: BenchTest): string {
  const list = FIELD_NAMES.map((name) => {
    const value = values[name];
    if (typeof value === 'boolean') return value ? "'1'" : "'0'";
    if (FIELDS[name] === 'float') return `'${Number(value).toFixed(6)}'`;
    return `'${String(value).replaceAll("'", "''")}'`;
  });
  return `INSERT INTO llama_bench (${FIELD_NAMES.join(', ')}) VALUES (${list.join(', ')});\n`;
}
