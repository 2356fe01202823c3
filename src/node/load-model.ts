import { type CompileOptions, compileInference } from "../compile/compile.js";
import type { Preprocessing } from "../data/index.js";
import { InceptionError, messageOf } from "../errors.js";
import { checkOps } from "../formats/onnx/check-ops.js";
import { checkWeights } from "../formats/onnx/check-weights.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { concatChunks } from "../formats/onnx/encode.js";
import { INFERENCE_OPS } from "../formats/onnx/schemas.js";
import { quoted, shortened } from "../formats/quoted.js";
import { findModel } from "../models/index.js";
import { type Artefact, goldenDifferences, goldenFeeds, parseArtefact } from "../predict/artefact.js";
import type { Device, Session } from "../runtime/session.js";
import type { WeightReport } from "../weights/apply.js";
import { openFileSource } from "./file-source.js";
import type { CheckpointChoice } from "./open-run.js";
import { createNodeSession, type IsolationOptions, type NodeSessionOptions } from "./ort-session.js";
import { namedPreprocessing, type PreparedModel, type PrepareOptions, prepareModel } from "./prepare-model.js";
import { findShippedModel, prepareShippedModel } from "./shipped-models.js";
import { isRunFolder, prepareRun } from "./training/run-weights.js";

export interface LoadModelOptions extends PrepareOptions, IsolationOptions {
  /** Where the weights are; needed with a model id, meaningless with a file or a run. */
  readonly weights?: string;
  /** Of a run: which of its checkpoints. Default: `best`, or `last` where no epoch was finished. */
  readonly checkpoint?: CheckpointChoice;
  /** Default "auto". */
  readonly device?: Device;
  /** CPU threads; 0, the default, means one for each core. */
  readonly threads?: number;
  /** Outputs to compute. Default: all. */
  readonly outputs?: readonly string[];
  /** Run the golden example that an exported file carries, and refuse the file when this machine computes something else. Default true. */
  readonly selfCheck?: boolean;
}

/** A network that is ready to run. Close it to give its memory back. */
export interface LoadedModel {
  readonly session: Session;
  readonly artefact: Artefact;
  /** How file and network matched; null for an ONNX file. */
  readonly report: WeightReport | null;
  /** Difference from the file's golden example in units of its spread; null where there is none or it was not run. */
  readonly selfCheck: number | null;
  close(): Promise<void>;
}

/**
 * Load a network to run it: a model id with a source of weights, a self-contained `.onnx` file, or the folder of a
 * training run.
 *
 * @throws InceptionError as `prepareModel` and `prepareRun`; FILE_…, NOT_FINITE (a weight is NaN or infinite), SESSION_FAILED,
 *   DEVICE_UNAVAILABLE, SELF_CHECK_FAILED
 *
 * @example
 * ```ts
 * import { decodeImage, loadModel } from "inceptionkit/node";
 * const model = await loadModel("examples/digits/digits.onnx");
 * console.log(model.artefact.labels);
 * await model.close();
 * ```
 */
export async function loadModel(model: string, options: LoadModelOptions = {}): Promise<LoadedModel> {
  if (model.toLowerCase().endsWith(".onnx")) return loadOnnxFile(model, options);
  return loadPrepared(await prepareAny(model, options), options);
}

/**
 * A model of the package, a run's network, or a model with weights.
 *
 * @param model - the id of a model of the package, a model id, or the folder of a run
 * @throws InceptionError as `prepareShippedModel`, `prepareModel` and `prepareRun`; OPTION_INVALID for a model without weights, and
 *   for weights or options beside a run or a model of the package, which have their own
 */
