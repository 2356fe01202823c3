/** Which models are served, under which names and with which options. */
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { InceptionError } from "inceptionkit";
import { type OptionInput, resolveOptions } from "inceptionkit/models";
import { MODEL_OPTIONS, type ModelOptions } from "./options.js";

/** A model that is to be served. */
export interface ModelSpec {
  /** In URLs. */
  readonly name: string;
  /** What `openClassifier` takes: a model id, a bundled model, a run directory or an `.onnx` file. */
  readonly source: string;
  readonly options: ModelOptions;
}

export interface GivenModels {
  readonly models: readonly string[];
  /** Each `name=model`. */
  readonly names: readonly string[];
  readonly modelDir: string | null;
  /** Options of all models, as they were written. */
  readonly options: OptionInput;
}

/** Names appear in URLs, metrics and file names. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** A serve.json has a few lines. */
const MAX_SETTINGS_BYTES = 1 << 20;

/**
 * The models of a command line.
 *
 * @throws InceptionError OPTION_INVALID for a name that cannot be used or is used twice, and for no models; FILE_NOT_FOUND; FILE_CORRUPT
 *   for a serve.json that is not JSON
 */
export async function modelSpecs({ models, names, modelDir, options }: GivenModels): Promise<readonly ModelSpec[]> {
  const named = names.map((text) => ({ name: text.slice(0, text.indexOf("=")), source: text.slice(text.indexOf("=") + 1) }));
  const renamed = new Set(named.map(({ source }) => source));
  const others = models.filter((source) => !renamed.has(source)).map((source) => ({ name: nameOf(source), source }));
  const resolved = resolveOptions("the server", MODEL_OPTIONS, options);
  const specs = [
    ...[...named, ...others].map((each) => ({ ...each, options: resolved })),
    ...(modelDir === null ? [] : await directorySpecs(modelDir, options)),
  ];
  if (specs.length === 0) throw invalid("Cannot serve: no model given; expected models or a directory of them", { modelDir });
  const seen = new Set<string>();
  for (const { name, source } of specs) {
    if (!NAME.test(name)) {
      const law = "1 to 128 letters, digits, dots, dashes and underscores";
      throw invalid(`Cannot serve ${JSON.stringify(source)} as ${JSON.stringify(name)}: expected a name of ${law}`, { name, source });
    }
    if (seen.has(name)) throw invalid(`Cannot serve two models as "${name}": give one of them another \`name\``, { name });
    seen.add(name);
  }
  return specs;
}

/** The name of a model that was given none: that of its file or directory, or its id. */
function nameOf(source: string): string {
  return path.basename(path.resolve(source)).replace(/\.onnx$/i, "");
}

async function directorySpecs(folder: string, given: OptionInput): Promise<readonly ModelSpec[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => {
    throw new InceptionError("FILE_NOT_FOUND", `Cannot read the model directory ${JSON.stringify(folder)}: no such directory`, { folder });
  });
  // In Kubernetes directories are mounted as links.
  const names = entries.filter((entry) => entry.isDirectory() || entry.isSymbolicLink()).map(({ name }) => name);
  const specs = await Promise.all(names.toSorted().map((name) => directorySpec(path.join(folder, name), name, given)));
  return specs.filter((spec) => spec !== null);
}

/** The model of a subdirectory; null where it has neither a model nor settings. */
async function directorySpec(folder: string, name: string, given: OptionInput): Promise<ModelSpec | null> {
  const file = path.join(folder, "model.onnx");
  const [hasModel, settings] = [await exists(file), await readSettings(path.join(folder, "serve.json"))];
  if (!hasModel && settings === null) return null;
  const { model, ...own } = settings ?? {};
  if (!hasModel && typeof model !== "string") {
    throw invalid(`Cannot serve ${JSON.stringify(folder)}: expected model.onnx, or "model" in serve.json`, { folder });
  }
  if (hasModel && model !== undefined) {
    throw invalid(`Cannot serve ${JSON.stringify(folder)}: expected either model.onnx or "model" in serve.json`, { folder });
  }
  const source = typeof model === "string" ? besideSettings(folder, model) : file;
  return { name, source, options: resolveOptions(`serve.json of "${name}"`, MODEL_OPTIONS, { ...given, ...own }) };
}

/** A path of serve.json is relative to it; an id stays as it is. */
function besideSettings(folder: string, model: string): string {
  return model.includes("/") || /\.onnx$/i.test(model) ? path.resolve(folder, model) : model;
}

/** The record of a serve.json; null where there is none. @throws InceptionError FILE_CORRUPT */
async function readSettings(file: string): Promise<OptionInput | null> {
  if (!(await exists(file))) return null;
  const refused = (fact: string) => new InceptionError("FILE_CORRUPT", `Cannot read ${JSON.stringify(file)}: ${fact}`, { file });
  const { size } = await stat(file);
  if (size > MAX_SETTINGS_BYTES) throw refused(`it has ${size} bytes, the limit is ${MAX_SETTINGS_BYTES}`);
  const parsed = parsedJson(await readFile(file, "utf8"));
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw refused("expected a JSON object");
  return { ...parsed };
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}

function invalid(message: string, details: Readonly<Record<string, unknown>>): InceptionError {
  return new InceptionError("OPTION_INVALID", message, details);
}
