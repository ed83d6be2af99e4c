import { createHash, randomBytes } from 'node:crypto';
import type { Message } from '../../core/serving/tokenizer.js';

/** @returns a word that no other run has: prompts that are made with it are known to no cache, whoever asked what before. */
export function newSalt(): string {
  return randomBytes(8).toString('hex');
}

/**
 * @returns the line that prompts which somebody wrote begin with, so that no cache knows them from another run; all of one run have the same, and
 *   share what they shared. AIPerf's `--cache-bust` writes it likewise.
 */
export function markerOf(salt: string): string {
  return `[rid:${createHash('sha256').update(salt).digest('hex').slice(0, 8)}]\n\n`;
}

/** @returns a prompt, or the messages of a chat, behind a marker. */
export function markedPrompt<P extends string | readonly Message[]>(prompt: P, marker: string) {
  if (typeof prompt === 'string') return `${marker}${prompt}`;
  return prompt.map((message, i) => (i === 0 ? { ...message, content: marker + message.content } : message));
}
