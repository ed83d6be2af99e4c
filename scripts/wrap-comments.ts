import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';

/** Biome wraps code at this column (biome.json) and leaves comments as they are. */
export const COLUMNS = 110;

/** Directives have to stay on one line. */
const DIRECTIVE = /^(?:biome-|eslint-|@ts-|v8 |c8 |istanbul |#|<|\/)/;
const FENCE = /^\s*```/;
/** What begins something of its own: a tag, an item of a list, a row of a table, a heading, a quotation. */
const OPENING = /^(?:@\w|[-*+] |\d+[.)] |\||#+ |> )/;
const TAG_INSIDE = / (?=@(?:param|returns|throws)\b)/;
/** Rows of tables and headings are not wrapped. */
const KEPT = /^(?:\||#+ )/;

/** A comment that has its lines for itself. */
interface Comment {
  readonly from: number;
  readonly to: number;
  readonly indent: string;
  readonly kind: 'line' | 'block' | 'doc';
  /** Its text, line by line, without the signs of a comment. */
  readonly lines: readonly string[];
}

/** @returns the ranges of all comments of a TypeScript file, in their order. */
function commentRanges(file: string, text: string): ts.CommentRange[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found = new Map<number, ts.CommentRange>();
  const visit = (node: ts.Node) => {
    if (node.kind === ts.SyntaxKind.JsxText) return;
    const children = node.getChildren(source).filter((child) => !ts.isJSDoc(child));
    if (children.length > 0) return children.forEach(visit);
    for (const range of ts.getLeadingCommentRanges(text, node.pos) ?? []) found.set(range.pos, range);
    // Behind a tag of JSX stands text, in which two slashes begin no comment.
    if (ts.isJsxOpeningLikeElement(node.parent) || ts.isJsxClosingElement(node.parent)) return;
    for (const range of ts.getTrailingCommentRanges(text, node.end) ?? []) found.set(range.pos, range);
  };
  visit(source);
  return [...found.values()].sort((a, b) => a.pos - b.pos);
}

const lineStart = (text: string, at: number) => text.lastIndexOf('\n', at - 1) + 1;

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** @returns a comment that stands alone on its lines; null for one beside code, or one of another form. */
function readComment(text: string, { pos, end, kind }: ts.CommentRange): Comment | null {
  const indent = text.slice(lineStart(text, pos), pos);
  if (indent.trim() !== '' || text.slice(end, lineEnd(text, end)).trim() !== '') return null;
  const whole = text.slice(pos, end);
  if (kind === ts.SyntaxKind.SingleLineCommentTrivia)
    return { from: pos, to: end, indent, kind: 'line', lines: [whole.slice(2).replace(/^ /, '')] };
  const [first = '', ...rest] = whole.replace(/\s*\*\/$/, '').split('\n');
  const isDoc = first.startsWith('/**');
  if (!rest.every((line) => /^\s*\*(?: |$)/.test(line))) return null;
  const begun = first.slice(isDoc ? 3 : 2).trim();
  const lines = rest.map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  if (begun !== '') lines.unshift(begun);
  return { from: pos, to: end, indent, kind: isDoc ? 'doc' : 'block', lines };
}

/** Lines of `//` that follow each other, with the same indentation, are one comment. */
function joinLineComments(text: string, comments: readonly Comment[]): Comment[] {
  const joined: Comment[] = [];
  for (const comment of comments) {
    const last = joined.at(-1);
    const follows =
      last?.kind === 'line' &&
      comment.kind === 'line' &&
      last.indent === comment.indent &&
      text.slice(last.to, comment.from) === `\n${comment.indent}` &&
      ![last.lines.at(-1)!, comment.lines[0]!].some((line) => DIRECTIVE.test(line));
    if (follows)
      joined[joined.length - 1] = { ...last, to: comment.to, lines: [...last.lines, ...comment.lines] };
    else joined.push(comment);
  }
  return joined;
}

/**
 * @returns the words of a text. Code in backquotes is one, and so is a word with a sign behind it that opens
 *   something.
 */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  let isCode = false;
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const opens = OPENING.test(`${word} `) || DIRECTIVE.test(word);
    if (words.length > 0 && (isCode || opens)) words[words.length - 1] += ` ${word}`;
    else words.push(word);
    if ((word.split('`').length - 1) % 2 === 1) isCode = !isCode;
  }
  return words;
}

/** @returns lines of at most that many characters, unless a word is longer. */
function wrapWords(words: readonly string[], most: number, hanging: string): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= most)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(last === undefined ? word : `${hanging}${word}`);
  }
  return lines;
}

