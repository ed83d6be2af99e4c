import { readFileSync } from 'node:fs';
import { parseRoofline, type RooflineFile } from '../../core/roofline/analysis/file.js';
import type { AnalysisSpec, PointField } from '../../core/roofline/analysis/point.js';
import { readAnalysisSpec } from '../../core/roofline/analysis/spec.js';
import type { RooflineOptions } from '../commands/roofline.js';
import { usageError } from '../exit.js';

/** The option that gives a field, for messages. */
const OPTION_OF = {
  model: 'model',
  hardware: 'hardware',
  mode: 'mode',
  bits: 'bits',
  flashAttention: 'flash-attention',
  tensorParallel: 'tensor-parallel',
  tokensPerStep: 'tokens-per-step',
  draft: 'draft',
  draftTokens: 'draft-tokens',
  acceptance: 'acceptance',
  batch: 'batch',
  context: 'context',
  promptTokens: 'prompt',
  generateTokens: 'generate',
} as const satisfies Record<PointField, string>;

/** @throws CommandError (2) with every mistake of the file, or of the options, at once */
export function readSpec(options: RooflineOptions): AnalysisSpec {
  const written = optionValues(options);
  const file = options.file === undefined ? null : readFile(options.file);
  const reading = readAnalysisSpec({ ...(file === null ? {} : fileValues(file)), ...written });
  if (reading.ok) return reading.spec;
  const mistakes = reading.findings.map(({ path, message, suggestion }) => {
    const field = path.find((step) => typeof step === 'string');
    const option = field === undefined ? '' : `--${OPTION_OF[field as PointField]}: `;
    return `${option}${message}${suggestion === null ? '' : ` (did you mean ${suggestion}?)`}`;
  });
  throw usageError(
    mistakes.join('\n'),
    '`ridge roofline --help` shows what each takes; `ridge roofline --list` the names that are known.',
  );
}

/** A file was checked already: its values stand as they are. */
const fileValues = ({ spec }: RooflineFile): Record<string, unknown> =>
  Object.fromEntries(Object.entries(spec).filter(([, values]) => values[0] !== null));

function optionValues(options: RooflineOptions): Record<string, unknown> {
  const named: Record<PointField, string | undefined> = {
    model: options.model,
    hardware: options.hardware,
    mode: options.mode,
    bits: options.bits,
    flashAttention: options.flashAttention,
    tensorParallel: options.tensorParallel,
    tokensPerStep: options.tokensPerStep,
    draft: options.draft,
    draftTokens: options.draftTokens,
    acceptance: options.acceptance,
    batch: options.batch,
    context: options.context,
    promptTokens: options.prompt,
    generateTokens: options.generate,
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([field, text]) => (text === undefined ? [] : [[field, valuesOf(text)]])),
  );
}

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

function readFile(path: string): RooflineFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : code;
    throw usageError(`cannot read ${path}: ${why}`, 'Examples that run are in docs/examples/roofline.');
  }
  const reading = parseRoofline(text);
  if (reading.ok) return reading.file;
  const count = reading.mistakes.length;
  const lines = reading.mistakes.map(({ line, column, path: where, message, suggestion }) => {
    const guess = suggestion === null ? '' : ` (${suggestion})`;
    return `${path}:${line}:${column} ${where === '' ? '' : `${where}: `}${message}${guess}`;
  });
  throw usageError(`${count} mistake${count === 1 ? '' : 's'} in ${path}\n${lines.join('\n')}`);
}
