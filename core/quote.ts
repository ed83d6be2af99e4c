/** Characters of somebody else's text that a message of ours repeats, unless it asks for more. */
const LONGEST = 80;
/**
 * Control and format characters, lone surrogates, separators: they would break lines or turn the text around.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * @returns what somebody sent as a message repeats it: in quotes, cut where it is long, nothing in it that a
 *   terminal or a log would act on.
 */
export function quote(text: string, longest = LONGEST): string {
  const shown = text.slice(0, longest).replace(UNSEEN, '?');
  return text.length <= longest ? `"${shown}"` : `"${shown}…" (${text.length} characters)`;
}
