import type { ItemRecord } from './records.js';
import { fill, textOf, valueAt } from './template.js';

/** A piece of a program, or a place that is filled when the answer is there. */
export type ProgramPart = string | { readonly place: 'answer' | 'token' };

const PLACES = /(?<!\{)\{(answer|token)\}(?!\})/;

/** @returns a program with the fields of its record filled in, whatever they hold; null = one is missing, and it was said. */
export function programOf(
  template: string,
  record: ItemRecord,
  say: (message: string) => null,
): readonly ProgramPart[] | null {
  let complete = true;
  // Odd pieces are the names of places.
  const parts = template.split(PLACES).map((piece, i): ProgramPart => {
    if (i % 2 === 1) return { place: piece as 'answer' | 'token' };
    return fill(piece, (name) => {
      const value = textOf(valueAt(record, name));
      if (value === null) {
        say(`the field ${name} is missing, and the program asks for it`);
        complete = false;
      }
      return value;
    });
  });
  return complete ? parts.filter((part) => part !== '') : null;
}

/** A block between lines of ```; models that chat write their code so. */
const FENCED = /```[^\n]*\n([\s\S]*?)```/;

/** @returns the code of an answer: its first fenced block, else the whole. */
export function codeIn(answer: string): string {
  return FENCED.exec(answer)?.[1] ?? answer;
}

/** @returns the program that an answer makes. @param parts left out = the answer is the program. */
export function programWith(
  parts: readonly ProgramPart[] | undefined,
  answer: string,
  token: string,
): string {
  const places = { answer: codeIn(answer), token };
  return (parts ?? [{ place: 'answer' as const }])
    .map((part) => (typeof part === 'string' ? part : places[part.place]))
    .join('');
}
