import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { checkOps } from "../formats/onnx/check-ops.js";
import { checkWeights } from "../formats/onnx/check-weights.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { checkRun, completeLimits, declaredFeeds, type RunCost } from "../formats/onnx/run-limits.js";
import { INFERENCE_OPS } from "../formats/onnx/schemas.js";
import { graphForm } from "../formats/onnx/shapes/infer.js";
import { quoted, shortened } from "../formats/quoted.js";
import type { Graph } from "../ir/graph.js";
import { goldenDifferences, goldenFeeds, type ModelMetadata, parseModelMetadata } from "../predict/model-metadata.js";
import { throwIfAborted } from "../runtime/abort.js";
import type { FileInput, Platform, SourceOptions } from "../runtime/platform.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import { boundedSession } from "./bounded-session.js";
import { checkLabels, overrideMetadata } from "./given-metadata.js";
import { type LoadedModel, type ModelHost, type OpenModelOptions, rejectForeign } from "./model-host.js";
import { fileName, isOnnx, type ModelSource } from "./model-source.js";

/**
 * Open a model to run it.
 *
 * An `.onnx` file may be untrusted: its operators, their attributes and the shapes of all values are checked, and memory and
 * multiply-adds of a run are computed and compared with `limits`, before the runtime gets it and before it runs inputs of
 * new shapes. `run` then also throws FILE_LIMIT, and FEED_INVALID for sizes that the graph does not work with.
 *
 * @throws InceptionError as `resolveModel`; OPTION_INVALID for weights, options, checkpoint or allow beside a file, and for outputs that it
 *   does not have; FILE_…, NOT_FINITE (a weight is NaN or infinite), SESSION_FAILED, DEVICE_UNAVAILABLE, SELF_CHECK_FAILED
 */
export async function openModel<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<LoadedModel> {
  if (isOnnx(source)) return openOnnxFile(host.platform, source, options);
  // Only what is not a file needs the descriptions of networks, the compiler and the readers of weights: most of the code.
  const { openDescribed } = await import("./open-described.js");
  return openDescribed(host, source, options);
}

/**
 * Returns the name of the output that classifies: "logits", or the only one of a file that another program exported.
 *
 * @throws InceptionError OPTION_INVALID for a model without a classifier
 */
export function logitsOutput({ session, metadata }: LoadedModel): string {
  const names = session.outputs.map((output) => output.name);
  if (names.includes("logits")) return "logits";
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot classify with ${quoted(metadata.model)}: the network has no classifier (outputs: ${shortened(names.join(", "))}); describe it with \`options.numClasses\``,
    { outputs: names, remedy: "needs-classifier" },
  );
}

async function openOnnxFile<F extends SourceOptions, P extends SessionOptions>(
  platform: Platform<F, P>,
  file: FileInput,
  options: OpenModelOptions & F & P,
): Promise<LoadedModel> {
  rejectForeign("file", fileName(file), options);
  const source = await platform.openSource(file, options);
  const bytes = await source.read(0, source.size).finally(() => source.close());
  throwIfAborted(options.signal);
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
  const metadata = overrideMetadata(parseModelMetadata(decoded.metadata, file) ?? foreignMetadata(decoded.graph.name), options);
  const constantFolding = foldsLittle(cost, bytes.byteLength);
  const opened = await platform.createSession(bytes, { ...options, name: file, transfer: true, constantFolding });
  const session = boundedSession(opened, form, limits);
  try {
    if (options.labels !== undefined) checkLabels(metadata, logitsCount(session));
    const chosen = options.outputs === undefined ? session : withOutputs(session, options.outputs, file);
    const selfCheck = (options.selfCheck ?? true) ? await runSelfCheck(session, metadata, file) : null;
    return { session: chosen, metadata, report: null, selfCheck, close: () => session.close() };
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
function foreignMetadata(name: string): ModelMetadata {
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

async function runSelfCheck(session: Session, metadata: ModelMetadata, file: string): Promise<number | null> {
  const { golden } = metadata;
  if (golden === null || session.inputs.length === 0) return null;
  const results = await session.run(goldenFeeds(golden, session.inputs, file), { fetches: Object.keys(golden.outputs) });
  const worst = goldenDifferences(golden, results);
  if (worst <= SELF_CHECK_TOLERANCE) return worst;
  throw new InceptionError(
    "SELF_CHECK_FAILED",
    `Cannot load "${file}": the embedded self-check failed on ${session.device} (largest difference ${worst.toPrecision(2)} standard deviations of the output, tolerance ${SELF_CHECK_TOLERANCE}); the file is damaged or the runtime computes different results; pass \`selfCheck\`: false to load it anyway`,
    { file, worst, remedy: "skip-self-check" },
  );
}

/**
 * How images become inputs of a loaded model.
 *
 * @param model - how messages name it
 * @throws InceptionError OPTION_INVALID where neither the weights nor the caller said how, and for a network that takes volumes
 */
export function knownPreprocessing(
  { metadata, session, graph }: Pick<LoadedModel, "metadata"> & { readonly session?: Pick<Session, "inputs">; readonly graph?: Graph },
  model: string,
): Preprocessing {
  const shape = session?.inputs[0]?.shape ?? graph?.inputs[0]?.type.shape;
  if (metadata.segmentation !== undefined || shape?.length === VOLUME_RANK) {
    const message = `Cannot preprocess images for ${quoted(model)}: it segments volumes; use segment`;
    throw new InceptionError("OPTION_INVALID", message, { model });
  }
  if (metadata.preprocessing !== null) return metadata.preprocessing;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot preprocess images for "${model}": the model specifies no preprocessing; pass \`preprocessing\`, for example "timm_inception_v3"`,
    { model, remedy: "needs-preprocessing" },
  );
}

/** Axes of a batch of volumes. */
const VOLUME_RANK = 5;
