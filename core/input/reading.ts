/** What was read of a text, or in one sentence why it is none. */
export type Reading<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly message: string };

export const refused = (message: string) => ({ ok: false, message }) as const;
