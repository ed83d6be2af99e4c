#!/usr/bin/env node
// Writes every generated file that is checked in: proto/gen and schemas/*.json.
// With --check it writes nothing and fails when one of them is not what its source gives.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const check = process.argv.includes('--check');
const out = check ? mkdtempSync(join(tmpdir(), 'ridgepoint-generate-')) : root;

const bin = (name) => join(root, 'node_modules/.bin', name);
execFileSync(bin('buf'), ['generate', '--template', 'buf.gen.yaml', '--output', join(out, 'proto')], {
  cwd: join(root, 'proto'),
  stdio: ['ignore', 2, 2],
});
const schemas = join(root, 'scripts/write-schemas.ts');
if (existsSync(schemas)) {
  execFileSync(process.execPath, ['--import', 'tsx', schemas, join(out, 'schemas')], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
}

if (check) {
  const stale = [];
  const walk = (folder) => {
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (statSync(path).isDirectory()) walk(path);
      else {
        const committed = join(root, relative(out, path));
        if (!existsSync(committed) || !readFileSync(committed).equals(readFileSync(path))) {
          stale.push(relative(root, committed));
        }
      }
    }
  };
  walk(out);
  rmSync(out, { recursive: true });
  if (stale.length > 0) {
    console.error(`Generated files are not up to date: ${stale.join(', ')}. Run \`npm run generate\`.`);
    process.exit(1);
  }
}
