import { spawnSync } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../cli/program.js';
import { sharedFolder } from '../support/folder.js';
import { CHART, hasHelm, renderOnce } from '../support/helm.js';

const folder = sharedFolder();

/**
 * What an install says. Helm shows it only where there is a cluster, so a copy of the chart renders it as an
 * object.
 */
function notes(file: string): string {
  const chart = join(folder, file);
  cpSync(CHART, chart, { recursive: true });
  cpSync(join(CHART, 'templates/NOTES.txt'), join(chart, 'said.txt'));
  writeFileSync(join(chart, 'templates/said.yaml'), 'notes: {{ tpl (.Files.Get "said.txt") . | toJson }}\n');
  const words = [
    'template',
    'rp',
    chart,
    '-n',
    'bench',
    '--kube-version',
    '1.34',
    '-s',
    'templates/said.yaml',
  ];
  const values = ['--values', join(CHART, 'ci', file)];
  const { status, stdout, stderr } = spawnSync('helm', [...words, ...values], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return (parse(stdout) as { notes: string }).notes;
}

describe.skipIf(!hasHelm)('what an install says (needs helm)', () => {
  test.each(['default-values.yaml', 'token-values.yaml'])('%s: how to get in', async (file) => {
    const said = notes(file);
    const there = renderOnce(file).map(({ kind, metadata }) => `${kind.toLowerCase()} ${metadata.name}`);
    const named = [...said.matchAll(/get (secret \S+)|port-forward service\/(\S+)/g)];
    expect(named.length).toBeGreaterThan(1);
    for (const [, secret, service] of named) expect(there).toContain(secret ?? `service ${service}`);
    expect(said).toContain('go-template={{index .data');
    const submit = (await createProgram()).commands.find((command) => command.name() === 'submit');
    const known = submit?.options.map(({ long }) => long);
    const line = /ridge submit.*$/m.exec(said)?.[0] ?? '';
    for (const [option] of line.matchAll(/--[\w-]+/g)) expect(known).toContain(option);
    expect(said).not.toContain('WARNING');
  });

  test('what will be lost', () => {
    expect(notes('no-persistence-values.yaml')).toContain('WARNING: coordinator.persistence is off.');
  });
});
