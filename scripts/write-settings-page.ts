// Writes docs/settings.md from the schemas of the settings and the table of variables; argument: the folder
// to write into.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Setting, settingsOf } from '../cli/config/settings.js';
import { SETTINGS_WORDS } from '../cli/config/words.js';
import { VARIABLES } from '../core/input/variables.js';

const cell = (text: string) => text.replaceAll('|', '\\|');
const row = ({ path, type, fallback, unit, meaning }: Setting) =>
  `| \`${path}\` | ${cell(type)} | ${fallback === null ? '' : `\`${cell(fallback)}\``} | ${unit} | ${cell(meaning)} |`;

const files = SETTINGS_WORDS.map(
  (word) => `## ${word}.yaml

\`ridge ${word} --config ${word}.yaml\`; JSON Schema: [${word}.schema.json](../schemas/${word}.schema.json).

| setting | type | default | unit | meaning |
|---|---|---|---|---|
${settingsOf(word).map(row).join('\n')}`,
);

const page = `# Settings

Made by \`npm run generate\` from the schemas that check the files, and from \`core/input/variables.ts\`. An option of the
command line beats a \`RIDGE_*\` variable, which beats the file, which beats the default. \`NAME\` stands for a name of your own, \`[]\`
for each entry of a list. \`ridge config check FILE\` checks a file as its process would, and names every error with its line.

${files.join('\n\n')}

## Variables

\`ridge config check\` without a file names a \`RIDGE_*\` variable that nothing reads.

| variable | read by | what it says |
|---|---|---|
${Object.entries(VARIABLES)
  .map(([name, { of, meaning }]) => `| \`${name}\` | ${of.join(', ')} | ${cell(meaning)} |`)
  .join('\n')}
`;

const folder = process.argv[2] ?? 'docs';
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'settings.md'), page);
