import { readFileSync } from 'node:fs';
import { type Diagnostic, diagnosticCount } from '../core/input/diagnostic.js';
import { parseSweep } from '../core/sweep/parse.js';
import type { Sweep } from '../core/sweep/spec.js';
import { usageError } from './exit.js';

export interface SweepFile {
  readonly path: string;
  readonly document: string;
  readonly sweep: Sweep;
}

/** One line for a terminal, as editors and CI parse it: `sweep.yaml:12:7 spec.runners[0].fa: … (did you mean …?)`. */
function formatDiagnostic(diagnostic: Diagnostic, file: string): string {
  const where = diagnostic.path === '' ? '' : `${diagnostic.path}: `;
  const guess = diagnostic.suggestion === null ? '' : ` (${diagnostic.suggestion})`;
  return `${file}:${diagnostic.line}:${diagnostic.column} ${where}${diagnostic.message}${guess}`;
}

/**
 * Reads and checks a sweep file.
 * @throws CommandError (exit code 2) with its mistakes at once, or when the file cannot be read.
 */
export function readSweepFile(path: string): SweepFile {
  let document: string;
  try {
    document = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(code);
    throw usageError(
      `cannot read the sweep file ${path}: ${why}`,
      'Examples that run are in docs/examples; start from quickstart.yaml.',
    );
  }
  const parsed = parseSweep(document);
  if (!parsed.ok) {
    throw usageError(
      `${diagnosticCount(parsed.diagnostics.length, parsed.more)} in ${path}\n${parsed.diagnostics.map((diagnostic) => formatDiagnostic(diagnostic, path)).join('\n')}`,
      'schemas/sweep.schema.json gives editors completion; nothing was started.',
    );
  }
  return { path, document, sweep: parsed.sweep };
}
