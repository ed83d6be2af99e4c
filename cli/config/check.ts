import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { AgentConfigError } from '../../agent/config.js';
import { FailureError } from '../../core/errors.js';
import { issuesOf } from '../../core/input/definition.js';
import {
  type Diagnostic,
  fileReport,
  MAX_DIAGNOSTICS,
  type Path,
  pathText,
} from '../../core/input/diagnostic.js';
import { nearest } from '../../core/input/suggest.js';
import { VARIABLES } from '../../core/input/variables.js';
import { readYaml, type YamlSource } from '../../core/input/yaml.js';
import { WireError } from '../../proto/errors.js';
import { tryFile, usageError } from '../exit.js';
import { printData } from '../output/print.js';
import type { CheckOptions } from './command.js';
import { SETTINGS_FILES } from './kinds.js';
import { SETTINGS_WORDS, type SettingsWord } from './words.js';

/** `ridge config check` @throws CommandError (2) with every error of every file. */
export async function check(files: readonly string[], options: CheckOptions): Promise<void> {
  const problems =
    files.length === 0 ? variableProblems() : files.flatMap((file) => fileProblems(file, options));
  if (problems.length > 0) throw usageError(problems.join('\n'));
}

/** @returns what is wrong with one file, at most one text; what is right is printed. */
function fileProblems(file: string, options: CheckOptions): string[] {
  const text = tryFile(`cannot read ${file}`, () => readFileSync(file, 'utf8'));
  const yaml = readYaml(text);
  if (!yaml.readable || yaml.diagnostics.length > 0) return [fileReport(file, yaml.diagnostics, 0)];
  const data = yaml.data ?? {};
  if (typeof data !== 'object' || Array.isArray(data))
    return [`${file}: it has to hold fields with their values, as docs/settings.md lists them`];
  if ('apiVersion' in data)
    return [`${file}: it is no file of settings, as it has apiVersion; \`ridge plan\` checks a sweep`];
  const kind = options.as ?? kindOf(file, data);
  const wrong = diagnosticsOf(kind, data, yaml);
  if (wrong.length > 0) {
    const shown = wrong.slice(0, MAX_DIAGNOSTICS);
    return [
      `${file}, read as settings of the ${kind}: ${fileReport(file, shown, wrong.length - shown.length)}`,
    ];
  }
  const problem = readingProblem(kind, file);
  if (problem !== null) return [`${file}, read as settings of the ${kind}: ${problem}`];
  printData(`${file}: settings of the ${kind}, and nothing is wrong`);
  return [];
}

/** @returns whose settings they are by the file's name, else by the most fields that are known there. */
export function kindOf(file: string, data: object): SettingsWord {
  const named = SETTINGS_WORDS.find((word) => basename(file).startsWith(word));
  if (named !== undefined) return named;
  const known = (word: SettingsWord) =>
    Object.keys(data).filter((key) => key in SETTINGS_FILES[word].schema.shape).length;
  return SETTINGS_WORDS.reduce((best, word) => (known(word) > known(best) ? word : best));
}

function diagnosticsOf(kind: SettingsWord, data: object, yaml: YamlSource): Diagnostic[] {
  const { schema } = SETTINGS_FILES[kind];
  const read = schema.safeParse(data);
  if (read.success) return [];
  const found = issuesOf(read.error).map(([path, message, at]): Diagnostic => {
    const known = path.length === 1 ? nearest(String(path[0]), Object.keys(schema.shape)) : null;
    return {
      path: pathText(path),
      ...yaml.locate(path as Path, at),
      message,
      suggestion: at === 'key' && known !== null ? `did you mean ${known}?` : null,
    };
  });
  return found.sort((a, b) => a.line - b.line || a.column - b.column);
}

/**
 * @returns what only the process itself can tell: fields that contradict each other, files that are not
 *   there.
 */
function readingProblem(kind: SettingsWord, file: string): string | null {
  try {
    SETTINGS_FILES[kind].read(file);
    return null;
  } catch (error) {
    if (error instanceof AgentConfigError || error instanceof FailureError || error instanceof WireError)
      return error.message;
    throw error;
  }
}

/** @returns a sentence for each RIDGE_* variable that nobody reads. */
function variableProblems(): string[] {
  const set = Object.keys(process.env).filter((name) => name.startsWith('RIDGE_'));
  const known = Object.keys(VARIABLES);
  const problems = set
    .filter((name) => !known.includes(name))
    .map((name) => {
      const guess = nearest(name, known);
      return `nothing reads the variable ${name}${guess === null ? '' : `: did you mean ${guess}?`}`;
    });
  if (problems.length === 0) printData(`${set.length} RIDGE_* variables, and each is read by something`);
  return problems;
}
