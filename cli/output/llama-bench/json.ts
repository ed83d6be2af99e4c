import type { Exporter } from '../exporter.js';
import { type BenchTest, benchTests, FIELD_NAMES, isFloat } from './tests.js';

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
