/** What names of namespaces look like. */
export const NAMESPACE = /^[a-z0-9][a-z0-9._-]{0,62}$/;

/** The same for a right, in which a final `*` stands for any rest. */
export const NAMESPACES = /^(?:[a-z0-9][a-z0-9._-]{0,62}\*?|\*)$/;
