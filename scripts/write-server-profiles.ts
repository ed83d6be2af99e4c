// Writes core/runners/server/gen/profiles.ts from the profiles beside it, each checked. Usage:
// write-server-profiles.ts FOLDER
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { serverProfileSchema } from '../core/runners/server/profile.js';

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: write-server-profiles.ts FOLDER');

const profiles = join(import.meta.dirname, '../core/runners/server/profiles');
const entries = readdirSync(profiles)
  .toSorted()
  .map((file) => {
    const profile = serverProfileSchema.parse(parse(readFileSync(join(profiles, file), 'utf8')));
    if (`${profile.name}.yaml` !== file) throw new Error(`${file} has the profile ${profile.name}`);
    return `  ${JSON.stringify(profile.name)}: ${JSON.stringify(profile, null, 2).replaceAll('\n', '\n  ')},`;
  });

mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'profiles.ts'),
  `// Written by scripts/write-server-profiles.ts from core/runners/server/profiles.\nimport type { ServerProfile } from '../profile.js';\n\nexport const PROFILES = {\n${entries.join('\n')}\n} as const satisfies Readonly<Record<string, ServerProfile>>;\n`,
);
