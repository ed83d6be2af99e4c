import ts from 'typescript';

/**
 * Pronouns, adverbs, prepositions and participles: as the name of a function they say nothing of what it
 * does.
 */
const VAGUE = new Set(
  `about above across after again ahead alike all alone along also always another any apart around as at away
  because before behind below beneath beside besides between beyond both by down during each earlier either else
  elsewhere enough even evenly everything everywhere exactly few for from gone halfway heard here how in inside
  instead into it its just later less like many meanwhile more most much near never no nobody none not nothing of
  off often on once one ones only onto other others otherwise ours out outside over own past per quickly rather
  said same several since so some something soon sooner still strictly such than that the their them then there
  these they this those though through throughout to today together too toward towards twice under unless unlike
  unsaid until up upon upwards very via what when where whether which while who whole why with within without yes
  yet`.split(/\s+/),
);

/** Methods that are called as those of arrays or of a library are. */
const STANDARD_METHODS = new Set(['at', 'all']);

/** A function that a name of the closed list says nothing of. */
export interface VagueName {
  readonly file: string;
  readonly line: number;
  readonly name: string;
}

const isFunction = (node: ts.Node | undefined) =>
  node !== undefined && (ts.isArrowFunction(node) || ts.isFunctionExpression(node));

/**
 * @returns the name of a function or method that this node declares, as it is written; null where it declares
 *   none.
 */
function declaredName(node: ts.Node): ts.Node | null {
  if (ts.isFunctionDeclaration(node)) return node.name ?? null;
  if (ts.isMethodDeclaration(node) || ts.isMethodSignature(node)) return node.name;
  if (ts.isVariableDeclaration(node) || ts.isPropertyDeclaration(node))
    return isFunction(node.initializer) ? node.name : null;
  return null;
}

/**
 * @returns functions, methods and constants that hold a function, of a file, whose name is a pronoun, an
 *   adverb or a preposition.
 */
export function vagueNames(file: string, text: string): VagueName[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const found: VagueName[] = [];
  const visit = (node: ts.Node) => {
    const declared = declaredName(node);
    const name = declared?.getText(source).replace(/^#/, '') ?? '';
    const isStandard =
      STANDARD_METHODS.has(name) && !ts.isVariableDeclaration(node) && !ts.isFunctionDeclaration(node);
    if (declared !== null && VAGUE.has(name) && !isStandard)
      found.push({
        file,
        line: source.getLineAndCharacterOfPosition(declared.getStart(source)).line + 1,
        name,
      });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
