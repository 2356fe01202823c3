/** Networks that are described, with their weights: of ids, runs, bundled models, custom networks and exported files. */
import { type CompileOptions, compileInference } from "../compile/compile.js";
import { InceptionError, messageOf } from "../errors.js";
import { concatChunks } from "../formats/concat-chunks.js";
import { checkOps } from "../formats/onnx/check-ops.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { checkRun, completeLimits, declaredFeeds } from "../formats/onnx/run-limits.js";
import { INFERENCE_OPS } from "../formats/onnx/schemas.js";
import { graphForm } from "../formats/onnx/shapes/infer.js";
import type { OnnxModel } from "../formats/onnx/types.js";
import { quoted } from "../formats/quoted.js";
import type { Graph } from "../ir/graph.js";
import { isClassScores } from "../models/classifier.js";
import { type StoredNetwork, storedModel } from "../models/custom.js";
import { MODELS, type Model } from "../models/index.js";
import { parseModelMetadata } from "../predict/model-metadata.js";
import { throwIfAborted } from "../runtime/abort.js";
import type { FileInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { SessionOptions } from "../runtime/session.js";
import { describedModel } from "./described-model.js";
import { checkLabels, overrideMetadata } from "./given-metadata.js";
import { type LoadedModel, type ModelHost, type ModelKind, type OpenModelOptions, rejectForeign } from "./model-host.js";
import { fileName, isOnnx, type ModelSource, PREPARED } from "./model-source.js";
import { classCount, type PreparedModel, type PrepareOptions, prepareModel, prepareOpened } from "./prepare-model.js";

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
  const prepared = await resolveModel(host, source, { ...options, needsClassifier });
  throwIfAborted(options.signal);
  return openPrepared(host.platform, prepared, options);
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
  if (typeof source === "object" && PREPARED in source) {
    rejectForeign("opened model", source.model, options);
    const prepared = await source[PREPARED]();
    const metadata = overrideMetadata(prepared.metadata, options);
    checkLabels(metadata, classCount(prepared.graph));
    return { ...prepared, metadata };
  }
  if (typeof source === "string") {
    for (const { kind, knows, prepare } of kinds) {
      if (!(await knows(source))) continue;
      rejectForeign(kind, source, options);
      return prepare(source, options);
    }
  }
  const { model, options: own } = describedModel(
    source,
    kinds.flatMap(({ ids }) => ids),
  );
  const shown = typeof source === "string" ? source : model.id;
  rejectForeign("network", shown, options);
  const { weights } = options;
  // A network that was described has its options; others given here come on top.
  if (weights !== undefined) return prepareModel(platform, model, weights, { ...options, options: { ...own, ...options.options } });
  throw new InceptionError("OPTION_INVALID", `Cannot load "${shown}": no weights given; pass \`weights\`, for example "pretrained"`, {
    id: shown,
    remedy: "needs-weights",
  });
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
      new InceptionError("OPTION_INVALID", `Cannot open the network of ${quoted(shown)}: ${fact}`, { model: shown });
    if (metadata === null) throw refused("it was not exported by inceptionkit, expected a model id with weights or the directory of a run");
    if (metadata.quantization !== undefined) throw refused("it is an int8 model, expected the float32 model that it was quantized from");
    const prepared = await prepareOpened(storedModel(metadata, metadataOf(opened.name)), opened, options, null);
    if (metadata.network !== undefined) checkStoredRun(prepared, shown, options.limits);
    return prepared;
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

/** How messages name the graph of a custom network in the metadata of a file. */
export function metadataOf(file: string): string {
  return `the network in the metadata of ${quoted(file)}`;
}

/** The graph of a file that may be untrusted is checked as the file is: its operators, their attributes, and what a run takes. */
function checkStoredRun({ graph, parameters }: PreparedModel, shown: string, limits: OpenModelOptions["limits"]): void {
  const model = compiledStored(graph, parameters, shown);
  checkOps(model, INFERENCE_OPS, shown);
  const form = graphForm(model, shown);
  checkRun(form, declaredFeeds(form), completeLimits(limits), { action: `use the network of ${quoted(shown)}`, code: "FILE_CORRUPT" });
}

function compiledStored(graph: Graph, parameters: PreparedModel["parameters"], shown: string): OnnxModel {
  try {
    return decodeModel(concatChunks(compileInference(graph, parameters).chunks), { name: shown });
  } catch (thrown) {
    if (thrown instanceof InceptionError) throw thrown;
    // Rules of ops meet attributes of other kinds than they have.
    const message = `Cannot use the network of ${quoted(shown)}: ${messageOf(thrown)}`;
    throw new InceptionError("FILE_CORRUPT", message, { file: shown }, { cause: thrown });
  }
}

/** What a network is for, where its model is known. */
export function taskOf(stored: StoredNetwork): Model["task"] | null {
  if (stored.network !== undefined) return storedModel(stored, metadataOf(stored.model)).task;
  return MODELS.find(({ id }) => id === stored.model)?.task ?? null;
}
