import { compileInference } from "../compile/compile.js";
import type { Image } from "../data/image.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import { EXPLANATION_METHODS, type ExplainOptions, type ExplanationName } from "../explain/index.js";
import { concatChunks } from "../formats/concat-chunks.js";
import type { Graph } from "../ir/graph.js";
import { encodeModelMetadata } from "../predict/model-metadata.js";
import { checkRow, imageBatch, type Prediction, predictClasses } from "../predict/predict.js";
import { enlargedPicture, overlay } from "../report/overlay.js";
import type { CallOptions, Platform, SourceOptions } from "../runtime/platform.js";
import type { Session, SessionOptions } from "../runtime/session.js";
import { argMax } from "../tensor/arg-max.js";
import { checkFinite } from "../tensor/finite.js";
import type { OwnBytes } from "../tensor/own-bytes.js";
import type { Float32Tensor, Tensor } from "../tensor/tensor.js";
import type { OpenModelOptions } from "./model-host.js";
import { openPrepared } from "./open-described.js";
import { knownPreprocessing } from "./open-model.js";
import type { PreparedModel } from "./prepare-model.js";

export interface ExplainerOptions extends Omit<OpenModelOptions, "outputs" | "selfCheck">, ExplainOptions {
  /** Attribution methods, in the order of the maps. Default: Grad-CAM. */
  readonly methods?: readonly ExplanationName[];
}

/** Attribution values of one method for each pixel of the network input. */
export interface AttributionMap {
  readonly method: ExplanationName;
  /** width · height values of at least 0, row by row from the top. */
  readonly values: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Pixel with the largest value. */
  readonly peak: { readonly x: number; readonly y: number };
}

/** Attribution maps for one image and one target class. */
export interface Explanation {
  /** Target class with its probability. */
  readonly targetClass: Prediction;
  /** The five most probable classes, highest probability first. */
  readonly top: readonly Prediction[];
  /** Network input as an RGB image: resized and cropped. */
  readonly modelInput: Image;
  readonly attributions: readonly AttributionMap[];
  /**
   * Renders a map over the network input as a PNG file of at least 448 pixels on its longer side, in the colors of
   * `inception explain`. In a page: `img.src = URL.createObjectURL(new Blob([await explanation.overlayPng()]))`.
   *
   * @param map - one of `attributions`. Default: the first
   */
  overlayPng(map?: AttributionMap): Promise<OwnBytes>;
}

/** A loaded model that computes attribution maps. Call `close()` to release its memory. */
export interface Explainer {
  /** Name of the network in messages and pages. */
  readonly model: string;
  readonly methods: readonly ExplanationName[];
  /** Computes the maps of an image. @param target - target class, by index or name. Default: the most probable class */
  explain(image: Image, target?: string | number, options?: CallOptions): Promise<Explanation>;
  /** Computes the maps of a preprocessed input, [1, C, H, W]. */
  explainInput(input: Float32Tensor, target?: string | number, options?: CallOptions): Promise<Explanation>;
  close(): Promise<void>;
}

/** Predictions that an explanation lists. */
const TOP = 5;

/**
 * Loads a classifier for attribution maps.
 *
 * @param model - how messages name it
 * @throws InceptionError OPTION_INVALID for a network that does not classify images, and as the methods; SESSION_FAILED
 */
