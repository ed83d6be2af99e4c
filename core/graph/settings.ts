/**
 * @returns settings of `name=value,name=value`, numbers and truth as such; or one sentence on what is wrong.
 */
export function parseSettings(text: string): Readonly<Record<string, string | number | boolean>> | string {
  const found: Record<string, string | number | boolean> = {};
  for (const part of text.split(',')) {
    const [, name, value] = /^\s*([A-Za-z_]\w*)\s*=(.*)$/s.exec(part) ?? [];
    if (name === undefined || value === undefined)
      return `${JSON.stringify(part.slice(0, 60))} is no name=value, such as chunk=512`;
    if (Object.hasOwn(found, name)) return `${name} is set twice`;
    found[name] = scalarOf(value.trim());
  }
  return found;
}

function scalarOf(text: string): string | number | boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
