import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../support/ridge.js';
import { installed } from '../support/services.js';

const FILE = join(ROOT, 'containers/Dockerfile');
const TARGETS = ['coordinator', 'agent', 'agent-cuda'];

interface Stage {
  readonly name: string;
  readonly from: string;
  readonly steps: readonly { readonly word: string; readonly rest: string }[];
}

function stages(): readonly Stage[] {
  const text = readFileSync(FILE, 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '');
  const found: { name: string; from: string; steps: { word: string; rest: string }[] }[] = [];
  for (const [, word = '', rest = ''] of text.matchAll(/^([A-Z]+) (.+)$/gm)) {
    const from = word === 'FROM' ? /^(\S+) AS (\S+)$/.exec(rest) : null;
    if (from !== null) found.push({ from: from[1] ?? '', name: from[2] ?? '', steps: [] });
    else found.at(-1)?.steps.push({ word, rest });
  }
  return found;
}

/** @returns the steps that an image ends up with, its own last. */
function stepsOf(name: string): Stage['steps'] {
  const stage = stages().find((one) => one.name === name);
  return stage === undefined ? [] : [...stepsOf(stage.from), ...stage.steps];
}

describe('the container file', () => {
  test.skipIf(!installed('hadolint'))('passes hadolint (needs hadolint)', () => {
    const { status, stdout } = spawnSync('hadolint', ['--no-color', FILE], { encoding: 'utf8' });
    expect(status, stdout).toBe(0);
  });

  test.each(TARGETS)(
    '%s: not root, an init, a check of its health, and volumes for what it writes',
    (name) => {
      const steps = stepsOf(name);
      const last = (word: string) => steps.filter((step) => step.word === word).at(-1)?.rest ?? '';
      expect(last('USER')).toBe('10001:10001');
      expect(JSON.parse(last('ENTRYPOINT'))).toEqual(['tini', '--', 'node', '/app/dist/cli/main.js']);
      expect(last('HEALTHCHECK')).toMatch(/127\.0\.0\.1:946[45]\/(readyz|healthz)/);
      expect(JSON.parse(last('VOLUME'))).toEqual(['/var/lib/ridgepoint', '/var/cache/ridgepoint']);
      // Nothing that builds is in what runs.
      const installs = steps.filter(({ word, rest }) => word === 'RUN' && rest.includes('apt-get install'));
      expect(installs.map(({ rest }) => rest).join()).not.toMatch(/g\+\+|cmake|python3/);
    },
  );

  test('every step copies from where something is', () => {
    const names = stages().map(({ name }) => name);
    for (const { name, steps } of stages()) {
      for (const { rest } of steps.filter(({ word }) => word === 'COPY')) {
        const from = /^--from=(\S+)/.exec(rest)?.[1];
        if (from !== undefined) {
          expect(names.slice(0, names.indexOf(name)), rest).toContain(from);
        } else {
          for (const path of rest.split(/\s+/).slice(0, -1))
            expect(existsSync(join(ROOT, path)), path).toBe(true);
        }
      }
    }
    expect(names).toEqual(expect.arrayContaining(TARGETS));
  });

  test('the context leaves out what is built, secret or large', () => {
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    for (const one of ['.git', '**/node_modules', '**/dist', '**/*.pem', '**/*.key'])
      expect(ignored).toContain(one);
    // What building needs is not ignored by name.
    for (const folder of 'core proto agent kernels scripts models schemas docs dashboards'.split(' ')) {
      expect(ignored).not.toContain(folder);
    }
  });
});
