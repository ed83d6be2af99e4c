import { fieldsOf, textIn } from '../config-json.js';

/**
 * @returns the text of a special token, which is written as itself or as an object with it; null = it is
 *   none.
 */
export function contentOf(token: unknown): string | null {
  return typeof token === 'string' ? token : textIn(fieldsOf(token), 'content');
}
