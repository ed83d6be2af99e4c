/** @param names other names of each. @returns what each of them stands for. */
export const aliases = (
  names: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(names).flatMap(([name, others]) => others.map((other) => [other, name])));
