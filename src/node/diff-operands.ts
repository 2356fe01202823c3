import { type ComparedTensor, type Comparison, compareOperands, type Operand, type TensorSet } from "../diff/index.js";
import { InceptionError, messageOf } from "../errors.js";
import { decodeModel } from "../formats/onnx/decode.js";
import { looksLikeOnnx } from "../formats/onnx/sniff.js";
import { hostTensor } from "../formats/onnx/tensor.js";
import type { OnnxModel } from "../formats/onnx/types.js";
import { quoted, shortened } from "../formats/quoted.js";
import { storedModel } from "../models/custom.js";
import { findModel, MODELS, type Model, type ModelOptions, type OptionInput } from "../models/index.js";
import { OWN_NAMES, weightSetsOf } from "../models/weights.js";
import { type ModelMetadata, parseModelMetadata } from "../predict/model-metadata.js";
import { describedModel } from "../tasks/described-model.js";
import type { CheckpointChoice } from "../tasks/model-host.js";
import type { DescribedModel } from "../tasks/model-source.js";
import { metadataOf } from "../tasks/open-described.js";
import { isDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { bestNameMap } from "../weights/apply.js";
import { openWeightFile } from "../weights/containers/index.js";
import { nativeShape, toNative } from "../weights/conventions/convention.js";
import type { TensorEntry, WeightFile } from "../weights/weight-file.js";
import { findBundledModel, prepareBundledModel } from "./bundled-models.js";
import { isFile, openFileSource } from "./file-source.js";
import { describeRun, isRunFolder, prepareRun } from "./training/run-weights.js";
import { pinnedSource } from "./verified-source.js";
import { resolveSource, type SourceOptions } from "./weight-source.js";

/** Options of the networks that are compared. */
export interface CompareNetworksOptions {
  /** Options of the networks that are named by a model id; those in the id itself take precedence. */
  readonly options?: ModelOptions;
}

/**
 * Compares two networks. Each is a model id, a custom network, an ONNX file, a run directory or a bundled model. A model id may
 * be followed by options, each after a colon: `inception_resnet_v2.paper:repeats=10,20,9:numClasses=10`.
 *
 * @throws InceptionError MODEL_UNKNOWN, OPTION_INVALID, RUN_INVALID, FILE_… where one of them cannot be read
 *
 * @example
 * ```ts
 * import { compareNetworks } from "inceptionkit/node";
 * const { equal } = await compareNetworks("googlenet:numClasses=10:inputSize=64:widthMultiplier=0.25", "examples/digits/digits.onnx");
 * equal; // true
 * ```
 */
export async function compareNetworks(
  a: string | DescribedModel,
  b: string | DescribedModel,
  options: CompareNetworksOptions = {},
): Promise<Comparison> {
  const given = options.options ?? {};
  if (Object.keys(given).length > 0 && typeof a === "string" && typeof b === "string" && parseModel(a) === null && parseModel(b) === null) {
    const message = `Cannot use options ${Object.keys(given).join(", ")}: neither ${quoted(a)} nor ${quoted(b)} is a model id, which takes options`;
    throw new InceptionError("OPTION_INVALID", message, { options: given });
  }
  const open = (operand: string | DescribedModel): Promise<Opened> => openOperand(operand, given, COMPARED);
  const [ofA, ofB] = [await open(a), await open(b)];
  const comparison = compareOperands(ofA.operand, ofB.operand);
  const notes = [ofA, ofB].flatMap(({ says }, index) => (says === null ? [] : [`${index === 0 ? "A" : "B"} reports: ${says}`]));
  return { ...comparison, notes: [...notes, ...comparison.notes] };
}

interface Opened {
  readonly operand: Operand;
  /** What an exported file says it is. */
  readonly says: string | null;
}

/** What messages call the work, and what else may be meant by a file that is not ONNX. */
interface Work {
  readonly verb: string;
  readonly hint: string;
}

const COMPARED: Work = { verb: "compare", hint: "to compare weights, use `compareTensors`" };

/**
 * A network to be looked at: a described graph, or a decoded ONNX file.
 *
 * @param network - a model id, which may have options behind it as for `compareNetworks`, a custom network, an ONNX file, the
 *   directory of a run or a bundled model
 * @param options - of a network that is named by a model id, or a custom one; the others have theirs
 * @throws InceptionError as `compareNetworks`; OPTION_INVALID for options beside anything but a model id
 */
export async function openNetwork(network: string | DescribedModel, options: ModelOptions = {}): Promise<Operand> {
  const isFixed = typeof network === "string" && parseModel(network) === null;
  if (isFixed && Object.keys(options).length > 0 && (await isFileOrModel(network))) {
    const message = `Cannot use options with "${messageOf(network)}": only a network given by its id takes options`;
    throw new InceptionError("OPTION_INVALID", message, { text: network, options });
  }
  return (await openOperand(network, options, { verb: "show", hint: "inspect shows what any file contains" })).operand;
}

async function isFileOrModel(text: string): Promise<boolean> {
  return findBundledModel(text) !== null || (await isRunFolder(text)) || (await isFile(text));
}

async function openOperand(text: string | DescribedModel, options: OptionInput, work: Work): Promise<Opened> {
  const described = (operand: Operand): Opened => ({ operand, says: null });
  if (typeof text !== "string") return described({ graph: text.model.describe({ ...options, ...text.options }) });
  const named = parseModel(text);
  if (named !== null) return described({ graph: findModel(named.id).describe({ ...options, ...named.options }) });
  const shipped = findBundledModel(text);
  if (shipped !== null) return described({ graph: (await prepareBundledModel(shipped)).graph });
  if (await isRunFolder(text)) return described({ graph: await describeRun(text) });
  if (!(await isOnnxFile(text, work))) findModel(text);
  const onnx = await readOnnx(text);
  const metadata = parseModelMetadata(onnx.metadata, text);
  const given = Object.entries(metadata?.options ?? {}).map(([name, value]) => `${name}=${optionText(value)}`);
  const says = metadata && shortened([metadata.model, ...given].join(" "));
  return { operand: { name: messageOf(text), onnx, constants: constantsOf(onnx, metadata, text) }, says };
}

/** Not `String(value)`, which calls what an object of the file has under the name "toString". */
function optionText(value: unknown): string {
  return typeof value === "string" ? value : Array.isArray(value) ? value.map(optionText).join() : JSON.stringify(value);
}

/** A model id or family with options; null where the text begins with neither. */
function parseModel(text: string): { readonly id: string; readonly options: OptionInput } | null {
  const [id = "", ...given] = text.split(":");
  if (!MODELS.some((model) => model.id === id || model.family === id)) return null;
  const options = given.map((one) => {
    const at = one.indexOf("=");
    if (at >= 1) return [one.slice(0, at), one.slice(at + 1)] as const;
    const message = `Cannot read "${messageOf(one)}" of "${messageOf(text)}" as an option: expected name=value, as in ${id}:numClasses=10`;
    throw new InceptionError("OPTION_INVALID", message, { text, option: one });
  });
  return { id, options: Object.fromEntries(options) };
}

/** Whether there is such a file and it looks like ONNX, or is called so; a file of another kind is refused as one. */
async function isOnnxFile(file: string, { verb, hint }: Work): Promise<boolean> {
  if (file.toLowerCase().endsWith(".onnx")) return true;
  const source = await openFileSource(file).catch((thrown: unknown) => {
    if (thrown instanceof InceptionError && thrown.code === "FILE_NOT_FOUND") return null;
    throw thrown;
  });
  if (source === null) return false;
  try {
    if (await looksLikeOnnx(source)) return true;
  } finally {
    await source.close();
  }
  throw new InceptionError("FILE_UNRECOGNIZED", `Cannot ${verb} "${messageOf(file)}" as a network: it is not an ONNX file; ${hint}`, {
    file,
  });
}

/** The whole file, with weights as views of it. Parts that are not read do not keep the rest from being compared. */
async function readOnnx(file: string): Promise<OnnxModel> {
  const source = await openFileSource(file);
  try {
    return decodeModel(await source.read(0, source.size), { name: file, externalData: "report", otherParts: "report" });
  } finally {
    await source.close();
  }
}

/** How the tensors of an operand are named and found. */
export interface OpenTensorsOptions extends SourceOptions {
  /** Bring the names and axis orders of weight files to those of this model. Default: the files' own. */
  readonly model?: string | DescribedModel;
  readonly options?: ModelOptions;
  /** Of runs. */
  readonly checkpoint?: CheckpointChoice;
}

/**
 * The network that an exported ONNX file says it holds, whose names the tensors of other files can be brought to; null where the
 * text is no such file.
 */
export async function networkOfFile(text: string): Promise<{ readonly model: DescribedModel; readonly options: OptionInput } | null> {
  if (!text.toLowerCase().endsWith(".onnx")) return null;
  const metadata = parseModelMetadata((await readOnnx(text)).metadata, text);
  const model = metadata && modelOf(metadata, text);
  if (!metadata || !model || parametersOf(model, metadata.options).length === 0) return null;
  return { model: { model, options: {} }, options: metadata.options };
}

/** The network that a file says it holds; null for one that is neither listed nor stored in it. */
function modelOf(metadata: ModelMetadata, file: string): Model | null {
  if (metadata.network === undefined) return MODELS.find(({ id }) => id === metadata.model) ?? null;
  return storedModel(metadata, metadataOf(file));
}

/** A set of tensors whose file stays open while it is read. */
export interface OpenTensorSet extends TensorSet {
  close(): Promise<void>;
}

/**
 * Opens the tensors of a weight file, an ONNX file, a run or a bundled model for comparison.
 *
 * @param text - a run directory, the id of a bundled model, or what `resolveSource` takes
 * @throws InceptionError SOURCE_INVALID, RUN_INVALID, FILE_…, MODEL_UNKNOWN, OPTION_INVALID
 */
export async function openTensors(text: string, options: OpenTensorsOptions = {}): Promise<OpenTensorSet> {
  const nothingToClose = async (): Promise<void> => {};
  const shipped = findBundledModel(text);
  if (shipped !== null) return { ...parameterSet(text, (await prepareBundledModel(shipped)).parameters), close: nothingToClose };
  if (await isRunFolder(text)) {
    const { checkpoint } = options;
    const { parameters } = await prepareRun(text, checkpoint === undefined ? {} : { checkpoint });
    return { ...parameterSet(text, parameters), close: nothingToClose };
  }
  refuseBareModel(text);
  const found = await resolveSource(text, options);
  const name = messageOf(text);
  const opened = await openFileSource(found.path);
  try {
    const source = found.sha256 === undefined ? opened : await pinnedSource(opened, found.name, found.sha256);
    if (await looksLikeOnnx(source)) {
      const onnx = decodeModel(await source.read(0, source.size), { name: found.name, externalData: "report", otherParts: "report" });
      const constants = constantsOf(onnx, parseModelMetadata(onnx.metadata, found.name), found.name);
      const parameters = onnx.graph.initializers.filter((tensor) => !constants.has(tensor.name));
      return { name, tensors: new Map(parameters.map((tensor) => [tensor.name, onnxEntry(tensor)])), close: () => opened.close() };
    }
    const file = await openWeightFile(source);
    const tensors = options.model === undefined ? ownTensors(file) : renamedTensors(file, options.model, options.options ?? {});
    return { name, tensors, close: () => opened.close() };
  } catch (thrown) {
    await opened.close();
    throw thrown;
  }
}

/**
 * Initializers of an exported file that are none of its network's parameters: constants that lowering to ONNX added, as the band of
 * a local response normalization. None where the file does not say which network it holds, or holds integers in place of
 * parameters.
 */
function constantsOf({ graph }: OnnxModel, metadata: ModelMetadata | null, file: string): ReadonlySet<string> {
  if (metadata === null || metadata.quantization !== undefined) return new Set();
  const model = modelOf(metadata, file);
  if (model === null) return new Set();
  const parameters = new Set(parametersOf(model, metadata.options));
  if (parameters.size === 0) return new Set();
  return new Set(graph.initializers.flatMap(({ name }) => (parameters.has(name) ? [] : [name])));
}

/** Paths of a network's parameters; none for options out of a file that it does not have. */
function parametersOf(model: Model, options: OptionInput): readonly string[] {
  try {
    return model.describe(options).parameters.map(({ path }) => path);
  } catch (thrown) {
    if (thrown instanceof InceptionError) return [];
    throw thrown;
  }
}

/** A described network has no weights of its own. */
function refuseBareModel(text: string): void {
  const named = parseModel(text);
  if (named === null) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot compare the weights of "${messageOf(text)}": a model id has no weights, expected a file, hf:owner/name, a run directory or a bundled model`,
    { model: named.id },
  );
}

function parameterSet(name: string, parameters: ReadonlyMap<string, Tensor>): TensorSet {
  const entry = (tensor: Tensor): ComparedTensor => ({ dtype: tensor.dtype, shape: tensor.shape, read: async () => tensor });
  return { name: messageOf(name), tensors: new Map([...parameters].map(([path, tensor]) => [path, entry(tensor)])) };
}

function onnxEntry(tensor: OnnxModel["graph"]["initializers"][number]): ComparedTensor {
  const { dtype, shape, external } = tensor;
  return { dtype, shape, read: isDType(dtype) && external === undefined ? async () => hostTensor(tensor) : null };
}

function fileEntry(entry: TensorEntry): ComparedTensor {
  return { dtype: entry.dtype, shape: entry.shape, read: () => entry.read() };
}

function ownTensors(file: WeightFile): ReadonlyMap<string, ComparedTensor> {
  return new Map([...file.tensors].map(([name, entry]) => [name, fileEntry(entry)]));
}

/** Tensors under a model's paths and in its axis order; what the model does not have keeps its own name. */
function renamedTensors(file: WeightFile, network: string | DescribedModel, options: OptionInput): ReadonlyMap<string, ComparedTensor> {
  const { model, options: own } = describedModel(network);
  const graph = model.describe({ ...own, ...options });
  const map = bestNameMap(graph, file, [...weightSetsOf(model.id).map((set) => set.map), OWN_NAMES]);
  const parameters = new Map(graph.parameters.map((parameter) => [map.nameOf(parameter.path), parameter]));
  return new Map(
    [...file.tensors].flatMap(([name, entry]) => {
      const parameter = parameters.get(name);
      if (parameter === undefined) return map.ignore.some((pattern) => pattern.test(name)) ? [] : [[name, fileEntry(entry)] as const];
      const { path, role } = parameter;
      const read = async (): Promise<Tensor> => toNative(map.convention, role, await entry.read());
      return [[path, { dtype: entry.dtype, shape: nativeShape(map.convention, role, entry.shape), read }] as const];
    }),
  );
}
