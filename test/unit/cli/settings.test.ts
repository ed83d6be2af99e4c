import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { settingsOf } from '../../../cli/config/settings.js';
import { SETTINGS_WORDS } from '../../../cli/config/words.js';
import { EXIT } from '../../../cli/exit.js';
import { createProgram } from '../../../cli/program.js';
import { VARIABLES } from '../../../core/input/variables.js';
import { sharedFolder } from '../../support/folder.js';
import { heard } from '../../support/heard.js';

const ROOT = join(import.meta.dirname, '../../..');
const folder = sharedFolder();
const page = readFileSync(join(ROOT, 'docs/settings.md'), 'utf8');

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

/** Rooms whose code is in TypeScript and reads an environment. */
const ROOMS = ['agent', 'artifacts', 'cli', 'coordinator', 'engines', 'load', 'operator', 'process', 'proto'];

function readVariables(): Set<string> {
  const found = new Set<string>();
  for (const room of ROOMS)
    for (const name of readdirSync(join(ROOT, room), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts') || name.includes('gen/')) continue;
      const text = readFileSync(join(ROOT, room, name), 'utf8');
      const read =
        /\benv\.(RIDGE_\w+)|'(RIDGE_[A-Z_]+)'|\b(RIDGE_[A-Z_]+)(?=[,:] [^\n]*\} = (?:process\.)?env\b)|(RIDGE_[A-Z_]+) \} = process\.env/g;
      for (const [, ...names] of text.matchAll(read)) {
        const variable = names.find((one) => one !== undefined);
        if (variable !== undefined) found.add(variable);
      }
    }
  return found;
}

describe('docs/settings.md', () => {
  test.each(SETTINGS_WORDS)('has every setting of the %s, with what it means', (word) => {
    const section = page.split(`## ${word}.yaml`)[1]?.split('\n## ')[0] ?? '';
    const settings = settingsOf(word);
    expect(settings.length).toBeGreaterThan(15);
    expect(settings.filter(({ meaning }) => meaning === '').map(({ path }) => path)).toEqual([]);
    expect(settings.filter(({ path }) => !section.includes(`| \`${path}\` |`))).toEqual([]);
  });

  test('has every variable that code reads, and no other', () => {
    const known = Object.keys(VARIABLES);
    expect([...readVariables()].filter((name) => !known.includes(name))).toEqual([]);
    expect(known.filter((name) => !readVariables().has(name))).toEqual([]);
    expect(known.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });

  test('says no place of the machine that wrote it', () => {
    expect(page).not.toMatch(/"\/(home|root|Users)\//);
  });
});

describe('ridge config check', () => {
  const check = async (text: string, name: string, ...options: string[]) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    const said = heard();
    const failure = await (await createProgram())
      .parseAsync(['node', 'ridge', 'config', 'check', file, ...options])
      .then(
        () => null,
        (error: unknown) => error as { message: string; exitCode: number },
      );
    return {
      said: said.stdout.replaceAll(folder, ''),
      message: failure?.message.replaceAll(`${folder}/`, ''),
      failure,
    };
  };

  test('says whose settings a file has, by its name or by its fields', async () => {
    expect((await check('leaseSeconds: 60\n', 'coordinator.yaml')).said).toContain(
      'settings of the coordinator, and',
    );
    expect((await check('labels: { zone: lab }\n', 'node-1.yaml')).said).toContain(
      'settings of the agent, and',
    );
    expect((await check('pollSeconds: 5\n', 'o.yaml')).said).toContain('settings of the operator, and');
    expect((await check('{}\n', 'e.yaml', '--as', 'operator')).said).toContain(
      'settings of the operator, and',
    );
  });

  test('names every error with its line', async () => {
    const { message, failure } = await check(
      'leaseSecond: 60\nlog:\n  kind: sqlite\n  path: 7\n',
      'coordinator.yaml',
    );
    expect(failure?.exitCode).toBe(EXIT.usage);
    expect(message).toContain(
      'coordinator.yaml:1:1 leaseSecond: there is no field leaseSecond here (did you mean leaseSeconds?)',
    );
    expect(message).toContain('coordinator.yaml:4:9 log.path: ');
  });

  test('finds what only the process can tell: fields that contradict each other, files that are away', async () => {
    expect((await check('leaseSeconds: 6\n', 'coordinator.yaml')).message).toContain(
      'less than two heartbeats',
    );
    expect((await check('tls: { ca: /nowhere/ca.crt }\n', 'agent.yaml')).message).toContain('tls: give ca');
  });

  test('refuses a sweep, and what is no mapping, in one sentence', async () => {
    const sweep = await check('apiVersion: ridgepoint.dev/v1\nkind: Sweep\n', 's.yaml');
    expect(sweep.message).toBe(
      's.yaml: it is no file of settings, as it has apiVersion; `ridge plan` checks a sweep',
    );
    expect((await check('- 1\n', 'list.yaml')).message).toContain('it has to hold fields');
    expect((await check('a: [\n', 'broken.yaml')).message).toContain('broken.yaml:');
  });

  test('without a file names variables that nothing reads', async () => {
    vi.stubEnv('RIDGE_COORDINATER', 'a:1');
    const run = async () => await (await createProgram()).parseAsync(['node', 'ridge', 'config', 'check']);
    await expect(run()).rejects.toThrow(
      'nothing reads the variable RIDGE_COORDINATER: did you mean RIDGE_COORDINATOR?',
    );
  });
});
