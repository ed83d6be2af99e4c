import { readFileSync } from 'node:fs';
import { fileReport } from '../../core/input/diagnostic.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { parseRoofline } from '../../roofline/analysis/file.js';
import type { AnalysisSpec, PointField } from '../../roofline/analysis/point.js';
import { readAnalysisSpec } from '../../roofline/analysis/spec.js';
import { type AnalysisRequest, FIELD_OPTIONS } from './command.js';

/** What was asked, and every error that words and file show before anything is opened. */
export interface SpecRequest {
  /** null when there are errors. */
  readonly spec: AnalysisSpec | null;
  /** What can be read of it, so that its names can be looked up, too. */
  readonly readable: Partial<AnalysisSpec>;
  readonly diagnostics: readonly string[];
  /** Nobody said a context: the spec has the default, which may be more than a model has. */
  readonly contextOpen: boolean;
}

/** Tokens of each sequence where nobody says. */
const DEFAULT_CONTEXT = 2048;

export const SPEC_HINT =
  '`ridge roofline --help` shows what each takes; `ridge roofline --list` the names that are known.';

/** Reads the lists, and the file beside them, whose values they replace. Never throws on a usage error. */
export function readSpec({ lists, file: path }: Pick<AnalysisRequest, 'lists' | 'file'>): SpecRequest {
  const written = Object.fromEntries(Object.entries(lists).map(([field, text]) => [field, valuesOf(text)]));
  const file = path === null ? NO_FILE : readFile(path);
  const given: Readonly<Record<string, unknown>> = { ...fileValues(file.values), ...written };
  // A file says all that it is about.
  const contextOpen = path === null && given.context === undefined;
  const reading = readAnalysisSpec(contextOpen ? { ...given, context: [DEFAULT_CONTEXT] } : given);
  const readable = reading.ok ? reading.spec : reading.readable;
  const sound = file.diagnostics.length === 0;
  if (reading.ok && sound) return { spec: reading.spec, readable, diagnostics: [], contextOpen };
  // What a wrong file does not say was said as its error already.
  const findings = reading.ok ? [] : reading.findings.filter(({ path }) => sound || path.length > 0);
  const diagnostics = findings.map(({ path, message, suggestion }) => {
    const field = path.find((step) => typeof step === 'string');
    const option = field === undefined ? '' : `${FIELD_OPTIONS[field as PointField][0].split(' ')[0]}: `;
    return `${option}${message}${suggestion === null ? '' : ` (did you mean ${suggestion}?)`}`;
  });
  return { spec: null, readable, diagnostics: [...file.diagnostics, ...diagnostics], contextOpen };
}

/**
 * @param lengths tokens that each model was trained for.
 * @returns the spec with a context that every model and every prompt has room for, and what was chosen in one line.
 */
export function withContext(
  spec: AnalysisSpec,
  lengths: readonly number[],
): { readonly spec: AnalysisSpec; readonly said: string } {
  const room = Math.min(...lengths) - Math.max(...spec.generateTokens);
  const wanted = Math.max(DEFAULT_CONTEXT, ...spec.promptTokens.map((tokens) => tokens ?? 0));
  const context = Math.max(1, Math.min(wanted, room));
  const why = context < wanted ? 'as many as the model has room for' : 'the default';
  return {
    spec: { ...spec, context: [context] },
    said: `context ${context}: ${why}; --context asks for others`,
  };
}

/** A file was checked already: its values stand as they are. */
const fileValues = (values: Partial<AnalysisSpec>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, list]) => list.length > 0 && list[0] !== null));

/** Splits at commas outside of `synthetic:…` words, whose parts have commas, too; numbers and booleans are what they look like. */
function valuesOf(text: string): unknown[] {
  if (text.trim() === '') return [];
  const parts = text.includes('synthetic:') ? text.split(/,(?=[a-z]+:|[A-Z/.])/) : text.split(',');
  return parts.map((part) => {
    const word = part.trim();
    if (/^-?\d+(\.\d+)?$/.test(word)) return Number(word);
    return word === 'true' ? true : word === 'false' ? false : word;
  });
}

interface FileReading {
  /** Those that can be read. */
  readonly values: Partial<AnalysisSpec>;
  readonly diagnostics: readonly string[];
}

const NO_FILE: FileReading = { values: {}, diagnostics: [] };

function readFile(path: string): FileReading {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    return {
      values: {},
      diagnostics: [
        `cannot read ${path}: ${fileProblem(error)}; examples that run are in docs/examples/roofline`,
      ],
    };
  }
  const reading = parseRoofline(text);
  if (reading.ok) return { values: reading.file.spec, diagnostics: [] };
  return { values: reading.readable, diagnostics: [fileReport(path, reading.diagnostics, 0)] };
}
