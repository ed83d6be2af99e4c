import { FailureError } from '../errors.js';
import { type Finding, type Mistake, pathText } from './mistake.js';
import { Reader } from './reader.js';
import { resolveSweep } from './resolve.js';
import { planSpace } from './space.js';
import type { Sweep } from './spec.js';
import { checkStructure } from './structure.js';
import { readYaml } from './yaml.js';

export type { Mistake } from './mistake.js';

export type ParsedSweep =
  | { readonly ok: true; readonly sweep: Sweep }
  | { readonly ok: false; readonly mistakes: readonly Mistake[] };

/**
 * Reads a sweep file (YAML or JSON): a Sweep in which every value is checked and every default filled in,
 * or every mistake at once, in the order of the text. Never throws on bad text.
 */
export function parseSweep(source: string): ParsedSweep {
  const yaml = readYaml(source);
  if (!yaml.readable) return { ok: false, mistakes: yaml.mistakes };
  const structural = checkStructure(yaml.data);
  const reader = new Reader(yaml.data, structural);
  const sweep = resolveSweep(reader);
  const findings = reader.findings.length === 0 ? sizeFindings(sweep) : reader.findings;
  const mistakes = [...yaml.mistakes, ...findings.map((finding) => placed(finding, yaml.locate))];
  if (mistakes.length === 0) return { ok: true, sweep };
  return { ok: false, mistakes: mistakes.sort((a, b) => a.line - b.line || a.column - b.column) };
}

/** A sweep that is too large to be planned is a mistake of the file, so it is told at the door. */
function sizeFindings(sweep: Sweep): Finding[] {
  try {
    planSpace(sweep);
    return [];
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return [{ path: ['spec'], message: error.message, suggestion: null, at: 'key' }];
  }
}

function placed(finding: Finding, locate: ReturnType<typeof readYaml>['locate']): Mistake {
  const { path, message, suggestion, at } = finding;
  return {
    path: pathText(path),
    ...locate(path, at),
    message,
    suggestion: suggestion === null ? null : `did you mean ${suggestion}?`,
  };
}
