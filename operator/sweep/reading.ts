import { pathText } from '../../core/input/diagnostic.js';
import { orElse } from '../../core/or-else.js';
import { DEFAULT_NAMESPACE, idInNamespace, sweepId } from '../../core/sweep/identity.js';
import { parseSweep } from '../../core/sweep/parse.js';
import { documentOf, type SweepObject, type SweepSpec, specSchema } from './definition.js';

/** What an object asks for, or every reason why that cannot be done. */
export type Reading =
  | {
      readonly ok: true;
      readonly spec: SweepSpec;
      readonly document: string;
      /** The coordinator's namespace that it is in. Two of them that ask for the same share nothing. */
      readonly namespace: string;
      /** As this release makes it; what the coordinator says counts. */
      readonly sweepId: string;
    }
  | { readonly ok: false; readonly sentences: readonly string[] };

/**
 * Reads an object as the coordinator would. Lines and columns mean nothing here: the API server keeps no
 * text.
 * @param coordinatorNamespaces of the coordinator, by namespaces of Kubernetes; a namespace that is not there
 *   is the one of its own name.
 */
export function readObject(
  object: SweepObject,
  coordinatorNamespaces: Readonly<Record<string, string>> = {},
): Reading {
  const checked = specSchema.safeParse(object.spec);
  if (!checked.success) {
    return {
      ok: false,
      sentences: checked.error.issues.map(
        ({ path, message }) =>
          `${pathText(['spec', ...path.map((step) => (typeof step === 'number' ? step : String(step)))])}: ${message}`,
      ),
    };
  }
  // To write JSON takes a stack as deep as the object.
  const document = orElse(() => documentOf(object), null);
  if (document === null) return { ok: false, sentences: ['spec.sweep: it is nested too deeply'] };
  const parsed = parseSweep(document);
  if (parsed.ok) {
    const own = object.metadata.namespace ?? DEFAULT_NAMESPACE;
    const namespace = new Map(Object.entries(coordinatorNamespaces)).get(own) ?? own;
    const id = idInNamespace(sweepId(parsed.sweep), namespace);
    return { ok: true, spec: checked.data, document, namespace, sweepId: id };
  }
  const sentences = parsed.diagnostics.map(
    ({ path, message, suggestion }) =>
      `spec.sweep${path === '' ? '' : `.${path}`}: ${message}${suggestion === null ? '' : `; ${suggestion}`}`,
  );
  return { ok: false, sentences: parsed.more > 0 ? [...sentences, `and ${parsed.more} more`] : sentences };
}
