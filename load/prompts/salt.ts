import { createHash, randomBytes } from 'node:crypto';
import type { Message } from '../../core/serving/tokenizer.js';

/** @returns a random word. No cache knows prompts that are made with it, whatever was asked before. */
export function newSalt(): string {
  return randomBytes(8).toString('hex');
}

/**
 * @returns the first line of prompts that come from a file, so that no cache knows them from another run. All
 *   prompts of a run have the same line, so they still share what they shared. AIPerf's `--cache-bust` writes
 *   the same.
 */
export function markerOf(salt: string): string {
  return `[rid:${createHash('sha256').update(salt).digest('hex').slice(0, 8)}]\n\n`;
}

/** @returns a prompt, or the messages of a chat, behind a marker. */
export function markedPrompt<P extends string | readonly Message[]>(prompt: P, marker: string) {
  if (typeof prompt === 'string') return `${marker}${prompt}`;
  return prompt.map((message, i) => (i === 0 ? { ...message, content: marker + message.content } : message));
}
