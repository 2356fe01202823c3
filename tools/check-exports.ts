/**
 * Finds exported names of src that nothing outside of their file uses: neither another file, nor a test or a tool, nor the
 * users of the package. What the entry points of package.json export is for users. Types count like values. The packages in
 * packages/ are held to the same.
 *
 * test/layers.test.ts runs it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
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

/** The name of another file that is taken, "*" for all of its names, or null for the file as a value: of that, `mentions` are used. */
interface Use {
  readonly file: string;
  readonly name: string | null;
  readonly mentions: ReadonlySet<string>;
}

/** Each unused exported name of src, as a line for people; empty when all are used. */
export function findUnusedExports(root = ROOT): readonly string[] {
  const { imports } = readPackage(root);
  const packages = packageFolders(root);
  const folders = [...USERS, ...packages.flatMap((folder) => [`${folder}/src`, `${folder}/test`])];
  const files = folders.flatMap((folder) => filesBelow(root, folder));
  const names = new Map(files.map((file) => [file, namesOf(root, file, imports)] as const));
  const entries = new Set(["", ...packages.map((folder) => `${folder}/`)].flatMap((folder) => entryPoints(root, folder)));
  const used = new Set<string>();
  for (const use of [...names.values()].flatMap(({ used: uses }) => uses)) {
    for (const name of usedNames(use, names.get(use.file)?.exported ?? [])) used.add(`${use.file}: ${name}`);
  }
  return [...names]
    .filter(([file]) => /^(packages\/[^/]+\/)?src\//.test(file) && !/\.(test|cases)\.ts$/.test(file) && !entries.has(file))
    .flatMap(([file, { exported }]) => exported.map((name) => `${file}: ${name}`))
    .filter((line) => !used.has(line));
}

/** Of a file that is taken as a value: the names that its taker mentions, or all where the taker only hands it on. */
function usedNames({ name, mentions }: Use, exported: readonly string[]): readonly string[] {
  if (name === "*") return exported;
  if (name !== null) return [name];
  const mentioned = exported.filter((each) => mentions.has(each));
  return mentioned.length > 0 ? mentioned : exported;
}

function filesBelow(root: string, folder: string): readonly string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|js|mjs)$/.test(file))
    .map((file) => path.posix.join(folder, file.split(path.sep).join("/")))
    .toSorted();
}

/** The folders of the workspace packages, relative to the root. */
export function packageFolders(root = ROOT): readonly string[] {
  const folder = path.join(root, "packages");
  return existsSync(folder) ? readdirSync(folder).map((name) => `packages/${name}`) : [];
}

/** The sources of the files that package.json exports. @param folder - "", or that of a package with a slash */
function entryPoints(root: string, folder: string): readonly string[] {
  return builtFiles(JSON.stringify(readPackage(path.join(root, folder)).exports)).map((file) => `${folder}${file}`);
}

interface PackageFile {
  readonly exports: unknown;
  /** What files of the package call others by, such as "#runtime". */
  readonly imports?: Readonly<Record<string, unknown>>;
}

function readPackage(root: string): PackageFile {
  return JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as PackageFile;
}

/** The sources of the built files that a text names. */
function builtFiles(text: string): readonly string[] {
  return [...text.matchAll(/"\.\/dist\/([^"]*?)(?:\.d)?\.[jt]s"/g)].map(([, file = ""]) => `src/${file}.ts`);
}

function namesOf(root: string, file: string, imports: PackageFile["imports"] = {}): Names {
  const source = ts.createSourceFile(file, readFileSync(path.join(root, file), "utf8"), ts.ScriptTarget.Latest);
  const nodes = descendants(source);
  const mentions = new Set(nodes.filter(ts.isIdentifier).map(({ text }) => text));
  return {
    exported: [...source.statements.flatMap(declaredExports), ...nodes.filter(ts.isExportSpecifier).map(({ name }) => name.text)],
    used: nodes.flatMap(takenBy).flatMap(({ specifier, name }): readonly Use[] => {
      if (specifier === undefined || !ts.isStringLiteral(specifier)) return [];
      return targetsOf(file, specifier.text, imports).map((target) => ({ file: target, name, mentions }));
    }),
  };
}

/** The sources that an import names: none for packages. */
function targetsOf(file: string, specifier: string, imports: Readonly<Record<string, unknown>>): readonly string[] {
  if (specifier.startsWith("#")) return builtFiles(JSON.stringify(imports[specifier] ?? null));
  if (!specifier.startsWith(".")) return [];
  const target = path.posix.join(path.posix.dirname(file), specifier);
  return [target.replace(/\.js$/, ".ts").replace(/^dist\//, "src/")];
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

/** What a node takes from another module, named as in `Use`. */
function takenBy(node: ts.Node): readonly { readonly specifier: ts.Expression | undefined; readonly name: string | null }[] {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) {
    const clause = ts.isImportDeclaration(node) ? node.importClause?.namedBindings : node.exportClause;
    const specifier = node.moduleSpecifier;
    // Without names in braces an export passes everything on, an import takes nothing or what it calls default.
    if (clause === undefined) return ts.isImportDeclaration(node) ? [] : [{ specifier, name: "*" }];
    if (ts.isNamespaceImport(clause) || ts.isNamespaceExport(clause)) return [{ specifier, name: null }];
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
