/** What a connected agent does while it asks for no work: by its name in heartbeats, what people are told. */
export const BEFORE_WORK = {
  measuring: 'measures its roofs first, which takes about a minute',
  looking: 'looks again for runners that gave no answer',
} as const;

export type BeforeWork = keyof typeof BEFORE_WORK;

/**
 * @param state of an agent, as its heartbeats have it.
 * @returns what it does before it asks for work; null = it asks, works or leaves.
 */
export function beforeWorkOf(state: string): BeforeWork | null {
  return Object.hasOwn(BEFORE_WORK, state) ? (state as BeforeWork) : null;
}
