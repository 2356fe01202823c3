import { type CompileOptions, compileInference } from "../compile/compile.js";
import type { Preprocessing } from "../data/index.js";
import { InceptionError } from "../errors.js";
import { checkOps } from "../formats/onnx/check-ops.js";
import { checkWeights } from "../formats/onnx/check-weights.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { concatChunks } from "../formats/onnx/encode.js";
import { checkRun, completeLimits, declaredFeeds, type RunCost, type RunLimits } from "../formats/onnx/run-limits.js";
import { INFERENCE_OPS } from "../formats/onnx/schemas.js";
import { graphForm } from "../formats/onnx/shapes/infer.js";
import { quoted, shortened } from "../formats/quoted.js";
import { isClassScores } from "../models/classifier.js";
import { findModel, MODELS, type Model } from "../models/index.js";
import { type Artefact, goldenDifferences, goldenFeeds, parseArtefact } from "../predict/artefact.js";
import type { FileInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import type { WeightReport } from "../weights/apply.js";
import { boundedSession } from "./bounded-session.js";
import { fileName, isOnnx, type ModelSource } from "./model-source.js";
import { checkLabels, namedPreprocessing, type PreparedModel, type PrepareOptions, prepareModel, prepareOpened } from "./prepare-model.js";

/** Which checkpoint of a run: the epoch with the best metric, the last one, or an epoch that was kept, by its number. */
export type CheckpointChoice = "best" | "last" | number;

export interface OpenModelOptions extends PrepareOptions {
  /** The weights: required with a model id, rejected with a file, a run or a bundled model, which have their own. */
  readonly weights?: FileInput;
  /** Which checkpoint of a run; rejected with anything else. Default: `best`, or `last` where no epoch was finished. */
  readonly checkpoint?: CheckpointChoice;
  /** Outputs to compute, by name; of a network also by the path of a module. Default: all. */
  readonly outputs?: readonly string[];
  /** Run the self-check embedded in an exported model, and reject the model where this machine computes something else. Default: true. */
  readonly selfCheck?: boolean;
  /** Of an `.onnx` file: what one run may take, see `RunLimits` for the defaults. Networks described by inceptionkit have no limits. */
  readonly limits?: Partial<RunLimits>;
}

/** A network that is ready to run. Close it to free its memory. */
export interface LoadedModel {
  readonly session: Session;
  readonly artefact: Artefact;
  /** How file and network matched; null for an ONNX file. */
  readonly report: WeightReport | null;
  /** Difference from the file's self-check in units of its standard deviation; null where there is none or it was not run. */
  readonly selfCheck: number | null;
  close(): Promise<void>;
}

/** A kind of model that is known by name and has its own weights. */
interface ModelKind<F extends SourceOptions> {
  readonly kind: "run" | "bundled model";
  /** Names that it knows, for hints. */
  readonly ids: readonly string[];
  /** Whether a text names such a model. */
  readonly knows: (text: string) => Promise<boolean>;
  readonly prepare: (text: string, options: PrepareOptions & { readonly checkpoint?: CheckpointChoice } & F) => Promise<PreparedModel>;
}

/** A platform, and the models that are known there by name. */
export interface ModelHost<F extends SourceOptions = SourceOptions, P extends SessionOptions = SessionOptions> {
  readonly platform: Platform<F, P>;
  readonly kinds: readonly ModelKind<F>[];
}

/**
 * Open a model to run it.
 *
 * An `.onnx` file may be untrusted: its operators, their attributes and the shapes of all values are checked, and memory and
 * multiply-adds of a run are computed and compared with `limits`, before the runtime gets it and before it runs inputs of
 * new shapes. `run` then also throws FILE_LIMIT, and FEED_INVALID for sizes that the graph does not work with.
 *
 * @throws InceptionError as `prepareAny`; OPTION_INVALID for weights, options, checkpoint or allow beside a file, and for outputs that it
 *   does not have; FILE_…, NOT_FINITE (a weight is NaN or infinite), SESSION_FAILED, DEVICE_UNAVAILABLE, SELF_CHECK_FAILED
 */
export async function openModel<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<LoadedModel> {
  if (isOnnx(source)) return openOnnxFile(host.platform, source, options);
  const needsClassifier = options.needsClassifier ?? options.outputs?.some(isClassScores) ?? true;
  return openPrepared(host.platform, await prepareAny(host, source, { ...options, needsClassifier }), options);
}

/** Options that would have no effect beside a kind of model, and why. An option that is ignored would be a wrong result. */
const FOREIGN_OPTIONS = {
  file: { options: ["weights", "options", "checkpoint", "allow"], reason: "a file has its own" },
  run: { options: ["weights", "options", "allow"], reason: "a run has its own" },
  "bundled model": { options: ["weights", "options", "checkpoint", "allow"], reason: "a bundled model has its own" },
  network: { options: ["checkpoint"], reason: "its weights are a file, expected the folder of a run" },
} as const;

function rejectForeign(kind: keyof typeof FOREIGN_OPTIONS, model: string, given: OpenModelOptions): void {
  const { options, reason } = FOREIGN_OPTIONS[kind];
  const isGiven = (name: (typeof options)[number]): boolean => {
    const value = given[name];
    return name === "weights" || typeof value !== "object" ? value !== undefined : Object.keys(value).length > 0;
  };
  const foreign = options.filter(isGiven);
  if (foreign.length === 0) return;
  const message = `Cannot use ${foreign.join(" and ")} with ${kind} ${quoted(model)}: ${reason}`;
  throw new InceptionError("OPTION_INVALID", message, { model, foreign });
}

/**
 * A network with its weights: of a bundled model, a run, a model id or custom network with weights, or a model that was
 * exported by inceptionkit.
 *
 * @throws InceptionError as `prepareModel`; OPTION_INVALID for a network without weights, and for an option that this kind of model
 *   cannot have; MODEL_UNKNOWN
 */
export async function prepareAny<F extends SourceOptions>(
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
    const artefact = parseArtefact(Object.entries(opened.file.metadata), opened.name);
    const refused = (fact: string) =>
      new InceptionError("OPTION_INVALID", `Cannot describe the network of ${quoted(shown)}: ${fact}`, { model: shown });
    if (artefact === null) throw refused("it was not exported by inceptionkit, expected a model id with weights or the directory of a run");
    if (artefact.quantization !== undefined) throw refused("it is an int8 model, expected the float32 model that it was made from");
    return await prepareOpened(findModel(artefact.model), opened, options, null);
  } finally {
    await opened.close();
  }
}