export async function openExplainer<P extends SessionOptions>(
  platform: Pick<Platform<SourceOptions, P>, "createSession" | "encodePng">,
  model: string,
  prepared: PreparedModel,
  options: ExplainerOptions & P,
): Promise<Explainer> {
  const recipe = knownPreprocessing(prepared, model);
  const methods = options.methods ?? ["grad_cam"];
  const graphs = methods.map((method) => ({ method, graph: EXPLANATION_METHODS[method].build(prepared.graph, options) }));
  const plain = await openPrepared(platform, prepared, { ...options, outputs: ["logits"] });
  const opened: { readonly method: ExplanationName; readonly session: Session }[] = [];
  const close = async (): Promise<void> => {
    await Promise.all([plain.close(), ...opened.map(({ session }) => session.close())]);
  };
  try {
    for (const { method, graph } of graphs) opened.push({ method, session: await openMap(platform, graph, prepared, options) });
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const explainInput: Explainer["explainInput"] = async (input, target, run = {}) => {
    const { logits } = await plain.session.run({ input: copied(input) }, { ...run, fetches: ["logits"] });
    const row = Float32Array.from(logits?.data ?? [], Number);
    checkRow(row, "logits", "an image");
    const all = predictClasses(row, Number.MAX_SAFE_INTEGER, prepared.metadata);
    const chosen = chooseClass(all, target);
    const maps: AttributionMap[] = [];
    for (const { method, session } of opened) maps.push(await runMap(method, session, input, chosen.index, run));
    return new ExplainedImage(
      { targetClass: chosen, top: all.slice(0, TOP), modelInput: seenImage(input, recipe), attributions: maps },
      platform,
    );
  };
  return {
    model: prepared.metadata.model,
    methods,
    close,
    explain: async (image, target, run) => explainInput(imageBatch([image], recipe), target, run),
    explainInput,
  };
}

/** Its drawing is on the prototype, so that the data can be compared and sent to a worker. */
class ExplainedImage implements Explanation {
  readonly targetClass: Prediction;
  readonly top: readonly Prediction[];
  readonly modelInput: Image;
  readonly attributions: readonly AttributionMap[];
  readonly #platform: Pick<Platform, "encodePng">;

  constructor(data: Omit<Explanation, "overlayPng">, platform: Pick<Platform, "encodePng">) {
    this.targetClass = data.targetClass;
    this.top = data.top;
    this.modelInput = data.modelInput;
    this.attributions = data.attributions;
    this.#platform = platform;
  }

  async overlayPng(map = this.attributions[0]): Promise<OwnBytes> {
    return this.#platform.encodePng(map === undefined ? this.modelInput : overlay(enlargedPicture(this.modelInput), map));
  }
}

/**
 * The graph of a method as a plain ONNX model: inputs "input" and "target", first output "map". Its metadata contain the
 * preprocessing and the class names, under `inceptionkit.explains`.
 *
 * @throws InceptionError OPTION_INVALID as the methods
 */
export function encodeExplanation(
  prepared: PreparedModel,
  method: ExplanationName,
  options: ExplainOptions,
): { readonly chunks: readonly Uint8Array[]; readonly byteLength: number; readonly outputs: readonly string[] } {
  const graph = EXPLANATION_METHODS[method].build(prepared.graph, options);
  const metadata = { "inceptionkit.explains": encodeModelMetadata(prepared.metadata), "inceptionkit.method": method };
  const { chunks, byteLength } = compileInference(graph, prepared.parameters, { metadata });
  return { chunks, byteLength, outputs: graph.outputs.map(({ name }) => name) };
}

function openMap<P extends SessionOptions>(
  platform: Pick<Platform<SourceOptions, P>, "createSession">,
  graph: Graph,
  { parameters }: PreparedModel,
  options: P,
): Promise<Session> {
  const bytes = concatChunks(compileInference(graph, parameters).chunks);
  return platform.createSession(bytes, { ...options, name: graph.name, transfer: true });
}

async function runMap(method: ExplanationName, session: Session, input: Tensor, target: number, run: CallOptions): Promise<AttributionMap> {
  const feeds = { input: copied(input), target: { dtype: "int32" as const, shape: [1], data: Int32Array.of(target) } };
  const { map } = await session.run(feeds, { ...run, fetches: ["map"] });
  const [, , height = 0, width = 0] = map?.shape ?? [];
  const values = Float32Array.from(map?.data ?? [], Number);
  checkFinite(values, "explain an image", `the map of ${method}`);
  const best = argMax(values);
  return { method, values, width, height, peak: { x: best % width, y: Math.floor(best / width) } };
}

/** A session may take the memory that it is fed. */
function copied(tensor: Tensor): Tensor {
  return { ...tensor, data: Float32Array.from(tensor.data, Number) };
}

function chooseClass(all: readonly Prediction[], target: string | number | undefined): Prediction {
  const [best] = all;
  const text = String(target);
  const found =
    target === undefined
      ? best
      : (all.find(({ className }) => className === text) ?? all.find(({ index }) => /^\d+$/.test(text) && index === Number(text)));
  if (found) return found;
  const shown = all.slice(0, TOP).map(({ className }) => className);
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot explain class "${text}": expected a name or an index below ${all.length}, such as ${shown.join(", ")}`,
    { target },
  );
}

/** The network's input as a picture again: pixels = x · std + mean, in RGB. */
function seenImage({ shape, data }: Tensor, recipe: Preprocessing): Image {
  const [, channels = 0, height = 0, width = 0] = shape;
  const plane = height * width;
  const pixels = new Uint8Array(3 * plane);
  const order = channels === 1 ? [0, 0, 0] : recipe.channelOrder === "BGR" ? [2, 1, 0] : [0, 1, 2];
  const whitened = recipe.perImageWhitening === true ? rangeOf(data) : null;
  for (const [color, channel] of order.entries()) {
    const [mean = 0, std = 1] = [recipe.mean[channel], recipe.std[channel]];
    for (let at = 0; at < plane; at++) {
      const value = Number(data[channel * plane + at]);
      // What whitening took away is not known any more: the darkest value becomes black, the brightest white.
      const shown = whitened === null ? value * std + mean : ((value - whitened.low) / (whitened.high - whitened.low || 1)) * 255;
      pixels[3 * at + color] = Math.max(0, Math.min(255, Math.round(shown)));
    }
  }
  return { width, height, channels: 3, data: pixels };
}

function rangeOf(data: Tensor["data"]): { readonly low: number; readonly high: number } {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of data) {
    low = Math.min(low, Number(value));
    high = Math.max(high, Number(value));
  }
  return { low, high };
}
