import { describe, expect, test } from 'vitest';
import { COLUMNS, unwrappedComments, wrapComments } from '../../../scripts/wrap-comments.js';

const words = (count: number, word = 'words') => Array.from({ length: count }, () => word).join(' ');
const wrap = (text: string) => wrapComments('a.ts', text);

/** A file with comments of every kind that are too long. */
const LONG = `// ${words(30)}
// that goes on.
const url = '// ${words(30)}';

/** Short. @returns ${words(30)} */
function f(): string {
  // ${words(25)}
  return \`
    // ${words(30)}
  \`;
}

/**
 * ${words(30)}
 *
 * - ${words(30)}
 *   and its second line
 * @param a ${words(30)}
 * @param b short
 */
export const g = f;
`;

describe('comments are wrapped', () => {
  test('at 110 columns, and not again', () => {
    const wrapped = wrap(LONG);
    const comments = wrapped.split('\n').filter((line) => !line.includes("'//") && !/^ {4}\/\//.test(line));
    expect(Math.max(...comments.map(({ length }) => length))).toBeLessThanOrEqual(COLUMNS);
    expect(wrap(wrapped)).toBe(wrapped);
    expect(unwrappedComments('a.ts', LONG)).toEqual(['a.ts:1', 'a.ts:5', 'a.ts:7', 'a.ts:13']);
    expect(unwrappedComments('a.ts', wrapped)).toEqual([]);
    // No word is lost, and none is added.
    const letters = (text: string) => text.replace(/[\s/*]/g, '');
    expect(letters(wrapped)).toBe(letters(LONG));
  });

  test('strings and templates that look like comments stay', () => {
    expect(wrap(LONG)).toContain(`const url = '// ${words(30)}';`);
    expect(wrap(LONG)).toContain(`\n    // ${words(30)}\n`);
  });

  test('a tag begins a line, and its text goes on with two spaces', () => {
    const line = words(17);
    expect(wrap(LONG)).toContain(
      `/**\n * Short.\n * @returns ${words(16)}\n *   ${words(14)}\n */\nfunction`,
    );
    expect(wrap(LONG)).toContain(` * - ${line}\n *   ${words(13)} and its second line\n`);
    expect(wrap(LONG)).toContain('\n * @param b short\n */');
  });

  test.each([
    ['a directive', `// biome-ignore lint/a: ${words(30)}`],
    ['an address', `// https://example.org/${'x'.repeat(120)}`],
    ['a table', `/**\n * | ${words(30)} |\n */`],
    ['a fenced block', `/**\n * \`\`\`\n * ${words(30)}\n * \`\`\`\n */`],
    ['an indented block', `/**\n *     ${words(30)}\n */`],
    ['a comment beside code', `const a = 1; // ${words(30)}`],
    ['what is short enough', `/** ${words(17)} */`],
  ])('%s stays as it is', (_, text) => {
    expect(wrap(`${text}\n`)).toBe(`${text}\n`);
  });

  test('code in backquotes is not broken, and no line begins with what would open a list', () => {
    const code = `\`${words(4, 'code')}\``;
    expect(wrap(`// ${words(16)} ${code}\n`)).toBe(`// ${words(16)}\n// ${code}\n`);
    expect(wrap(`// ${words(17)} worda - dash\n`)).toBe(`// ${words(17)}\n// worda - dash\n`);
  });

  test('text of JSX with two slashes in it is no comment', () => {
    const text = `const a = (\n  <p>\n    // ${words(30)}\n  </p>\n);\n`;
    expect(wrapComments('a.tsx', text)).toBe(text);
  });
});
