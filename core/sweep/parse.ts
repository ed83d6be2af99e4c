import { FailureError } from '../errors.js';
import {
  type Diagnostic,
  MAX_DIAGNOSTICS,
  ofWhole,
  pathText,
  type UnlocatedDiagnostic,
} from '../input/diagnostic.js';
import { whyForeign } from '../input/foreign.js';
import { readYaml } from '../input/yaml.js';
import { unmeasuredFindings } from './measurable.js';
import { Reader } from './reader.js';
import { resolveSweep } from './resolve.js';
import { layOut } from './space.js';
import type { Sweep } from './spec.js';
import { checkStructure } from './structure.js';

export type { Diagnostic } from '../input/diagnostic.js';

export type ParsedSweep =
  | { readonly ok: true; readonly sweep: Sweep }
  | {
      readonly ok: false;
      /** The first of them, in the order of the text. */
      readonly diagnostics: readonly Diagnostic[];
      /** How many there are besides. */
      readonly more: number;
    };

/**
 * Reads a sweep file (YAML or JSON): a Sweep in which every value is checked and every default filled in,
 * or its errors, the first hundred at once, in the order of the text. Takes time linear in the text, and
 * never throws on a bad one.
 */
export function parseSweep(source: string): ParsedSweep {
  const yaml = readYaml(source);
  const foreign = whyForeign(source, yaml, 'Sweep');
  if (foreign !== null) return { ok: false, diagnostics: [ofWhole(foreign)], more: 0 };
  if (!yaml.readable) return { ok: false, diagnostics: yaml.diagnostics, more: 0 };
  const structure = checkStructure(yaml.data);
  const invalid = (findings: readonly UnlocatedDiagnostic[], more: number): ParsedSweep => {
    const diagnostics = [...yaml.diagnostics, ...findings.map((finding) => placed(finding, yaml.locate))];
    const shown = diagnostics
      .slice(0, MAX_DIAGNOSTICS)
      .sort((a, b) => a.line - b.line || a.column - b.column);
    return { ok: false, diagnostics: shown, more: more + diagnostics.length - shown.length };
  };
  // Whatever is looked at next passes over these findings, and some are not among them.
  if (structure.more > 0) return invalid(structure.findings, structure.more);
  const reader = new Reader(yaml.data, structure.findings);
  const sweep = resolveSweep(reader);
  if (reader.count > 0) return invalid(reader.findings, reader.count - reader.findings.length);
  const findings = [...sizeFindings(sweep), ...unmeasuredFindings(sweep)];
  if (yaml.diagnostics.length > 0 || findings.length > 0) return invalid(findings, 0);
  return { ok: true, sweep };
}

/** Most characters of one error: what is wrong may be a value of any length. */
const MAX_MESSAGE = 1000;

/** A sweep that is too large to be planned is an error of the file, so it is reported at the door. */
function sizeFindings(sweep: Sweep): UnlocatedDiagnostic[] {
  try {
    layOut(sweep);
    return [];
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return [{ path: ['spec'], message: error.message, suggestion: null, at: 'key' }];
  }
}

function placed(finding: UnlocatedDiagnostic, locate: ReturnType<typeof readYaml>['locate']): Diagnostic {
  const { path, message, suggestion, at } = finding;
  return {
    path: pathText(path),
    ...locate(path, at),
    message: message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message,
    suggestion: suggestion === null ? null : `did you mean ${suggestion}?`,
  };
}
