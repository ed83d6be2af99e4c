import { escaped, plainPage } from '../../output/plain-page.js';

/** One answer as it is printed, with its picture. */
export interface PageAnswer {
  readonly sentences: readonly string[];
  readonly chart: string;
  /** Tables as they are printed. */
  readonly tables: readonly string[];
  readonly grounds: readonly string[];
}

export function deploymentPage(title: string, answers: readonly PageAnswer[]): string {
  return plainPage(title, answers.map(section).join('\n'));
}

function section({ sentences, chart, tables, grounds }: PageAnswer): string {
  const paragraphs = (all: readonly string[]) => all.map((one) => `<p>${escaped(one)}</p>`).join('\n');
  return `${paragraphs(sentences)}
${chart}
${tables.map((table) => `<div class="wide"><pre>${escaped(table)}</pre></div>`).join('\n')}
<h2>What this follows from</h2>
${paragraphs(grounds)}`;
}
