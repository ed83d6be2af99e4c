import { type Diagnostic, ofWhole, pathText, type UnlocatedDiagnostic } from '../../core/input/diagnostic.js';
import { isMap, whyForeign } from '../../core/input/foreign.js';
import { readYaml } from '../../core/input/yaml.js';
import type { AnalysisSpec } from './point.js';
import { readAnalysisSpec } from './spec.js';

export interface RooflineFile {
  readonly name: string;
  readonly spec: AnalysisSpec;
}

export type RooflineReading =
  | { readonly ok: true; readonly file: RooflineFile }
  | {
      readonly ok: false;
      readonly diagnostics: readonly Diagnostic[];
      /** The values without an error, so that the names among them can be checked as well. */
      readonly readable: Partial<AnalysisSpec>;
    };

/** Values that a file must have, by path. */
const HEAD = { apiVersion: 'ridgepoint.dev/v1', kind: 'Roofline' } as const;

/**
 * Reads a file of `kind: Roofline`, or every error in it, in the order of the text. Never throws on bad text.
 */
export function parseRoofline(source: string): RooflineReading {
  const yaml = readYaml(source);
  const foreign = whyForeign(source, yaml, HEAD.kind);
  if (foreign !== null) return { ok: false, diagnostics: [ofWhole(foreign)], readable: {} };
  if (!yaml.readable) return { ok: false, diagnostics: yaml.diagnostics, readable: {} };
  const findings: UnlocatedDiagnostic[] = [];
  const data = isMap(yaml.data) ? yaml.data : {};
  for (const [key, expected] of Object.entries(HEAD)) {
    if (data[key] === expected) continue;
    const written = data[key] === undefined ? 'is missing' : `is ${JSON.stringify(data[key])}`;
    findings.push({
      path: [key],
      message: `${key} ${written}: it must be ${expected}`,
      suggestion: null,
      at: 'value',
    });
  }
  for (const key of Object.keys(data)) {
    if (['apiVersion', 'kind', 'metadata', 'spec'].includes(key)) continue;
    const message = `${JSON.stringify(key)} is not a key here; known here: apiVersion, kind, metadata, spec`;
    findings.push({ path: [key], message, suggestion: null, at: 'key' });
  }
  const name = isMap(data.metadata) ? data.metadata.name : undefined;
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9.-]{0,62}$/.test(name)) {
    const message = 'metadata.name must be a name of lower case letters, digits, dots and dashes';
    findings.push({ path: ['metadata', 'name'], message, suggestion: null, at: 'value' });
  }
  const reading = readAnalysisSpec(isMap(data.spec) ? data.spec : {}, ['spec']);
  const all = [...findings, ...(reading.ok ? [] : reading.findings)];
  const diagnostics = [
    ...yaml.diagnostics,
    ...all.map(({ path, message, suggestion, at }) => ({
      path: pathText(path),
      ...yaml.locate(path, at),
      message,
      suggestion: suggestion === null ? null : `did you mean ${suggestion}?`,
    })),
  ];
  if (diagnostics.length === 0 && reading.ok)
    return { ok: true, file: { name: name as string, spec: reading.spec } };
  return {
    ok: false,
    diagnostics: diagnostics.sort((a, b) => a.line - b.line || a.column - b.column),
    readable: reading.ok ? reading.spec : reading.readable,
  };
}
