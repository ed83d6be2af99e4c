import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** Stand-ins for libraries of drivers are C; tests that need them are skipped without a compiler. */
export const hasGcc = spawnSync('gcc', ['--version']).status === 0;

/** Compiles test/fixtures/NAME.c into a library that lives as long as the test file. @returns its path. */
export function compileStub(name: string, ...flags: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'ridgepoint-stub-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return compileTo(join(folder, `lib${name}.so`), name, ...flags);
}

/** The same into a file that the caller names. */
export function compileTo(output: string, name: string, ...flags: string[]): string {
  const source = join(import.meta.dirname, '../fixtures', `${name}.c`);
  const usual = ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror'];
  execFileSync('gcc', [...usual, ...flags, '-o', output, source]);
  return output;
}

/** Sets variables that a stub reads from C's environment, which Node writes process.env through to. */
export function setStub(variables: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value] of Object.entries(variables)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
}
