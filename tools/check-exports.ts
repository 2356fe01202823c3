/**
 * Finds exported names of src that nothing outside of their file uses: neither another file, nor a test or a tool, nor the
 * users of the package. What the entry points of package.json export is for users. Types count like values.
 *
 * test/layers.test.ts runs it.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import ts from "typescript";

const ROOT = path.resolve(import.meta.dirname, "..");
/** Folders whose files may use what src exports. */
const USERS = ["src", "test", "tools", "bench", "bin"];

/** What one file exports and what it takes from others, by their paths relative to the root. */
interface Names {
  readonly exported: readonly string[];
  readonly used: readonly Use[];
}

/** A name of another file, or the whole file: then `mentions` are all identifiers of the file that takes it. */
type Use = { readonly file: string; readonly name: string } | { readonly file: string; readonly mentions: ReadonlySet<string> };

/** Each unused exported name of src, as a line for people; empty when all are used. */
export function findUnusedExports(root = ROOT): readonly string[] {
  const files = USERS.flatMap((folder) => filesBelow(root, folder));
  const names = new Map(files.map((file) => [file, namesOf(root, file)] as const));
  const entries = new Set(entryPoints(root));
  const used = new Set<string>();
  for (const use of [...names.values()].flatMap(({ used: uses }) => uses)) {
    for (const name of "name" in use ? [use.name] : takenWhole(names.get(use.file)?.exported ?? [], use.mentions)) {
      used.add(`${use.file}: ${name}`);
    }
  }
  return [...names]
    .filter(([file]) => file.startsWith("src/") && !/\.(test|cases)\.ts$/.test(file) && !entries.has(file))
    .flatMap(([file, { exported }]) => exported.map((name) => `${file}: ${name}`))
    .filter((line) => !used.has(line));
}

/** The names of a whole module that its taker uses: those that it mentions, or all where it only hands the module on. */
function takenWhole(exported: readonly string[], mentions: ReadonlySet<string>): readonly string[] {
  const mentioned = exported.filter((name) => mentions.has(name));
  return mentioned.length > 0 ? mentioned : exported;
}

function filesBelow(root: string, folder: string): readonly string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|js|mjs)$/.test(file))
    .map((file) => path.posix.join(folder, file.split(path.sep).join("/")))
    .toSorted();
}

/** The sources of the files that package.json exports. */
function entryPoints(root: string): readonly string[] {
  const text = JSON.stringify((JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as { readonly exports: unknown }).exports);
  return [...text.matchAll(/"\.\/dist\/([^"]*?)(?:\.d)?\.[jt]s"/g)].map(([, file = ""]) => `src/${file}.ts`);
}

function namesOf(root: string, file: string): Names {
  const source = ts.createSourceFile(file, readFileSync(path.join(root, file), "utf8"), ts.ScriptTarget.Latest);
  const nodes = descendants(source);
  const mentions = new Set(nodes.filter(ts.isIdentifier).map(({ text }) => text));
  const used = nodes.flatMap(takenBy);
  return {
    exported: [...source.statements.flatMap(declaredExports), ...nodes.filter(ts.isExportSpecifier).map(({ name }) => name.text)],
    used: used.flatMap(({ specifier, name }): readonly Use[] => {
      if (specifier === undefined || !ts.isStringLiteral(specifier) || !specifier.text.startsWith(".")) return [];
      const target = path.posix
        .join(path.posix.dirname(file), specifier.text)
        .replace(/\.js$/, ".ts")
        .replace(/^dist\//, "src/");
      return [name === null ? { file: target, mentions } : { file: target, name }];
    }),
  };
}

function descendants(root: ts.Node): readonly ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return nodes;
}

/** What a node takes from another module; the name is null where it takes the module as a whole. */
function takenBy(node: ts.Node): readonly { readonly specifier: ts.Expression | undefined; readonly name: string | null }[] {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const clause = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
    const specifier = node.moduleSpecifier;
    // Without names in braces an export passes everything on, an import takes nothing or what it calls default.
    if (clause === undefined && ts.isImportDeclaration(node)) return [];
    if (clause === undefined || ts.isNamespaceImport(clause) || ts.isNamespaceExport(clause)) return [{ specifier, name: null }];
    return clause.elements.map(({ propertyName, name }) => ({ specifier, name: (propertyName ?? name).text }));
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
    return [{ specifier: node.arguments[0], name: null }];
  // The scripts of workers, and the program that bin/ starts.
  if (ts.isNewExpression(node) && ts.isIdentifier(node.expression) && node.expression.text === "URL")
    return [{ specifier: node.arguments?.[0], name: null }];
  return ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)
    ? [{ specifier: node.argument.literal, name: null }]
    : [];
}

/** The names that a statement declares and exports at once. */
function declaredExports(statement: ts.Statement): readonly string[] {
  const modifiers = ts.canHaveModifiers(statement) ? (ts.getModifiers(statement) ?? []) : [];
  if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.flatMap(({ name }) => boundNames(name));
  const isNamed =
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isEnumDeclaration(statement);
  return isNamed && statement.name ? [statement.name.text] : [];
}

function boundNames(name: ts.BindingName): readonly string[] {
  if (ts.isIdentifier(name)) return [name.text];
  return name.elements.flatMap((element) => (ts.isOmittedExpression(element) ? [] : boundNames(element.name)));
}
