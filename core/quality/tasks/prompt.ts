import type { Message } from '../../serving/tokenizer.js';

/**
 * What a model reads: a text as it stands, or messages for the model's own chat template. Where the last
 * message is the assistant's, the model goes on with it.
 */
export type Prompt = string | readonly Message[];

/** @returns a prompt for whoever reads it in place of the model, such as a judge. */
export function plainPrompt(prompt: Prompt): string {
  return typeof prompt === 'string' ? prompt : prompt.map(({ content }) => content).join('\n\n');
}
