import type { TaskDefinition } from './definition.js';
import type { TaskItem, TaskItems } from './items.js';

export interface Task {
  readonly name: string;
  readonly spec: TaskDefinition['spec'];
  /** With the solved examples already in front of each prompt. */
  readonly items: readonly TaskItem[];
  /** Of the file, not asked. */
  readonly leftOut: TaskItems['leftOut'];
}

/**
 * Puts solved examples before each prompt.
 * @param examples from a file of their own; null = the first items of the task, which are then not scored.
 * @returns the task, or one sentence why there are too few examples or nothing is left to ask.
 */
export function withExamples(
  task: TaskDefinition,
  { items, leftOut }: TaskItems,
  examples: readonly TaskItem[] | null,
): Task | string {
  const { fewShot } = task.spec;
  if (fewShot === undefined) return { name: task.name, spec: task.spec, items, leftOut };
  const { count, separator } = fewShot;
  const shown = (examples ?? items).slice(0, count);
  const asked = examples === null ? items.slice(count) : items;
  if (shown.length < count) return `fewShot asks for ${count} examples, and there are ${shown.length}`;
  if (asked.length === 0) return 'every item is an example, and none is left to ask';
  const solved = shown.map((item) => `${item.prompt}${solution(item)}${separator}`).join('');
  return {
    name: task.name,
    spec: task.spec,
    leftOut,
    items: asked.map((item) => ({ ...item, prompt: `${solved}${item.prompt}` })),
  };
}

/** Options carry their own blank; a generated answer gets one unless the prompt ends with space. */
function solution({ choices, references, prompt }: TaskItem): string {
  const answer = references[0] ?? '';
  return choices !== null || /\s$/.test(prompt) ? answer : ` ${answer}`;
}