/** The output that classifies: "logits", or the only one of a file that another program exported. */
export function logitsOutput({ session, artefact }: LoadedModel): string {
  const names = session.outputs.map((output) => output.name);
  if (names.includes("logits")) return "logits";
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot classify with ${quoted(artefact.model)}: it has no logits but ${shortened(names.join(", "))}; with \`options.numClasses\` it gets a classifier`,
    { outputs: names },
  );
}

/**
 * Open a network that has its weights.
 *
 * @throws InceptionError SESSION_FAILED, DEVICE_UNAVAILABLE, OPTION_INVALID
 */
export async function openPrepared<P extends SessionOptions>(
  platform: Pick<Platform<SourceOptions, P>, "createSession">,
  { graph, parameters, artefact, report }: PreparedModel,
  options: P & Pick<OpenModelOptions, "outputs">,
): Promise<LoadedModel> {
  const compile: CompileOptions = options.outputs ? { outputs: options.outputs } : {};
  const bytes = concatChunks(compileInference(graph, parameters, compile).chunks);
  const session = await platform.createSession(bytes, { ...options, name: artefact.model, transfer: true });
  return { session, artefact, report, selfCheck: null, close: () => session.close() };
}

async function openOnnxFile<F extends SourceOptions, P extends SessionOptions>(
  platform: Platform<F, P>,
  file: FileInput,
  options: OpenModelOptions & F & P,
): Promise<LoadedModel> {
  rejectForeign("file", fileName(file), options);
  const source = await platform.openSource(file, options);
  const bytes = await source.read(0, source.size).finally(() => source.close());
  // Bytes that the caller handed over stay the caller's. `slice` of a Buffer would not copy.
  return openOnnxBytes(platform, file instanceof Uint8Array ? new Uint8Array(bytes) : bytes, source.name, options);
}

/**
 * Open a model that has been read.
 *
 * @param bytes - given away: the array is empty from the call on
 * @param file - how messages name it
 */
