import { basename, dirname, extname, resolve } from 'node:path';
import { fileProblem } from '../../core/input/file-problem.js';
import { parseTaskDefinition, plainTask, type TaskDefinition } from '../../core/quality/tasks/definition.js';
import { type Task, withExamples } from '../../core/quality/tasks/few-shot.js';
import { parseItems, type TaskItems, templateProblem } from '../../core/quality/tasks/items.js';
import { MOST_BYTES, readBounded } from '../../formats/bounded-file.js';

export type ReadTasks =
  | { readonly ok: true; readonly tasks: readonly Task[]; readonly files: readonly string[] }
  | { readonly ok: false; readonly errors: readonly string[] };

/**
 * Reads task files and the items they name.
 * @param locate gives the file to open for a path, and throws for one that may not be opened.
 * @returns the tasks with every file that was read, or every error of every file, each as `file:line …`.
 */
export function readTasks(
  paths: readonly string[],
  locate: (path: string) => string = (path) => path,
): ReadTasks {
  const reader = new TaskReader(locate);
  const tasks = paths.flatMap((path) => reader.task(path) ?? []);
  const { errors, files } = reader;
  // Answers are known by the names of tasks and items.
  for (const [i, { name }] of tasks.entries()) {
    if (tasks.findIndex((other) => other.name === name) < i) errors.push(`two tasks are called ${name}`);
  }
  return errors.length === 0 ? { ok: true, tasks, files } : { ok: false, errors };
}

class TaskReader {
  readonly errors: string[] = [];
  readonly files: string[] = [];
  readonly #locate: (path: string) => string;

  constructor(locate: (path: string) => string) {
    this.#locate = locate;
  }

  task(path: string): Task | null {
    const definition = this.#definition(path);
    if (definition === null) return null;
    const problem = templateProblem(definition);
    if (problem !== null) this.errors.push(`${path}: ${problem}`);
    const folder = dirname(path);
    const { items, fewShot } = definition.spec;
    const asked = this.#items(definition, resolve(folder, items));
    const examples =
      fewShot?.items === undefined ? null : this.#items(definition, resolve(folder, fewShot.items));
    if (asked === null || (fewShot?.items !== undefined && examples === null)) return null;
    const task = withExamples(definition, asked, examples?.items ?? null);
    if (typeof task !== 'string') return task;
    this.errors.push(`${path}: ${task}`);
    return null;
  }

  /** JSONL and a JSON list come without a definition; everything else is one. */
  #definition(path: string): TaskDefinition | null {
    const extension = extname(path);
    if (extension === '.jsonl' || extension === '.json')
      return plainTask(basename(path, extension), basename(path));
    const text = this.#read(path);
    if (text === null) return null;
    const parsed = parseTaskDefinition(text);
    if (parsed.ok) return parsed.value;
    for (const { line, column, path: where, message } of parsed.diagnostics) {
      this.errors.push(`${path}:${line}:${column} ${where === '' ? '' : `${where}: `}${message}`);
    }
    return null;
  }

  #items(task: TaskDefinition, path: string): TaskItems | null {
    const text = this.#read(path);
    if (text === null) return null;
    const parsed = parseItems(task, text);
    if (parsed.ok) return parsed.value;
    for (const { line, message } of parsed.diagnostics) this.errors.push(`${path}:${line} ${message}`);
    return null;
  }

  #read(path: string): string | null {
    try {
      const file = this.#locate(path);
      const text = readBounded(file, MOST_BYTES.questions).toString('utf8');
      this.files.push(file);
      return text;
    } catch (error) {
      this.errors.push(`${path}: ${fileProblem(error)}`);
      return null;
    }
  }
}
