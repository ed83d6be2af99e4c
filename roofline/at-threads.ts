/** The roofs for the highest number of threads that is at most `threads`, or else for the lowest number. */
export function atThreads<T extends { readonly threads: number }>(roofs: readonly T[], threads: number): T[] {
  const counts = roofs.map((roof) => roof.threads);
  const fitting = counts.filter((count) => count <= threads);
  const chosen = fitting.length > 0 ? Math.max(...fitting) : Math.min(...counts);
  return roofs.filter((roof) => roof.threads === chosen);
}
