import { basename, dirname, extname, resolve } from 'node:path';
import type { Diagnostic } from '../../../core/input/diagnostic.js';
import { fileProblem } from '../../../core/input/file-problem.js';
import { readYaml } from '../../../core/input/yaml.js';
import {
  chosenTask,
  fewShotOf,
  type NamedTask,
  type TaskChoice,
  waysOf,
} from '../../../core/quality/tasks/asking.js';
import {
  asked,
  definedOtherwise,
  parseTaskDefinition,
  plainTask,
  type TaskDefinition,
} from '../../../core/quality/tasks/definition.js';
import { type Task, withExamples } from '../../../core/quality/tasks/few-shot.js';
import {
  parseItems,
  type ReadItem,
  type TaskItems,
  templateProblem,
} from '../../../core/quality/tasks/items.js';
import { isRanking, parseRanking } from '../../../core/ranking/definition.js';
import { filesNamed, type RankingTask, tasksOf } from '../../../core/ranking/task.js';
import { MOST_BYTES, readBounded } from '../../../formats/bounded-file.js';
import { isLmEval, readLmEvalTasks } from '../lm-eval/read.js';
import { type LocatedFiles, locatedFiles, readRankingData } from '../ranking/data.js';

export type ReadTasks =
  | {
      readonly ok: true;
      readonly tasks: readonly Task[];
      readonly rankings: readonly RankingTask[];
      /** Every file that was read, as it was named. */
      readonly files: readonly string[];
    }
  | { readonly ok: false; readonly errors: readonly string[] };

/**
 * Reads task files and the items they name.
 * @param locate gives the file to open for a path, and throws for one that may not be opened.
 * @param only what is ranked is passed over, with its data.
 * @returns the tasks with every file that was read, or every error of every file, each as `file:line …`.
 */
export function readTasks(
  named: readonly NamedTask[],
  locate: (path: string) => string = (path) => path,
  only?: 'tasks',
): ReadTasks {
  const reader = new TaskReader(locate, only);
  const tasks = named.flatMap((one) => reader.tasks(chosenTask(one)));
  const { errors, files, rankings } = reader;
  // Answers are known by the names of tasks and items.
  const names = [...tasks, ...rankings].map(({ name }) => name);
  for (const [i, name] of names.entries())
    if (names.indexOf(name) < i) errors.push(`two tasks are called ${name}`);
  return errors.length === 0 ? { ok: true, tasks, rankings, files } : { ok: false, errors };
}

class TaskReader {
  readonly errors: string[] = [];
  readonly files: string[] = [];
  readonly rankings: RankingTask[] = [];
  readonly #locate: (path: string) => string;
  readonly #only: 'tasks' | undefined;
  readonly #texts = new Map<string, string | null>();

  constructor(locate: (path: string) => string, only: 'tasks' | undefined) {
    this.#locate = locate;
    this.#only = only;
  }

  /** @returns a task for each way that it is asked. */
  tasks({ file: path, ...otherwise }: TaskChoice): readonly Task[] {
    const theirs = this.#lmEval(path, otherwise);
    if (theirs !== null) return theirs;
    const definition = this.#definition(path);
    if (definition === null) return [];
    const wrong = waysOf(otherwise.ways).problems;
    this.errors.push(
      ...wrong.map(({ axis, message }) => `${path}: ways${axis === '' ? '' : `.${axis}`}: ${message}`),
    );
    return asked(definedOtherwise(definition, otherwise)).flatMap((one) => this.#asked(one, path) ?? []);
  }

  /** @returns null for a file that is none of lm-evaluation-harness's. */
  #lmEval(path: string, otherwise: Omit<TaskChoice, 'file'>): readonly Task[] | null {
    if (!/\.ya?ml$/.test(path) && extname(path) !== '') return null;
    const text = this.#read(path);
    // What includes others, or names functions of Python, is known by its words.
    const plain = text?.replace(/!function/g, '');
    if (text === null || !isLmEval(readYaml(plain ?? '').data)) return null;
    const read = readLmEvalTasks(path, text, otherwise, (file) => this.#read(file));
    const tasks = read.filter((one) => typeof one !== 'string');
    for (const one of read) if (typeof one === 'string') this.#say(`${path}: ${one}`);
    return tasks;
  }

  #asked(definition: TaskDefinition, path: string): Task | null {
    const problem = templateProblem(definition);
    const way = definition.way == null ? '' : ` (${definition.way})`;
    if (problem !== null) this.errors.push(`${path}${way}: ${problem}`);
    const folder = dirname(path);
    const { items: shown } = fewShotOf(definition.spec);
    const items = this.#items(definition, resolve(folder, definition.spec.items));
    const examples = shown === null ? null : this.#items(definition, resolve(folder, shown));
    if (items === null || (shown !== null && examples === null)) return null;
    const task = withExamples(definition, items, examples?.items ?? null);
    if (typeof task !== 'string') return task;
    this.errors.push(`${path}${way}: ${task}`);
    return null;
  }

  /** JSONL and a JSON list come without a definition; everything else is one. */
  #definition(path: string): TaskDefinition | null {
    const extension = extname(path);
    if (extension === '.jsonl' || extension === '.json')
      return plainTask(basename(path, extension), basename(path));
    const text = this.#read(path);
    if (text === null) return null;
    if (isRanking(text)) return this.#only === 'tasks' ? null : this.#ranking(path, text);
    const parsed = parseTaskDefinition(text);
    if (parsed.ok) return parsed.value;
    this.#sayAt(path, parsed.diagnostics);
    return null;
  }

  /** Checks the whole data set; it is read again where it is ranked, for it may be large. */
  #ranking(path: string, text: string): null {
    const parsed = parseRanking(text);
    if (!parsed.ok) {
      this.#sayAt(path, parsed.diagnostics);
      return null;
    }
    const located = locatedFiles(filesNamed(parsed.value.spec), dirname(path), this.#locate);
    if (Array.isArray(located)) {
      this.errors.push(...located.map((problem) => `${path}: ${problem}`));
      return null;
    }
    const { files, stamp } = located as LocatedFiles;
    const data = readRankingData({ spec: parsed.value.spec, files }, false);
    if (!('documents' in data)) this.errors.push(...data);
    this.files.push(...Object.values(files).filter((file) => file !== null));
    this.rankings.push(...tasksOf(parsed.value, files, stamp));
    return null;
  }

  #sayAt(path: string, diagnostics: readonly Diagnostic[]): void {
    for (const { line, column, path: where, message } of diagnostics)
      this.errors.push(`${path}:${line}:${column} ${where === '' ? '' : `${where}: `}${message}`);
  }

  #items(task: TaskDefinition, path: string): TaskItems<ReadItem> | null {
    const text = this.#read(path);
    if (text === null) return null;
    const parsed = parseItems(task, text);
    if (parsed.ok) return parsed.value;
    for (const { line, message } of parsed.diagnostics) this.#say(`${path}:${line} ${message}`);
    return null;
  }

  /** Several ways of asking find the same. */
  #say(error: string): void {
    if (!this.errors.includes(error)) this.errors.push(error);
  }

  /** Each file is read once, however many ways ask it. */
  #read(path: string): string | null {
    const known = this.#texts.get(path);
    if (known !== undefined) return known;
    let text: string | null = null;
    try {
      text = readBounded(this.#locate(path), MOST_BYTES.questions).toString('utf8');
      this.files.push(path);
    } catch (error) {
      this.#say(`${path}: ${fileProblem(error)}`);
    }
    this.#texts.set(path, text);
    return text;
  }
}
