import { FailureError, failed } from '../../core/errors.js';
import { fileProblem } from '../../core/input/file-problem.js';
import { type Example, isLearnt, readExample } from '../../core/training/example.js';
import type { TrainableModel } from '../../engines/runners/trainer.js';
import { numberedLines } from '../lines/lines.js';

/** An example as tokens, and which of them are the answer. */
export interface CutExample {
  readonly tokens: Int32Array;
  /** 1 where a token is learnt. */
  readonly learnt: Uint8Array;
}

/**
 * Reads prompts with answers, one JSON record a line.
 * @throws FailureError `impossible-combination`, as `file:line …`.
 */
export function readExamples(path: string): Example[] {
  const fail = (message: string): never => {
    throw failed('impossible-combination', message);
  };
  const examples: Example[] = [];
  try {
    for (const [line, number] of numberedLines(path)) {
      const example = readExample(line);
      if (typeof example === 'string') return fail(`${path}:${number}: ${example}`);
      examples.push(example);
    }
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return fail(`${path} cannot be read: ${fileProblem(error)}`);
  }
  return examples.length > 0 ? examples : fail(`${path}: there is no example`);
}

/**
 * Cuts an example into the tokens that a model reads when it is asked. A text begins with the vocabulary's
 * begin token and ends with its end token, which is learnt; a chat is as the model's template writes it, and
 * what the template writes behind an answer is learnt with it.
 * @returns one sentence where the model has no template, or one that writes a chat otherwise when it goes on.
 */
export function cutExample(example: Example, model: TrainableModel): CutExample | string {
  if (example.of === 'text') return cutText(example.prompt, example.completion, model);
  const { chat } = model;
  if (chat === null)
    return 'the model has no chat template, and the example is a chat: write prompt and completion as texts';
  const { messages } = example;
  try {
    const text = chat.written(messages);
    const tokens = chat.tokens(text);
    const learnt = new Uint8Array(tokens.length);
    for (const at of messages.keys()) {
      if (!isLearnt(example, at)) continue;
      const [asked, answered] = [chat.render(messages.slice(0, at)), chat.written(messages.slice(0, at + 1))];
      if (!answered.startsWith(asked) || !text.startsWith(answered))
        return `the chat template writes message ${at + 1} otherwise when the chat goes on: end the chat with it`;
      learnt.fill(1, common(tokens, chat.tokens(asked)), common(tokens, chat.tokens(answered)));
    }
    return { tokens, learnt };
  } catch (error) {
    if (error instanceof FailureError) throw error;
    return `the chat template refuses it: ${(error as Error).message}`;
  }
}

/** Cut as one text: what a vocabulary puts before a text alone would stand in its middle. */
function cutText(prompt: string, completion: string, model: TrainableModel): CutExample {
  const whole = model.tokenize(prompt + completion);
  const begin = model.beginToken === null ? [] : [model.beginToken];
  const end = model.endToken === null ? [] : [model.endToken];
  const tokens = Int32Array.from([...begin, ...whole, ...end]);
  return {
    tokens,
    learnt: new Uint8Array(tokens.length).fill(1, begin.length + common(whole, model.tokenize(prompt))),
  };
}

/** How many tokens two texts have in common at their beginning. */
function common(one: Int32Array, other: Int32Array): number {
  const at = other.findIndex((token, i) => token !== one[i]);
  return at < 0 ? other.length : at;
}
