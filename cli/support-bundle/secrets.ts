/** Stands where a secret was. */
export const TAKEN_OUT = '(taken out)';

/** Shorter ones are words such as `true`, which would be taken out of every sentence. */
const SHORTEST_SECRET = 6;

/** The end of the name of what is a secret: `HF_TOKEN`, `api-key`, `dbPassword`. A `tokenFile` is a path. */
const SECRET_NAME =
  '(?:passwords?|passwd|passphrase|pgpass|pwd|tokens?|secrets?|api[-_]?keys?|access[-_]?keys?(?:[-_]?id)?|private[-_]?keys?|authorization|credentials?|cookies?)';
const NAMED_SECRET = new RegExp(`${SECRET_NAME}$`, 'i');

/** What is a secret by its form, and what stands in its place. */
const FORMS: readonly (readonly [form: RegExp, instead: string])[] = [
  // Also one whose end is missing, and one whose line ends are written as \n.
  [/-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g, TAKEN_OUT],
  // Up to the last @: a password may hold one. Bounds keep the time linear in the text.
  [/([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s"'<>`]{0,4096}@/gi, `$1${TAKEN_OUT}@`],
  [/\b(bearer|basic)(\s+)[\w.~+/=-]{8,}/gi, `$1$2${TAKEN_OUT}`],
  // Ours, and those of Hugging Face, GitHub, OpenAI, Slack and AWS; JSON Web Tokens.
  [/\b(?:ridge_|hf_|gh[oprsu]_|github_pat_|sk-|xox[abprs]-|AKIA|ASIA|eyJ[\w-]+\.)[\w.-]{12,}/g, TAKEN_OUT],
  [
    new RegExp(`(${SECRET_NAME}\\\\?["']?\\s*[=:]\\s*)(?:"[^"]*"|'[^']*'|[^\\s&,;"'}\\]]+)`, 'gi'),
    `$1"${TAKEN_OUT}"`,
  ],
];

/** @returns whether what has this name is a secret. */
export function isSecretName(name: string): boolean {
  return NAMED_SECRET.test(name);
}

/** @returns values of variables of an environment that are secrets by their names. */
export function secretsOf(environment: NodeJS.ProcessEnv): string[] {
  return Object.entries(environment).flatMap(([name, value]) =>
    isSecretName(name) && value !== undefined ? [value] : [],
  );
}

/**
 * @param known secrets, wherever they stand
 * @returns a text without them, and without what is a secret by its form or by the name before it.
 */
export function withoutSecrets(text: string, known: readonly string[]): string {
  const long = known.map((secret) => secret.trim()).filter(({ length }) => length >= SHORTEST_SECRET);
  const clean = long.reduce((rest, secret) => rest.replaceAll(secret, TAKEN_OUT), text);
  return FORMS.reduce((rest, [form, instead]) => rest.replace(form, instead), clean);
}
