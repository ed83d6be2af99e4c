import { readFileSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { parseTaskDefinition, plainTask, type TaskDefinition } from '../../core/quality/tasks/definition.js';
import { type Task, withExamples } from '../../core/quality/tasks/few-shot.js';
import { parseItems, type TaskItem, templateProblem } from '../../core/quality/tasks/items.js';
import { usageError } from '../exit.js';

/**
 * Reads task files and the items they name.
 * @throws CommandError (exit code 2) with every mistake of every file at once, each as `file:line …`.
 */
export function readTasks(paths: readonly string[]): Task[] {
  const mistakes: string[] = [];
  const tasks = paths.flatMap((path) => readTask(path, mistakes) ?? []);
  if (mistakes.length === 0) return tasks;
  const count = `${mistakes.length} mistake${mistakes.length === 1 ? '' : 's'} in task files`;
  throw usageError([count, ...mistakes].join('\n'), 'Nothing was started.');
}

function readTask(path: string, mistakes: string[]): Task | null {
  const definition = readDefinition(path, mistakes);
  if (definition === null) return null;
  const problem = templateProblem(definition);
  if (problem !== null) mistakes.push(`${path}: ${problem}`);
  const folder = dirname(path);
  const itemsOf = (file: string) => readItems(definition, resolve(folder, file), mistakes);
  const { items, fewShot } = definition.spec;
  const asked = itemsOf(items);
  const examples = fewShot?.items === undefined ? null : itemsOf(fewShot.items);
  if (asked === null || (fewShot?.items !== undefined && examples === null)) return null;
  const task = withExamples(definition, asked, examples);
  if (typeof task !== 'string') return task;
  mistakes.push(`${path}: ${task}`);
  return null;
}

/** JSONL comes without a definition; everything else is one. */
function readDefinition(path: string, mistakes: string[]): TaskDefinition | null {
  const extension = extname(path);
  if (extension === '.jsonl') return plainTask(basename(path, extension), basename(path));
  const text = read(path, mistakes);
  if (text === null) return null;
  const parsed = parseTaskDefinition(text);
  if (parsed.ok) return parsed.value;
  for (const { line, column, path: where, message } of parsed.mistakes) {
    mistakes.push(`${path}:${line}:${column} ${where === '' ? '' : `${where}: `}${message}`);
  }
  return null;
}

function readItems(task: TaskDefinition, path: string, mistakes: string[]): readonly TaskItem[] | null {
  const text = read(path, mistakes);
  if (text === null) return null;
  const parsed = parseItems(task, text);
  if (parsed.ok) return parsed.value;
  for (const { line, message } of parsed.mistakes) mistakes.push(`${path}:${line} ${message}`);
  return null;
}

function read(path: string, mistakes: string[]): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : String(code);
    mistakes.push(`${path}: ${why}`);
    return null;
  }
}
