/** What an agent does that is connected and asks for no work: how its heartbeats call it, and how people are told. */
export const BEFORE_WORK = {
  measuring: 'measures its roofs first, which takes about a minute',
  looking: 'looks again for runners that gave no answer',
} as const;

export type BeforeWork = keyof typeof BEFORE_WORK;

/** @returns what an agent does first by the state that it reports; null = it asks for work, or leaves. */
export function beforeWorkOf(state: string): BeforeWork | null {
  return Object.hasOwn(BEFORE_WORK, state) ? (state as BeforeWork) : null;
}