export async function openOnnxBytes<P extends SessionOptions>(
  platform: Pick<Platform<SourceOptions, P>, "createSession">,
  bytes: Uint8Array,
  file: string,
  options: OpenModelOptions & P,
): Promise<LoadedModel> {
  const decoded = decodeModel(bytes, { name: file });
  checkOps(decoded, INFERENCE_OPS, file);
  checkWeights(decoded, file);
  const limits = completeLimits(options.limits);
  const form = graphForm(decoded, file);
  const cost = checkRun(form, declaredFeeds(form), limits, { action: `load ${quoted(file)}`, code: "FILE_CORRUPT" });
  const artefact = overrideArtefact(parseArtefact(decoded.metadata, file) ?? foreignArtefact(decoded.graph.name), options);
  const constantFolding = foldsLittle(cost, bytes.byteLength);
  const opened = await platform.createSession(bytes, { ...options, name: file, transfer: true, constantFolding });
  const session = boundedSession(opened, form, limits);
  try {
    if (options.labels !== undefined) checkLabels(artefact, logitsCount(session));
    const chosen = options.outputs === undefined ? session : withOutputs(session, options.outputs, file);
    const selfCheck = (options.selfCheck ?? true) ? await runSelfCheck(session, artefact, file) : null;
    return { session: chosen, artefact, report: null, selfCheck, close: () => session.close() };
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
}

/** Classes of a file; null where its size is open or it does not classify. */
function logitsCount({ outputs }: Session): number | null {
  const count = (outputs.find(({ name }) => name === "logits") ?? (outputs.length === 1 ? outputs[0] : undefined))?.shape[1];
  return typeof count === "number" ? count : null;
}

/**
 * A session of a file that has and computes only some of its outputs.
 *
 * @throws InceptionError OPTION_INVALID for a name that the file does not have, listing those it has
 */
function withOutputs(session: Session, names: readonly string[], file: string): Session {
  const outputs = names.map((name) => {
    const found = session.outputs.find((output) => output.name === name);
    if (found !== undefined) return found;
    const known = shortened(session.outputs.map((output) => output.name).join(", "));
    throw new InceptionError("OPTION_INVALID", `Cannot select output ${quoted(name)} of ${quoted(file)}: expected ${known}`, {
      file,
      name,
    });
  });
  const run: Session["run"] = async (feeds, options = {}) => {
    const { fetches = names } = options;
    const other = fetches.find((name) => !names.includes(name));
    if (other === undefined) return session.run(feeds, { ...options, fetches });
    const message = `Cannot run ${quoted(file)}: output ${quoted(other)} was not selected, expected ${shortened(names.join(", "))}`;
    throw new InceptionError("FEED_INVALID", message, { file, name: other });
  };
  return { device: session.device, inputs: session.inputs, outputs, run, close: () => session.close() };
}

/** A file that another program exported says nothing about its pixels and classes; the caller may. */
function foreignArtefact(name: string): Artefact {
  return {
    model: name,
    options: {},
    preprocessing: null,
    labels: null,
    source: "not stated",
    licence: "not stated",
    weightsSha256: null,
    golden: null,
  };
}

function overrideArtefact(artefact: Artefact, { preprocessing, labels }: OpenModelOptions): Artefact {
  const recipe = typeof preprocessing === "string" ? namedPreprocessing(preprocessing) : preprocessing;
  return { ...artefact, preprocessing: recipe ?? artefact.preprocessing, labels: labels ?? artefact.labels };
}

/**
 * Whether the runtime may compute what is constant as it opens a file. It does so on one thread, and keeps the results as
 * weights: eight times the file at most, as for every file of weights, and within a second.
 */
function foldsLittle({ constantBytes, constantMacs }: RunCost, fileBytes: number): boolean {
  return constantBytes <= Math.max(MIN_FOLDED_BYTES, 8 * fileBytes) && constantMacs <= MAX_FOLDED_MACS;
}

/** What a file of any size may unfold: masks and grids of small files. */
const MIN_FOLDED_BYTES = 2 ** 24;
/** A second of one thread. Where networks for volumes are composed of their kernels it takes 10⁵. */
const MAX_FOLDED_MACS = 2e10;

/**
 * How far another machine, provider or thread count may be from the machine that exported, in units of the spread of an
 * output: 40 times what two CPUs differ by, a tenth of what one wrong layer does.
 */
export const SELF_CHECK_TOLERANCE = 2e-3;

async function runSelfCheck(session: Session, artefact: Artefact, file: string): Promise<number | null> {
  const { golden } = artefact;
  if (golden === null || session.inputs.length === 0) return null;
  const results = await session.run(goldenFeeds(golden, session.inputs, file), { fetches: Object.keys(golden.outputs) });
  const worst = goldenDifferences(golden, results);
  if (worst <= SELF_CHECK_TOLERANCE) return worst;
  throw new InceptionError(
    "SELF_CHECK_FAILED",
    `Cannot trust "${file}" on ${session.device}: its golden example differs by ${worst.toPrecision(2)} of the spread, expected at most ${SELF_CHECK_TOLERANCE}`,
    { file, worst },
  );
}

/**
 * How images become inputs of a loaded model.
 *
 * @param model - how messages name it
 * @throws InceptionError OPTION_INVALID where neither the weights nor the caller said how, and for a network that takes volumes
 */
export function knownPreprocessing({ artefact }: Pick<LoadedModel, "artefact">, model: string): Preprocessing {
  if (artefact.segmentation !== undefined || taskOf(artefact) === "segment") {
    const message = `Cannot prepare images for ${quoted(model)}: it segments volumes; use segment`;
    throw new InceptionError("OPTION_INVALID", message, { model });
  }
  if (artefact.preprocessing !== null) return artefact.preprocessing;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot prepare images for "${model}": its weights do not say how, expected \`preprocessing\` with a name`,
    { model },
  );
}

/** What a network is for, where its model is known. */
export function taskOf(artefact: Pick<Artefact, "model">): Model["task"] | null {
  return MODELS.find(({ id }) => id === artefact.model)?.task ?? null;
}
