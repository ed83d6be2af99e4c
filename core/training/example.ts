import { z } from 'zod';

const messageSchema = z.object({
  role: z.string().min(1),
  content: z.string(),
  /** 0 = an answer that is read and not learnt, as OpenAI's files have it. */
  weight: z.union([z.literal(0), z.literal(1)]).optional(),
});
const messagesSchema = z.array(messageSchema).min(1);

export type ExampleMessage = z.infer<typeof messageSchema>;

/** A prompt with the answer that is learnt; of the prompt nothing is. */
export type Example =
  | { readonly of: 'text'; readonly prompt: string; readonly completion: string }
  /** Every message of the assistant from `from` on is an answer. */
  | { readonly of: 'chat'; readonly messages: readonly ExampleMessage[]; readonly from: number };

/** @returns whether a data set is of prompts with answers, one JSON record a line; any other is a text. */
export const isExamples = (path: string): boolean => path.toLowerCase().endsWith('.jsonl');

const SHAPES: readonly z.ZodType<Example>[] = [
  z
    .object({ prompt: z.string(), completion: z.string().min(1) })
    .transform(({ prompt, completion }) => ({ of: 'text', prompt, completion })),
  z.object({ prompt: messagesSchema, completion: messagesSchema }).transform(({ prompt, completion }) => ({
    of: 'chat',
    messages: [...prompt, ...completion],
    from: prompt.length,
  })),
  z.object({ messages: messagesSchema }).transform(({ messages }) => ({ of: 'chat', messages, from: 0 })),
];

/**
 * Reads a line of prompts with answers, in the shapes that TRL and OpenAI's files have: `prompt` and
 * `completion`, each a text or a list of messages, or `messages`. Other keys are left alone.
 * @returns the example, or one sentence why it is none.
 */
export function readExample(line: string): Example | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'the line is not JSON';
  }
  const keys = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  const shape =
    SHAPES[
      keys.includes('messages') ? 2 : Array.isArray((value as Record<string, unknown>)?.prompt) ? 1 : 0
    ]!;
  if (!keys.includes('messages') && !(keys.includes('prompt') && keys.includes('completion')))
    return `it has neither prompt and completion nor messages${keys.length === 0 ? '' : ` (but ${keys.slice(0, 6).join(', ')}): rename its keys`}`;
  const read = shape.safeParse(value);
  if (!read.success) {
    const [issue] = read.error.issues;
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  }
  const example = read.data;
  if (example.of === 'chat' && !example.messages.some((_, i) => isLearnt(example, i)))
    return 'it has no message of the assistant to learn';
  return example;
}

/** Whether a message of a chat is an answer that is learnt. */
export function isLearnt({ messages, from }: Extract<Example, { of: 'chat' }>, at: number): boolean {
  const { role, weight } = messages[at]!;
  return at >= from && role === 'assistant' && weight !== 0;
}
