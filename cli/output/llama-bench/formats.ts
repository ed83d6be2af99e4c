import type { Exporter } from '../exporter.js';
import { type BenchTest, benchTests, FIELD_NAMES, FIELDS, type Field, isFloat } from './tests.js';

/** What `llama-bench -o json` prints, for its comparison scripts. */
export const llamaBenchJson: Exporter = (report) => {
  const { tests, notes } = benchTests(report);
  return { text: `[\n${tests.map(entry).join(',\n')}\n]\n`, notes };
};

function entry({ values, samplesNs, samplesTs }: BenchTest): string {
  const fields = FIELD_NAMES.map((name) => {
    const value = values[name];
    const shown = isFloat(name) ? Number(value).toFixed(6) : JSON.stringify(value);
    return `    "${name}": ${shown},\n`;
  });
  const list = (samples: readonly number[]) => `[ ${samples.join(', ')} ]`;
  return `  {\n${fields.join('')}    "samples_ns": ${list(samplesNs)},\n    "samples_ts": ${list(samplesTs)}\n  }`;
}

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
