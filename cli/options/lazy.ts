/**
 * What a command does, loaded when it is asked for.
 * @param load the function that takes the command's arguments and options; a number that it returns is the
 *   exit code.
 */
export function lazy<A extends readonly unknown[]>(load: () => Promise<(...args: A) => unknown>) {
  return async (...args: [...A, unknown]): Promise<void> => {
    // The last is the command itself; that the others are those of the function, commander alone knows.
    const result = await (await load())(...(args.slice(0, -1) as unknown as A));
    if (typeof result === 'number') process.exitCode = result;
  };
}
