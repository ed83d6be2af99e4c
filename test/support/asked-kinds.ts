import { dirname, join, normalize } from 'node:path';

/** A kind of runner, and the files in which the same word is the name of something else. */
export interface KindWord {
  readonly kind: string;
  /** Prefixes of paths. */
  readonly elsewhere: readonly string[];
}

/** Where a runner is at home: there, and only there, its name is written. */
const HOMES = ['core/runners/', 'engines/runners/'];

/**
 * Finds shared code that asks which runner it is, or reaches into the folder of one: the answer belongs into
 * the runner's description (core/runners/<kind>.ts) or its room (engines/runners/<kind>/).
 * @param files text by path from the root.
 * @returns a sentence for each offence.
 */
export function askedKinds(files: ReadonlyMap<string, string>, words: readonly KindWord[]): string[] {
  const wrong: string[] = [];
  for (const [path, text] of files) {
    if (HOMES.some((home) => path.startsWith(home))) continue;
    const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
    for (const { kind, elsewhere } of words) {
      const named = new RegExp(`(['"\`])${kind}\\1`).test(code);
      if (named && !elsewhere.some((prefix) => path.startsWith(prefix))) {
        wrong.push(`${path} names the runner ${kind}: ask its description in core/runners, or its room`);
      }
    }
    for (const [, target = ''] of code.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)) {
      const to = normalize(join(dirname(path), target));
      const kind = words.find(
        (one) => to === `core/runners/${one.kind}.js` || to.startsWith(`engines/runners/${one.kind}/`),
      );
      if (kind !== undefined)
        wrong.push(`${path} imports ${target}, which is of the runner ${kind.kind} alone`);
    }
  }
  return wrong;
}
