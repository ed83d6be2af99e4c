import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const CODE = /\.(ts|tsx|mjs|cpp|h|hpp|cu|cuh|c)$/;
const GENERATED = /\/gen\//;
/** Pages that are written from data or code. */
const GENERATED_PAGES = ['docs/figures.md', 'docs/metrics.md'];
/** Folders at the top that hold code of the product. */
const OUTSIDE = ['test', 'docs', 'node_modules'];

/**
 * What a reader can hold in mind at once; test/architecture.test.ts fails beyond. All other sizes are only
 * printed (`bench:size`).
 */
export const MOST_LINES = { ofFunction: 80, ofFile: 530 } as const;

/** A function and how many lines it has. */
export interface LongFunction {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly lines: number;
}

/** How much there is, counted over what git tracks. */
export interface Size {
  /** Lines of code by room, generated code left out. */
  readonly rooms: ReadonlyMap<string, number>;
  readonly tests: number;
  readonly benches: number;
  readonly schemas: number;
  /** Words of documentation that somebody wrote: what has a letter or a digit. */
  readonly words: number;
}

/** Tables that tests and scripts write into a page. */
const WRITTEN_TABLES = /<!-- [\w ]+ -->\n[\s\S]*?<!-- end -->/g;

const wordsOf = (page: string): number =>
  (page.replaceAll(WRITTEN_TABLES, '').match(/\S*[\p{L}\p{N}]\S*/gu) ?? []).length;

/** @returns the paths of what git tracks in a checkout. */
export function trackedFiles(root: string): string[] {
  return execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
}

/** @returns whether somebody writes that file, and it is code. */
export const isWrittenCode = (file: string): boolean => CODE.test(file) && !GENERATED.test(file);

/** @returns the lines of a text file. */
export function linesOf(root: string, file: string): number {
  return readFileSync(join(root, file), 'utf8').split('\n').length - 1;
}

/** @param root of a checkout or an unpacked commit. @param files of it that git tracks. */
export function sizeOf(root: string, files: readonly string[]): Size {
  const sum = (chosen: readonly string[]) => chosen.reduce((total, file) => total + linesOf(root, file), 0);
  const code = files.filter(isWrittenCode);
  const roomOf = (file: string) => file.split('/')[0]!;
  const rooms = [...new Set(code.filter((file) => file.includes('/')).map(roomOf))].filter(
    (room) => !OUTSIDE.includes(room),
  );
  const pages = files.filter((file) => file.endsWith('.md') && !GENERATED_PAGES.includes(file));
  return {
    rooms: new Map(rooms.map((room) => [room, sum(code.filter((file) => roomOf(file) === room))])),
    tests: sum(code.filter((file) => file.startsWith('test/') && !file.startsWith('test/bench/'))),
    benches: sum(code.filter((file) => file.startsWith('test/bench/'))),
    schemas: sum(files.filter((file) => file.startsWith('schemas/'))),
    words: pages.reduce((total, file) => total + wordsOf(readFileSync(join(root, file), 'utf8')), 0),
  };
}

/** @returns the functions of TypeScript files with more lines than that, the longest first. */
export function longFunctions(root: string, files: readonly string[], most: number): LongFunction[] {
  return files
    .flatMap((file) => {
      const source = ts.createSourceFile(
        file,
        readFileSync(join(root, file), 'utf8'),
        ts.ScriptTarget.Latest,
        true,
      );
      const found: LongFunction[] = [];
      const visit = (node: ts.Node): void => {
        if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
          const [from, to] = [node.getStart(source), node.getEnd()].map(
            (at) => source.getLineAndCharacterOfPosition(at).line,
          ) as [number, number];
          const lines = to - from + 1;
          if (lines > most) found.push({ file, line: from + 1, name: nameOf(node), lines });
        }
        ts.forEachChild(node, visit);
      };
      visit(source);
      return found;
    })
    .sort((a, b) => b.lines - a.lines);
}

function nameOf(node: ts.SignatureDeclaration): string {
  const { name, parent } = node;
  if (name !== undefined) return name.getText();
  return ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) ? parent.name.getText() : '(…)';
}
