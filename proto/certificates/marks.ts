import type { Scope } from '../security.js';

/**
 * What a certificate says of its holder's rights. A certificate of another authority's tools says nothing:
 * then only the configuration does.
 */
export interface Marks {
  /** The most that its holder may do; null = it says nothing. */
  readonly scopes: readonly string[] | null;
  /** Namespaces that its holder may use; null = it says nothing. */
  readonly namespaces: readonly string[] | null;
}

export const NO_MARKS: Marks = { scopes: null, namespaces: null };

const SCOPE = 'scope:';
const NAMESPACE = 'namespace:';

/** @returns the organizational units that say it in a certificate. */
export function marksOf({
  scopes,
  namespaces,
}: {
  readonly scopes: readonly Scope[] | null;
  readonly namespaces: readonly string[] | null;
}): string[] {
  return [
    ...(scopes ?? []).map((scope) => `${SCOPE}${scope}`),
    ...(namespaces ?? []).map((name) => `${NAMESPACE}${name}`),
  ];
}

/** @param units the organizational units of a certificate, as the TLS library gives them. */
export function readMarks(units: string | readonly string[] | undefined): Marks {
  const all = units === undefined ? [] : typeof units === 'string' ? [units] : units;
  const marksWith = (prefix: string) => {
    const found = all.filter((unit) => unit.startsWith(prefix)).map((unit) => unit.slice(prefix.length));
    return found.length === 0 ? null : found;
  };
  return { scopes: marksWith(SCOPE), namespaces: marksWith(NAMESPACE) };
}
