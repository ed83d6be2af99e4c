import { createHash, randomBytes } from 'node:crypto';
import type { Message } from '../../core/serving/tokenizer.js';

/** @returns a random word, so that no cache has prompts that are made with it. */
export function newSalt(): string {
  return randomBytes(8).toString('hex');
}

/**
 * @returns the first line of prompts that come from a file, so that no cache has them from another run. All
 *   prompts of a run have the same line, so prefixes that they share stay shared. AIPerf's `--cache-bust`
 *   does the same.
 */
export function markerOf(salt: string): string {
  return `[rid:${createHash('sha256').update(salt).digest('hex').slice(0, 8)}]\n\n`;
}

/** @returns a prompt, or the messages of a chat, with the marker before it. */
export function markedPrompt<P extends string | readonly Message[]>(prompt: P, marker: string) {
  if (typeof prompt === 'string') return `${marker}${prompt}`;
  return prompt.map((message, i) => (i === 0 ? { ...message, content: marker + message.content } : message));
}
