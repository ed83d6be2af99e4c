import type { Exporter } from '../exporter.js';
import { type BenchTest, benchTests, type Field, FIELD_NAMES, FIELDS, isFloat } from './tests.js';

/** What `llama-bench -o sql` prints; pipe it into sqlite3 and run compare-llama-bench.py. */
export const llamaBenchSql: Exporter = (report) => {
  const { tests, notes } = benchTests(report);
  return { text: `${TABLE}\n${tests.map(insert).join('')}`, notes };
};

const typeOf = (name: Field) =>
  typeof FIELDS[name] === 'string' ? 'TEXT' : isFloat(name) ? 'REAL' : 'INTEGER';

const TABLE = `CREATE TABLE IF NOT EXISTS llama_bench (
${FIELD_NAMES.map((name) => `  ${name} ${typeOf(name)}`).join(',\n')}
);
`;

function insert({ values }: BenchTest): string {
  const list = FIELD_NAMES.map((name) => {
    const value = values[name];
    if (typeof value === 'boolean') return value ? "'1'" : "'0'";
    if (isFloat(name)) return `'${Number(value).toFixed(6)}'`;
    return `'${String(value).replaceAll("'", "''")}'`;
  });
  return `INSERT INTO llama_bench (${FIELD_NAMES.join(', ')}) VALUES (${list.join(', ')});\n`;
}
