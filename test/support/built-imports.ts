/**
 * What a script takes from `dist/`, as written: the built module by its path inside `dist/`, and the names;
 * none of a dynamic import.
 */
export interface BuiltImport {
  readonly module: string;
  readonly names: readonly string[];
}

const STATIC = /import\s+\{([^}]*)\}\s+from\s+['"](?:\.\.?\/)+dist\/([^'"]+)['"]/g;
const OTHER = /(?:from|import\s*\(?)\s*['"](?:\.\.?\/)+dist\/([^'"]+)['"]/g;

/** @returns every import from `dist/` in the text of a script. */
export function builtImports(text: string): BuiltImport[] {
  const named = [...text.matchAll(STATIC)].map(([, names = '', module = '']) => ({
    module,
    names: names.split(',').flatMap((name) => name.trim().split(/\s+as\s+/)[0] || []),
  }));
  const others = [...text.matchAll(OTHER)].map(([, module = '']) => ({ module, names: [] }));
  return [...named, ...others.filter(({ module }) => named.every((one) => one.module !== module))];
}