/** Wraps the paragraphs of a comment that have a line which is too long; the others stay as they are. */
function wrapLines(lines: readonly string[], most: number): string[] {
  const wrapped: string[] = [];
  for (let i = 0; i < lines.length; ) {
    const first = lines[i]!;
    let end = i + 1;
    if (FENCE.test(first)) {
      while (end < lines.length && !FENCE.test(lines[end]!)) end += 1;
      wrapped.push(...lines.slice(i, end + 1));
      i = end + 1;
      continue;
    }
    const lead = /^\s*/.exec(first)![0];
    const isKept = first.trim() === '' || lead.length >= 4 || KEPT.test(first.trim());
    const goesOn = (line: string) => line.trim() !== '' && !OPENING.test(line.trim()) && !FENCE.test(line);
    while (!isKept && end < lines.length && goesOn(lines[end]!)) end += 1;
    const paragraph = lines.slice(i, end);
    const isLong = !isKept && paragraph.some((line) => line.length > most);
    // A tag behind a sentence gets a line of its own.
    const parts = isLong ? paragraph.join(' ').trim().split(TAG_INSIDE) : [];
    for (const part of parts) {
      const [begin = '', ...words] = wordsOf(part);
      const hanging = OPENING.test(part) ? `${lead}  ` : lead;
      wrapped.push(...wrapWords([`${lead}${begin}`, ...words], most, hanging));
    }
    if (!isLong) wrapped.push(...paragraph);
    i = end;
  }
  return wrapped;
}

function written({ kind, indent, lines }: Comment): string {
  const most = COLUMNS - indent.length - 3;
  if (kind === 'line')
    return wrapLines(lines, most)
      .map((line) => `//${line === '' ? '' : ` ${line}`}`)
      .join(`\n${indent}`);
  const wrapped = wrapLines(lines, most).map((line) => ` *${line === '' ? '' : ` ${line}`}`);
  return [kind === 'doc' ? '/**' : '/*', ...wrapped, ' */'].join(`\n${indent}`);
}

const isLong = (text: string, from: number, to: number) =>
  text
    .slice(lineStart(text, from), lineEnd(text, to))
    .split('\n')
    .some((line) => line.length > COLUMNS);

/** A long line that may be one of a comment: most files have none, and need not be parsed. */
const MAY_BE_LONG = new RegExp(`^(?=.{${COLUMNS + 1}})(?:\\s*\\*|.*/[/*])`, 'm');

/** @returns comments that stand alone on their lines, and have one that is too long. */
function longComments(file: string, text: string): Comment[] {
  if (!MAY_BE_LONG.test(text)) return [];
  const alone = commentRanges(file, text).flatMap((range) => readComment(text, range) ?? []);
  return joinLineComments(text, alone).filter(
    ({ from, to, lines }) => isLong(text, from, to) && !DIRECTIVE.test(lines[0]!),
  );
}

/**
 * Wraps comments at 110 columns. Code, directives, tables, headings, fenced or indented code and long words
 * such as URLs stay as they are; items of lists and text behind tags go on with two spaces. A text that is
 * wrapped is not changed by doing it again.
 * @returns the text of the file.
 */
export function wrapComments(file: string, text: string): string {
  return longComments(file, text).reduceRight(
    (changed, comment) => changed.slice(0, comment.from) + written(comment) + changed.slice(comment.to),
    text,
  );
}

/** @returns for each comment that has to be wrapped, where it begins: `file:line`. */
export function unwrappedComments(file: string, text: string): string[] {
  return longComments(file, text)
    .filter((comment) => written(comment) !== text.slice(comment.from, comment.to))
    .map(({ from }) => `${file}:${text.slice(0, from).split('\n').length}`);
}

/** @returns whether comments of a file are wrapped: TypeScript and JavaScript that somebody writes. */
export const hasWrappedComments = (file: string): boolean =>
  /\.(?:tsx?|mjs)$/.test(file) && !/(?:^|\/)gen\//.test(file);

/** @param files all that git tracks, unless some are named on the command line. */
function wrapFiles(root: string, files: readonly string[]): void {
  for (const file of files.filter(hasWrappedComments)) {
    const text = readFileSync(join(root, file), 'utf8');
    const wrapped = wrapComments(file, text);
    if (wrapped !== text) writeFileSync(join(root, file), wrapped);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = join(import.meta.dirname, '..');
  const named = process.argv.slice(2);
  const tracked = () => execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
  wrapFiles(root, named.length > 0 ? named : tracked());
}
