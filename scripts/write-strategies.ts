// Writes what is made of the list of search strategies, core/sweep/strategies.ts:
// search/strategies/gen/strategies.ts, which finds each by its word, and the table of docs/search.md. Usage:
// write-strategies.ts FOLDER, the root of the checkout or a folder to compare with it
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SEARCH_STRATEGIES, STRATEGY_NAMES } from '../core/sweep/strategies.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-strategies.ts FOLDER');

for (const name of STRATEGY_NAMES) {
  // It is the name of a constant, too.
  if (!/^[a-z][a-z0-9]*$/.test(name))
    throw new Error(`core/sweep/strategies.ts: "${name}" has to be one word of small letters and digits`);
}

const found = `// Generated from core/sweep/strategies.ts by \`npm run generate\` (scripts/write-strategies.ts).
import type { SearchStrategy } from '../../../core/sweep/strategies.js';
import type { Strategy } from '../../history.js';
${STRATEGY_NAMES.toSorted()
  .map((name) => `import { ${name} } from '../${name}.js';`)
  .join('\n')}

/** Every strategy by the word that a sweep names it with. */
export const STRATEGIES = {
${STRATEGY_NAMES.map((name) => `  ${name},`).join('\n')}
} as const satisfies Record<SearchStrategy, Strategy>;
`;

const page = readFileSync(join(import.meta.dirname, '../docs/search.md'), 'utf8');
const rows = STRATEGY_NAMES.map((name, i) => {
  const shown = i === 0 ? `\`${name}\` (default)` : `\`${name}\``;
  return `| ${shown} | ${SEARCH_STRATEGIES[name]} |`;
});
const table = ['| strategy | chooses by |', '| --- | --- |', ...rows].join('\n');
const marked = /(<!-- strategies -->\n)[\s\S]*?(<!-- end -->)/;
if (!marked.test(page)) throw new Error('docs/search.md has lost the marks of its table of strategies');

for (const [path, text] of [
  ['search/strategies/gen/strategies.ts', found],
  ['docs/search.md', page.replace(marked, (_, begin: string, end: string) => `${begin}\n${table}\n\n${end}`)],
] as const) {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}