export async function prepareAny(
  model: string,
  options: PrepareOptions & Pick<LoadModelOptions, "weights" | "checkpoint">,
): Promise<PreparedModel> {
  const { weights, checkpoint } = options;
  const shipped = findShippedModel(model);
  if (shipped !== null) {
    if (weights === undefined && checkpoint === undefined && Object.keys(options.options ?? {}).length === 0)
      return prepareShippedModel(shipped);
    const message = `Cannot use weights, checkpoint or options with model "${model}": expected none, it has its own`;
    throw new InceptionError("OPTION_INVALID", message, { model });
  }
  if (await isRunFolder(model)) {
    const foreign = [...(weights === undefined ? [] : ["weights"]), ...(Object.keys(options.options ?? {}).length > 0 ? ["options"] : [])];
    if (foreign.length === 0) return prepareRun(model, options);
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot use ${foreign.join(" and ")} with run "${messageOf(model)}": expected none, a run has its own`,
      { model },
    );
  }
  findModel(model);
  if (weights === undefined) {
    throw new InceptionError(
      "OPTION_INVALID",
      `Cannot run "${model}" without weights: expected a source, as in --weights model.safetensors or --weights hf:owner/name`,
      { id: model },
    );
  }
  if (checkpoint === undefined) return prepareModel(model, weights, options);
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use checkpoint ${checkpoint} of "${model}": it is a model with weights, expected the folder of a run`,
    {
      model,
      checkpoint,
    },
  );
}

/** The output that classifies: "logits", or the only one of a file that another program exported. */
export function logitsOutput({ session, artefact }: LoadedModel): string {
  const names = session.outputs.map((output) => output.name);
  if (names.includes("logits")) return "logits";
  const [only] = names;
  if (names.length === 1 && only !== undefined) return only;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot classify with ${quoted(artefact.model)}: it has no logits but ${shortened(names.join(", "))}; with --option numClasses=N it gets a classifier`,
    { outputs: names },
  );
}

/**
 * Load a network that is described and has its weights.
 *
 * @throws InceptionError SESSION_FAILED, DEVICE_UNAVAILABLE, OPTION_INVALID
 */
export async function loadPrepared(
  { graph, parameters, artefact, report }: PreparedModel,
  options: Pick<LoadModelOptions, PlaceOption | "outputs"> = {},
): Promise<LoadedModel> {
  const compile: CompileOptions = options.outputs ? { outputs: options.outputs } : {};
  const bytes = concatChunks(compileInference(graph, parameters, compile).chunks);
  const session = await createNodeSession(bytes, { ...sessionOptions(options), name: artefact.model, transfer: true });
  return { session, artefact, report, selfCheck: null, close: () => session.close() };
}

async function loadOnnxFile(file: string, options: LoadModelOptions): Promise<LoadedModel> {
  const source = await openFileSource(file);
  let bytes: Uint8Array;
  try {
    bytes = await source.read(0, source.size);
  } finally {
    await source.close();
  }
  const decoded = decodeModel(bytes, { name: file });
  checkOps(decoded, INFERENCE_OPS, file);
  checkWeights(decoded, file);
  const artefact = overrideArtefact(parseArtefact(decoded.metadata, file) ?? foreignArtefact(decoded.graph.name), options);
  const session = await createNodeSession(bytes, { ...sessionOptions(options), name: file, transfer: true });
  try {
    const selfCheck = (options.selfCheck ?? true) ? await runSelfCheck(session, artefact, file) : null;
    return { session, artefact, report: null, selfCheck, close: () => session.close() };
  } catch (thrown) {
    await session.close();
    throw thrown;
  }
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

function overrideArtefact(artefact: Artefact, { preprocessing, labels }: LoadModelOptions): Artefact {
  const recipe = typeof preprocessing === "string" ? namedPreprocessing(preprocessing) : preprocessing;
  return { ...artefact, preprocessing: recipe ?? artefact.preprocessing, labels: labels ?? artefact.labels };
}

type PlaceOption = "device" | "threads" | keyof IsolationOptions;

/** Those of a model's options that say where its sessions run. */
export function sessionOptions(options: Pick<LoadModelOptions, PlaceOption>): Pick<NodeSessionOptions, PlaceOption> {
  const { device, threads, isolate, timeLimit, memoryLimit } = options;
  const given = Object.entries({ device, threads, isolate, timeLimit, memoryLimit }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

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
 * @throws InceptionError OPTION_INVALID where neither the weights nor the caller said how
 */
export function knownPreprocessing({ artefact }: Pick<LoadedModel, "artefact">, model: string): Preprocessing {
  if (artefact.preprocessing !== null) return artefact.preprocessing;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot prepare images for "${model}": its weights do not say how, expected --preprocessing with a name`,
    { model },
  );
}
