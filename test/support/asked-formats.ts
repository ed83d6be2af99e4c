import { dirname, join, normalize } from 'node:path';

/** How files of a format are known. */
export interface FormatSigns {
  readonly name: string;
  /** Of files' names: `.gguf`. */
  readonly ending: string;
  readonly magic: string | null;
}

/** Where what a file is may be told by its name or its first bytes. */
const HOMES = ['formats/', 'core/models/formats.ts'];

/**
 * Finds code that tells what a file is by itself, or reads a format's files past its entry: names that are
 * written, and sentences that mention one, are no offences.
 * @param files text by path from the root.
 * @param works beginnings of paths whose work is on the tensors and keys of a format.
 * @returns a sentence for each offence.
 */
export function askedFormats(
  files: ReadonlyMap<string, string>,
  formats: readonly FormatSigns[],
  works: readonly string[],
): string[] {
  const wrong: string[] = [];
  for (const [path, text] of files) {
    if (HOMES.some((home) => path.startsWith(home))) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
    for (const { name, ending, magic } of formats) {
      const signs = magic === null ? [ending] : [ending, magic];
      if (signs.some((sign) => compares(code, sign)))
        wrong.push(
          `${path} tells by itself what is ${name}: ask formatOf, or core/models/formats.ts of a name`,
        );
    }
    for (const [, target = ''] of code.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      const to = normalize(join(dirname(path), target));
      const format = formats.find(({ name }) => to.startsWith(`formats/${name}/`));
      if (format !== undefined && !works.some((prefix) => path.startsWith(prefix)))
        wrong.push(`${path} imports ${target}: ask the entry that formatOf finds`);
    }
  }
  return wrong;
}

/** The sign alone as a text, in a pattern, or at the end of what something is searched for. */
function compares(code: string, sign: string): boolean {
  const plain = sign.replace('.', '\\.');
  const alone = new RegExp(`(['"\`])${plain}\\1`);
  const pattern = new RegExp(`[\\\\^]${plain}`);
  const searched = new RegExp(`(?:startsWith|endsWith|includes|indexOf)\\(\\s*['"\`][^'"\`]*${plain}['"\`]`);
  return [alone, pattern, searched].some((one) => one.test(code));
}
