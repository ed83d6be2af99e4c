#!/usr/bin/env node
// Builds the documentation as a site, in dist/site: `npm run site [-- --base /NAME/ --source URL]`. Pages are
// read where they lie; a dead link fails the build. The generator is a package of its own (scripts/site), so
// that nobody who builds or tests Ridgepoint installs it.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { installApart } from './install-apart.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const generator = join(root, 'scripts/site');

const OPTIONS = {
  /** The path under which the site is served. */
  base: { type: 'string', default: '/' },
  /** Where files of the repository can be read, e.g. https://github.com/OWNER/NAME/blob/COMMIT. */
  source: { type: 'string', default: '' },
};
function optionsOf(args) {
  try {
    return parseArgs({ args, options: OPTIONS }).values;
  } catch ({ message }) {
    console.error(`site: ${message}`);
    process.exit(2);
  }
}
const { base, source } = optionsOf(process.argv.slice(2));
if (!/^\/(.*\/)?$/.test(base)) {
  console.error(`site: --base is a path that begins and ends with "/", such as /ridgepoint/, not "${base}"`);
  process.exit(2);
}
if (source !== '' && !/^https?:\/\//.test(source)) {
  console.error(
    `site: --source is the address of the repository's files, such as https://github.com/OWNER/NAME/blob/COMMIT, not "${source}"`,
  );
  process.exit(2);
}

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', ...options });
  if (error !== undefined) console.error(`site: ${command}: ${error.message}`);
  if (status !== 0) process.exit(1);
}

try {
  installApart(generator, "the site's generator");
} catch ({ message }) {
  console.error(`site: ${message}`);
  process.exit(1);
}
const vitepress = join(generator, 'node_modules/vitepress/bin/vitepress.js');
run(process.execPath, [vitepress, 'build', generator, '--base', base], {
  cwd: root,
  env: { ...process.env, SITE_SOURCE: source.replace(/\/$/, '') },
});
