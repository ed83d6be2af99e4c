// Makes roofline/turns/acceptance.json, of how many tokens a step of speculative decoding yields:
// `node --import tsx scripts/write-acceptance.ts FOLDER`, where FOLDER is `golden_al_distribution` of a clone
// of SemiAnalysisAI/InferenceX (Apache-2.0).
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const OUT = join(import.meta.dirname, '../roofline/turns/acceptance.json');

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name the folder `golden_al_distribution` of InferenceX.');
const curves = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml'))
  .flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    const models = parse(text) as Record<string, Record<string, Record<string, number>>>;
    const method = /vLLM (MTP|EAGLE3|DSpark)/.exec(text)?.[1];
    return Object.entries(models).flatMap(([model, modes]) =>
      Object.entries(modes).map(([mode, lengths]) => ({
        model,
        method,
        thinking: mode === 'thinking_on',
        file: name,
        // Of 1, 2, 3 … draft tokens.
        lengths: Object.values(lengths),
      })),
    );
  });
writeFileSync(OUT, `${JSON.stringify(curves, null, 2)}\n`);
console.log(`${curves.length} curves`);
