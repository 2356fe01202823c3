/// <reference lib="esnext.disposable" preserve="true" />
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import type { ExplainOptions, ExplanationName } from "../explain/index.js";
import { quoted } from "../formats/quoted.js";
import { type Predictions, predictClasses } from "../predict/predict.js";
import { callOf, NEVER_ABORTED, untilAborted } from "../runtime/abort.js";
import type { CallOptions, ImageInput, SourceOptions } from "../runtime/platform.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import type { Explainer, ExplainerOptions, Explanation } from "./explain.js";
import { imageName } from "./image-input.js";
import type { LoadedModel, ModelHost, OpenModelOptions } from "./model-host.js";
import { type ModelSource, PREPARED, type PreparedSource } from "./model-source.js";
import { knownPreprocessing, logitsOutput, openModel } from "./open-model.js";
import { isPrepared, type PreparedImage, preparedInput } from "./prepared-image.js";
import { type ImageRun, type RunImagesOptions, runImages } from "./run-images.js";

/** Options of `Classifier.classify`. */
export interface ClassifyOptions extends RunImagesOptions {
  /** Number of classes to return, at least 1. Default: 5. */
  readonly top?: number;
}

/** Options of `Embedder.embed`. */
export interface EmbedOptions extends RunImagesOptions {
  /** Scale each vector to Euclidean length 1, for similarity search. Default: false. */
  readonly normalize?: boolean;
}

/** Options of `Classifier.explain`. */
export interface ExplainImageOptions extends CallOptions, ExplainOptions {
  /** Attribution method. Default: "grad_cam". */
  readonly method?: ExplanationName;
  /** Target class, by index or name. Default: the most probable class. */
  readonly target?: number | string;
}

