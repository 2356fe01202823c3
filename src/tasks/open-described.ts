/** Networks that are described, with their weights: of ids, runs, bundled models, custom networks and exported files. */
import { type CompileOptions, compileInference } from "../compile/compile.js";
import { InceptionError } from "../errors.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { quoted } from "../formats/quoted.js";
import { isClassScores } from "../models/classifier.js";
import { findModel, MODELS, type Model } from "../models/index.js";
import { type ModelMetadata, parseModelMetadata } from "../predict/model-metadata.js";
import type { FileInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { type LoadedModel, type ModelHost, type ModelKind, type OpenModelOptions, rejectForeign } from "./model-host.js";
import { fileName, isOnnx, type ModelSource } from "./model-source.js";
import { type PreparedModel, type PrepareOptions, prepareModel, prepareOpened } from "./prepare-model.js";

/**
 * Opens what `resolveModel` prepares. Weights without the classifier do where no output needs it.
 *
 * @throws InceptionError as `resolveModel` and `openPrepared`
 */
export async function openDescribed<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<LoadedModel> {
  const needsClassifier = options.needsClassifier ?? options.outputs?.some(isClassScores) ?? true;
  return openPrepared(host.platform, await resolveModel(host, source, { ...options, needsClassifier }), options);
}

/**
 * A network with its weights: of a bundled model, a run, a model id or custom network with weights, or a model that was
 * exported by inceptionkit.
 *
 * @throws InceptionError as `prepareModel`; OPTION_INVALID for a network without weights, and for an option that this kind of model
 *   cannot have; MODEL_UNKNOWN
 */
export async function resolveModel<F extends SourceOptions>(
  { platform, kinds }: { readonly platform: Pick<Platform<F>, "openWeights">; readonly kinds: readonly ModelKind<F>[] },
  source: ModelSource,
  options: PrepareOptions & Pick<OpenModelOptions, "weights" | "checkpoint"> & F,
): Promise<PreparedModel> {
  if (isOnnx(source)) return prepareExported(platform, source, options);
  if (typeof source === "string") {
    for (const { kind, knows, prepare } of kinds) {
      if (!(await knows(source))) continue;
      rejectForeign(kind, source, options);
      return prepare(source, options);
    }
  }
  const model = describedModel(
    source,
    kinds.flatMap(({ ids }) => ids),
  );
  const shown = typeof source === "string" ? source : model.id;
  rejectForeign("network", shown, options);
  const { weights } = options;
  // A network that was described has its options; others given here come on top.
  const described = typeof source === "object" && "model" in source ? { options: { ...source.options, ...options.options } } : {};
  if (weights !== undefined) return prepareModel(platform, model, weights, { ...options, ...described });
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot run "${shown}" without weights: expected a source, as in \`weights\` model.safetensors or \`weights\` hf:owner/name`,
    { id: shown },
  );
}

function describedModel(source: ModelSource, others: readonly string[]): Model {
  if (typeof source === "string") return findModel(source, others);
  if ("model" in source) return source.model;
  // `isOnnx` takes every other kind of source for a file.
  throw new InceptionError("SOURCE_INVALID", "Cannot open a model: expected an id, a file or a network", {});
}

/** The network that an exported model was made of, with the weights that the file holds. */
async function prepareExported<F extends SourceOptions>(
  platform: Pick<Platform<F>, "openWeights">,
  source: FileInput,
  options: OpenModelOptions & F,
): Promise<PreparedModel> {
  const shown = fileName(source);
  rejectForeign("file", shown, options);
  const opened = await platform.openWeights(source, options);
  try {
    const metadata = parseModelMetadata(Object.entries(opened.file.metadata), opened.name);
    const refused = (fact: string) =>
      new InceptionError("OPTION_INVALID", `Cannot describe the network of ${quoted(shown)}: ${fact}`, { model: shown });
    if (metadata === null) throw refused("it was not exported by inceptionkit, expected a model id with weights or the directory of a run");
    if (metadata.quantization !== undefined) throw refused("it is an int8 model, expected the float32 model that it was made from");
    return await prepareOpened(findModel(metadata.model), opened, options, null);
  } finally {
    await opened.close();
  }
}

/**
 * Open a network that has its weights.
 *
 * @throws InceptionError SESSION_FAILED, DEVICE_UNAVAILABLE, OPTION_INVALID
 */
export async function openPrepared<P extends SessionOptions>(
  platform: Pick<Platform<SourceOptions, P>, "createSession">,
  { graph, parameters, metadata, report }: PreparedModel,
  options: P & Pick<OpenModelOptions, "outputs">,
): Promise<LoadedModel> {
  const compile: CompileOptions = options.outputs ? { outputs: options.outputs } : {};
  const bytes = concatChunks(compileInference(graph, parameters, compile).chunks);
  const session = await platform.createSession(bytes, { ...options, name: metadata.model, transfer: true });
  return { session, metadata, report, selfCheck: null, close: () => session.close() };
}

/** What a network is for, where its model is known. */
export function taskOf(metadata: Pick<ModelMetadata, "model">): Model["task"] | null {
  return MODELS.find(({ id }) => id === metadata.model)?.task ?? null;
}
