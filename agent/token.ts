let token: string | undefined;

/**
 * Takes the token out of this process's environment, so that nothing which it starts inherits it: servers and
 * engines are programs of others.
 * @returns it, however often it is asked for; undefined = there was none.
 */
export function takeToken(): string | undefined {
  token = process.env.RIDGE_TOKEN ?? token;
  delete process.env.RIDGE_TOKEN;
  return token;
}
