import type { ItemRecord } from './records.js';
import { fill, textOf, valueAt } from './template.js';

/** A piece of a program, or a place that is filled when the answer is there. */
export type ProgramPart = string | { readonly place: 'answer' | 'token' };

/** How a scorer runs an answer. */
export interface Program {
  /** What the answer becomes a part of. */
  readonly parts: readonly ProgramPart[];
  /**
   * Python that calls the answer's functions from another process; null = whatever tests there are stand
   * among the parts.
   */
  readonly tests: string | null;
}

/** An answer that runs as it stands. */
const ANSWER_ALONE: readonly ProgramPart[] = [{ place: 'answer' }];

const PLACES = /(?<!\{)\{(answer|token)\}(?!\})/;

/**
 * @param spec templates of a task: `program` with places, and `tests`, which know no answer.
 * @returns the program with the fields of its record filled in, whatever they hold; undefined = the task runs
 *   none; null = a field is missing, and it was said.
 */
export function programOf(
  spec: { readonly program?: string | undefined; readonly tests?: string | undefined },
  record: ItemRecord,
  say: (message: string) => null,
): Program | undefined | null {
  if (spec.program === undefined && spec.tests === undefined) return undefined;
  let complete = true;
  const filled = (template: string, of: 'program' | 'tests') =>
    fill(template, (name) => {
      const value = textOf(valueAt(record, name));
      if (value === null) {
        say(`the field ${name} is missing, and the ${of} asks for it`);
        complete = false;
      }
      return value;
    });
  // Odd pieces are the names of places.
  const pieces = spec.program?.split(PLACES).map((piece, i): ProgramPart => {
    return i % 2 === 1 ? { place: piece as 'answer' | 'token' } : filled(piece, 'program');
  });
  const parts = pieces?.filter((part) => part !== '') ?? ANSWER_ALONE;
  const tests = spec.tests === undefined ? null : filled(spec.tests, 'tests');
  return complete ? { parts, tests } : null;
}

/** A block between lines of ```; models that chat write their code so. */
const FENCED = /```[^\n]*\n([\s\S]*?)```/;

/** @returns the code of an answer: its first fenced block, else the whole. */
function codeIn(answer: string): string {
  return FENCED.exec(answer)?.[1] ?? answer;
}

/** @returns the program that an answer makes. @param program left out = the answer is the program. */
export function programWith(program: Program | undefined, answer: string, token: string): string {
  const places = { answer: codeIn(answer), token };
  return (program?.parts ?? ANSWER_ALONE)
    .map((part) => (typeof part === 'string' ? part : places[part.place]))
    .join('');
}

/** @returns whether a program has passed only where it prints the token last. */
export function asksToken(program: Program | undefined): boolean {
  return program?.parts.some((part) => typeof part !== 'string' && part.place === 'token') ?? false;
}