/** A loaded model. Call `close()`, or declare it with `await using`, to release its memory. */
export interface OpenedModel extends PreparedSource {
  /** Model id, or the graph name in a file of another program. */
  readonly model: string;
  /** Class names by index; null if the model has none. */
  readonly classNames: readonly string[] | null;
  /** Device that the model runs on. */
  readonly device: Session["device"];
  /** Runs the network on tensors: its inputs and outputs, and `run`. */
  readonly session: Pick<Session, "inputs" | "outputs" | "run">;
  /** Releases the memory of the model. Calls that are still running are rejected with SESSION_CLOSED. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A loaded model that computes feature vectors of images. */
export interface Embedder extends OpenedModel {
  /**
   * Computes one feature vector per image: the output "embedding" if the model has it, otherwise "features".
   *
   * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID, IMAGE_INVALID, IMAGE_LIMIT, NOT_FINITE, SESSION_CLOSED, SESSION_FAILED
   */
  embed(image: ImageInput | PreparedImage, options?: EmbedOptions): Promise<Float32Array>;
  embed(images: readonly (ImageInput | PreparedImage)[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
  /**
   * Decodes and preprocesses an image, so that it can be done while the network runs on other images. `embed` and the methods of a
   * classifier accept the result in place of the image and return the same.
   *
   * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID, IMAGE_INVALID, IMAGE_LIMIT
   *
   * @example
   * ```ts
   * import { openClassifier } from "inceptionkit";
   * await using classifier = await openClassifier("examples/digits/digits.onnx");
   * const seven = await classifier.prepare("examples/digits/images/7-a.png");
   * const three = await classifier.prepare("examples/digits/images/3-a.png");
   * const predictions = await classifier.classify([seven, three], { top: 1 });
   * console.log(predictions.length); // 2
   * ```
   */
  prepare(image: ImageInput, options?: CallOptions): Promise<PreparedImage>;
}

/** A loaded image classifier. */
export interface Classifier extends Embedder {
  /**
   * Predicts the most probable classes of each image, highest probability first. Of a model with calibration, probabilities are
   * calibrated; of one with a threshold for unknown images, the list has a property `unknown` too. See docs/calibration.md.
   *
   * @throws InceptionError FILE_NOT_FOUND, SOURCE_INVALID, IMAGE_INVALID, IMAGE_LIMIT, NOT_FINITE, SESSION_CLOSED, SESSION_FAILED;
   *   OPTION_INVALID for `top` below 1
   */
  classify(image: ImageInput | PreparedImage, options?: ClassifyOptions): Promise<Predictions>;
  classify(images: readonly (ImageInput | PreparedImage)[], options?: ClassifyOptions): Promise<readonly Predictions[]>;
  /**
   * Computes an attribution map: how much each pixel contributes to the target class. The first call differentiates the network and
   * opens a second session, which takes as long as loading the model.
   *
   * @throws InceptionError OPTION_INVALID for an unknown target class, and for int8 models and models of other programs, which cannot
   *   be differentiated; otherwise as `classify`
   */
  explain(image: ImageInput | PreparedImage, options?: ExplainImageOptions): Promise<Explanation>;
}

/**
 * Open a model that classifies images.
 *
 * @throws InceptionError as `openModel`; OPTION_INVALID where the model has no logits, or its preprocessing is not known
 */
export async function openClassifier<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<Classifier> {
  const opened = await openImages(host, source, { ...options, needsClassifier: true });
  const { run, loaded } = opened;
  try {
    const output = logitsOutput(loaded);
    const explainers = explainersOf(host, source, opened.name, { ...options, signal: NEVER_ABORTED });
    const classify = async (images: OneOrMore, given: ClassifyOptions = {}) => {
      const top = checkedTop(given.top);
      return each(images, async (all) =>
        (await runImages(run, all, output, given)).map((row) => predictClasses(row, top, loaded.metadata)),
      );
    };
    const prepare = preparing(run);
    const explain = async (image: ImageInput | PreparedImage, given: ExplainImageOptions = {}) => {
      const { target, signal, method = "grad_cam", ...settings } = given;
      const cancel = signal === undefined ? {} : { signal };
      const input = preparedInput(isPrepared(image) ? image : await prepare(image, cancel), run.preprocessing);
      // It stays for the next call, so that it is opened to the end even where this call is aborted.
      const explainer = await untilAborted(signal, explainers.open(method, settings));
      return explainer.explainInput(input, target, cancel);
    };
    return withDisposal({
      ...described(host, source, loaded, options),
      // The overloads say which result belongs to which input; the functions compute both alike.
      classify: classify as Classifier["classify"],
      embed: embedding(run) as Classifier["embed"],
      prepare,
      explain,
      close: async () => {
        await Promise.all([explainers.close(), loaded.close()]);
      },
    });
  } catch (thrown) {
    await loaded.close();
    throw thrown;
  }
}

/**
 * Loads a model that computes feature vectors. The weights may lack the classifier. Call `close()`, or declare it with
 * `await using`, to release its memory.
 *
 * @throws InceptionError as `openModel`; OPTION_INVALID where its preprocessing is not known
 */
export async function openEmbedder<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<Embedder> {
  const { run, loaded } = await openImages(host, source, { ...options, needsClassifier: false });
  try {
    embeddingOutput(loaded);
    const prepare = preparing(run);
    return withDisposal({
      ...described(host, source, loaded, { ...options, needsClassifier: false }),
      embed: embedding(run) as Embedder["embed"],
      prepare,
      close: () => loaded.close(),
    });
  } catch (thrown) {
    await loaded.close();
    throw thrown;
  }
}

/** A model that is open, and how images are run through it. */
export interface OpenedImages<F extends SourceOptions> {
  readonly run: ImageRun<F>;
  readonly loaded: LoadedModel;
  readonly name: string;
}

/** @throws InceptionError as `openModel`; OPTION_INVALID where its preprocessing is not known */
export async function openImages<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  options: OpenModelOptions & F & P,
): Promise<OpenedImages<F>> {
  const loaded = await openModel(host, source, options);
  try {
    const name = typeof source === "string" ? source : loaded.metadata.model;
    const preprocessing: Preprocessing = knownPreprocessing(loaded, name);
    const sources = { ...options, signal: NEVER_ABORTED };
    return { run: { platform: host.platform, loaded, preprocessing, sources }, loaded, name };
  } catch (thrown) {
    await loaded.close();
    throw thrown;
  }
}

function described<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  { metadata, session }: LoadedModel,
  options: OpenModelOptions & F & P,
): Omit<OpenedModel, "close" | typeof Symbol.asyncDispose> {
  return {
    model: metadata.model,
    classNames: metadata.labels,
    device: session.device,
    session: { inputs: session.inputs, outputs: session.outputs, run: (feeds, how) => session.run(feeds, how) },
    // Read again from where it was opened: a session does not give its weights back.
    [PREPARED]: async () => (await import("./open-described.js")).resolveModel(host, source, options),
  };
}

function withDisposal<T extends { readonly close: () => Promise<void> }>(opened: T): T & { [Symbol.asyncDispose](): Promise<void> } {
  return { ...opened, [Symbol.asyncDispose]: () => opened.close() };
}

/** What `classify` and `embed` accept. */
type OneOrMore = ImageInput | PreparedImage | readonly (ImageInput | PreparedImage)[];

/** One image has one result, an array of them an array. */
async function each<T>(
  images: OneOrMore,
  compute: (all: readonly (ImageInput | PreparedImage)[]) => Promise<readonly T[]>,
): Promise<T | readonly T[]> {
  if (isList(images)) return compute(images);
  const [result] = await compute([images]);
  if (result === undefined) throw new RangeError("Cannot run one image: there is no result");
  return result;
}

function isList(images: OneOrMore): images is readonly (ImageInput | PreparedImage)[] {
  return Array.isArray(images);
}

function checkedTop(top = 5): number {
  if (Number.isSafeInteger(top) && top >= 1) return top;
  throw new InceptionError("OPTION_INVALID", `Cannot classify with top ${top}: expected an integer of at least 1`, { top });
}

function preparing<F extends SourceOptions>({ platform, preprocessing, sources }: ImageRun<F>): Embedder["prepare"] {
  return async (image, given = {}) => {
    const input = await untilAborted(given.signal, platform.prepareImage(image, preprocessing, { ...sources, ...callOf(given) }));
    return { name: imageName(image), input, preprocessing };
  };
}

function embedding<F extends SourceOptions>(run: ImageRun<F>) {
  return async (images: OneOrMore, options: EmbedOptions = {}) => {
    const output = embeddingOutput(run.loaded);
    return each(images, async (all) => {
      const rows = await runImages(run, all, output, options);
      return options.normalize === true ? rows.map(normalized) : rows;
    });
  };
}

/** The output that is a feature vector. @throws InceptionError OPTION_INVALID */
export function embeddingOutput({ session, metadata }: LoadedModel): string {
  const names = session.outputs.map(({ name }) => name);
  const found = ["embedding", "features"].find((name) => names.includes(name));
  if (found !== undefined) return found;
  const fact = `it has no output "embedding" or "features" (outputs: ${names.join(", ")})`;
  throw new InceptionError("OPTION_INVALID", `Cannot compute embeddings with ${quoted(metadata.model)}: ${fact}`, { outputs: names });
}

/** A vector of length 1; zeros, which have no direction, stay zeros. */
function normalized(row: Float32Array): Float32Array {
  let squares = 0;
  for (const value of row) squares += value * value;
  const norm = Math.sqrt(squares);
  return norm === 0 ? row : row.map((value) => value / norm);
}

/** Explainers of a model, each opened at its first use. */
function explainersOf<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  name: string,
  options: OpenModelOptions & F & P,
) {
  const opened = new Map<string, Promise<Explainer>>();
  return {
    open: (method: ExplanationName, settings: ExplainOptions): Promise<Explainer> => {
      const key = JSON.stringify([method, settings]);
      const found = opened.get(key);
      if (found !== undefined) return found;
      const explainer = explainerOf(host, source, name, { ...options, ...settings, methods: [method] });
      opened.set(key, explainer);
      // One that could not be opened is tried again.
      explainer.catch(() => opened.delete(key));
      return explainer;
    },
    close: async () => {
      const all = await Promise.allSettled(opened.values());
      await Promise.all(all.flatMap((result) => (result.status === "fulfilled" ? [result.value.close()] : [])));
    },
  };
}

/** What explaining needs, differentiation above all, is loaded by who explains. */
async function explainerOf<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  name: string,
  options: OpenModelOptions & ExplainerOptions & F & P,
): Promise<Explainer> {
  const [{ resolveModel }, { openExplainer }] = await Promise.all([import("./open-described.js"), import("./explain.js")]);
  return openExplainer(host.platform, name, await resolveModel(host, source, options), options);
}
