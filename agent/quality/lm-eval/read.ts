import { dirname, resolve } from 'node:path';
import { FailureError } from '../../../core/errors.js';
import { readYaml } from '../../../core/input/yaml.js';
import { type AskingOptions, askedOtherwise, type Ways, waysOf } from '../../../core/quality/tasks/asking.js';
import type { Task } from '../../../core/quality/tasks/few-shot.js';
import { readRecords } from '../../../core/quality/tasks/records.js';
import { boundedWork, CALL_SECONDS } from '../../../formats/bounded-work.js';
import { builtTask, notOtherwise, type Splits } from './build.js';
import { type LmEvalTask, readLmEval } from './definition.js';
import type { Doc } from './templates.js';

export { isLmEval } from './definition.js';

/** Opens a file that a task names. @returns null where it cannot be read, which is said already. */
export type Open = (path: string) => string | null;

const MOST_INCLUDED = 20;

/** What is asked of a file otherwise than it says. */
export type Otherwise = AskingOptions & {
  readonly name?: string | undefined;
  readonly ways?: Ways | undefined;
};

/**
 * Reads a task file of lm-evaluation-harness with what it includes and its data, for each way that it is
 * asked.
 * @returns the tasks, or every problem, one sentence each.
 */
export function readLmEvalTasks(
  path: string,
  text: string,
  { name, ways, ...options }: Otherwise,
  open: Open,
): readonly Task[] | readonly string[] {
  const data = included(path, text, open, 0);
  if (typeof data === 'string') return [data];
  const config = readLmEval({ ...data, ...(name !== undefined && { task: name }) });
  if (!('task' in config)) return config;
  const splits = splitsOf(config, dirname(path), open);
  if (!(splits instanceof Map)) return splits as readonly string[];
  const { ways: all, problems } = waysOf(ways);
  if (problems.length > 0) return problems.map(({ axis, message }) => `ways.${axis}: ${message}`);
  const tasks: Task[] = [];
  const found: string[] = [];
  for (const way of all) {
    const asked = askedOtherwise(options, way.options);
    const wrong = notOtherwise(asked) ?? built(config, splits, way.name, asked, tasks);
    if (wrong !== null && !found.includes(wrong)) found.push(wrong);
  }
  return found.length > 0 ? found : tasks;
}

/** @returns one sentence where it cannot be made. */
function built(
  config: LmEvalTask,
  splits: Splits,
  way: string | null,
  options: AskingOptions,
  into: Task[],
): string | null {
  const records = [...splits.values()].reduce((sum, docs) => sum + docs.length, 0);
  const seconds = CALL_SECONDS + Math.ceil(records / 200);
  try {
    into.push(boundedWork('its templates', () => builtTask(config, splits, way, options), seconds));
    return null;
  } catch (error) {
    if (error instanceof FailureError) return `its templates take longer than ${seconds} s`;
    return error instanceof Error ? error.message : String(error);
  }
}

/** @returns the fields of a file over those of what it includes, or one sentence. */
function included(
  path: string,
  text: string,
  open: Open,
  depth: number,
): Readonly<Record<string, unknown>> | string {
  const called = /!function\s+(\S+)/.exec(text.replace(/^\s*#.*$/gm, ''));
  if (called !== null)
    return `!function ${called[1]} is Python: write what it does as Jinja (docs/examples/tasks has the usual data sets so)`;
  const source = readYaml(text);
  const [problem] = source.diagnostics;
  if (problem !== undefined) return `line ${problem.line}: ${problem.message}`;
  if (typeof source.data !== 'object' || source.data === null || Array.isArray(source.data))
    return 'it is no map of fields';
  const { include, ...own } = source.data as Record<string, unknown>;
  if (include === undefined) return own;
  if (depth >= MOST_INCLUDED)
    return `include goes deeper than ${MOST_INCLUDED} files: does one include itself?`;
  let below: Readonly<Record<string, unknown>> = {};
  for (const one of Array.isArray(include) ? include : [include]) {
    const file = resolve(dirname(path), String(one));
    const said = open(file);
    if (said === null) return `include: ${String(one)} cannot be read`;
    const read = included(file, said, open, depth + 1);
    if (typeof read === 'string') return `${String(one)}: ${read}`;
    below = { ...below, ...read };
  }
  return { ...below, ...own };
}

function splitsOf(config: LmEvalTask, folder: string, open: Open): Splits | readonly string[] {
  const { data_files: files } = config.dataset_kwargs;
  const bySplit = typeof files === 'string' || Array.isArray(files) ? { train: files } : files;
  const problems: string[] = [];
  const splits = new Map<string, readonly Doc[]>();
  for (const [split, named] of Object.entries(bySplit)) {
    const docs = (Array.isArray(named) ? named : [named]).flatMap((file) => {
      const text = open(resolve(folder, file));
      if (text === null) return [];
      return readRecords(text).flatMap(({ place, record }) => {
        if (typeof record !== 'string') return [record];
        problems.push(`${file}: ${place}: ${record}`);
        return [];
      });
    });
    splits.set(split, withEveryField(docs));
  }
  return problems.length > 0 ? problems.slice(0, 100) : splits;
}

/** Data sets are tables: what a record leaves out is there, and empty. */
function withEveryField(docs: readonly Doc[]): readonly Doc[] {
  const fields = [...new Set(docs.flatMap((doc) => Object.keys(doc)))];
  return docs.map((doc) => Object.fromEntries(fields.map((field) => [field, doc[field] ?? null])));
}
