/** The client: one function for each route. */
import {
  type Classification,
  classificationOf,
  type EmbedSettings,
  type ExplainSettings,
  type ExplanationSummary,
  explanationOf,
  type SegmentationSummary,
  type ServedModel,
  segmentationOf,
  servedModelsOf,
} from "./answers.js";
import { readAnswer } from "./json.js";
import { type NumericArray, readFloats, readIntegers } from "./npy.js";
import {
  decodeInfer,
  encodeInfer,
  type InferAnswer,
  type InferSettings,
  type ModelTensors,
  modelTensorsOf,
  type ServerTensor,
} from "./tensors.js";
import { type Answer, type ClientOptions, type FileInput, failureOf, openTransport, type RequestSettings } from "./transport.js";

/** The forms of an explanation by their names. */
export interface ExplanationForms {
  /** The map over the image, a PNG file. */
  readonly png: Uint8Array;
  /** The map itself, [height, width]. */
  readonly map: NumericArray<Float32Array>;
  readonly summary: ExplanationSummary;
}

/** The forms of a segmentation by their names. */
export interface SegmentationForms {
  /** A compressed NIfTI file with the grid of the volume, `.nii.gz`. */
  readonly "nii.gz": Uint8Array;
  /** The same, not compressed. */
  readonly nii: Uint8Array;
  /** The label of each voxel, [z, y, x]. */
  readonly voxels: NumericArray<Int32Array>;
  /** Slices with the labels over them, a PNG file. */
  readonly png: Uint8Array;
  readonly summary: SegmentationSummary;
}

/** How a form is requested and read. */
interface Form<T> {
  readonly accept: string;
  readonly read: (answer: Answer) => T;
}

const bytesOf = ({ bytes }: Answer): Uint8Array => new Uint8Array(bytes);
const EXPLANATIONS: { readonly [F in keyof ExplanationForms]: Form<ExplanationForms[F]> } = {
  png: { accept: "image/png", read: bytesOf },
  map: { accept: "application/x-npy", read: ({ bytes }) => readFloats(bytes) },
  summary: { accept: "application/json", read: (answer) => readAnswer(answer, explanationOf) },
};
const SEGMENTATIONS: { readonly [F in keyof SegmentationForms]: Form<SegmentationForms[F]> } = {
  "nii.gz": { accept: "application/gzip", read: bytesOf },
  nii: { accept: "application/x-nifti", read: bytesOf },
  voxels: { accept: "application/x-npy", read: ({ bytes }) => readIntegers(bytes) },
  png: { accept: "image/png", read: bytesOf },
  summary: { accept: "application/json", read: (answer) => readAnswer(answer, segmentationOf) },
};

/** Requests to one server. Every function rejects with a `ClientError`, or with the reason of a signal that is aborted. */
export interface InferenceClient {
  /** Models of the server. */
  models(settings?: RequestSettings): Promise<readonly ServedModel[]>;
  /** The most probable classes of an image, `top` of them (default: 5). */
  classify(model: string, image: FileInput, settings?: RequestSettings & { readonly top?: number }): Promise<Classification>;
  /** The feature vector of an image. */
  embed(model: string, image: FileInput, settings?: EmbedSettings): Promise<Float32Array>;
  /** Which parts of an image decide for a class, in one form. */
  explain<F extends keyof ExplanationForms>(
    model: string,
    image: FileInput,
    form: F,
    settings?: ExplainSettings,
  ): Promise<ExplanationForms[F]>;
  /** The labels of a NIfTI volume, in one form. */
  segment<F extends keyof SegmentationForms>(
    model: string,
    volume: FileInput,
    form: F,
    settings?: RequestSettings,
  ): Promise<SegmentationForms[F]>;
  /** Whether the server can be used. */
  isReady(settings?: RequestSettings): Promise<boolean>;
  /** Whether a model can be used. */
  isModelReady(model: string, settings?: RequestSettings): Promise<boolean>;
  /** Inputs and outputs of a model (Open Inference Protocol). */
  metadata(model: string, settings?: RequestSettings): Promise<ModelTensors>;
  /** Runs a model with tensors (Open Inference Protocol), which are sent and received as bytes. */
  infer(model: string, inputs: Readonly<Record<string, ServerTensor>>, settings?: InferSettings): Promise<InferAnswer>;
}

/**
 * Creates a client of `inception serve`. `isReady`, `isModelReady`, `metadata` and `infer` work with every server of the Open Inference
 * Protocol, version 2, that has the binary tensor extension. No request is sent before one of its functions is called.
 *
 * @param url - of the server, with the path below which a proxy serves it
 * @throws ClientError OPTION_INVALID
 *
 * @example
 * ```ts
 * import { createClient } from "inceptionkit/client";
 * const client = createClient("http://127.0.0.1:8080", { retries: 3 });
 * // Nothing listens there yet.
 * await client.isReady().catch(() => false); // false
 * ```
 */
export function createClient(url: string, options: ClientOptions = {}): InferenceClient {
  const { exchange, send } = openTransport(url, options);
  const task = (model: string, route: string, body: FileInput, accept: string, settings: RequestSettings, query: Query = {}) =>
    send({ path: `/v1/models/${encodeURIComponent(model)}/${route}${queryText(query)}`, body, headers: { accept } }, settings);
  const ready = async (path: string, settings: RequestSettings): Promise<boolean> => {
    const answer = await exchange({ path }, settings);
    if (answer.status === 200) return true;
    const failure = failureOf(answer);
    // A server that is not ready answers so, without problem details.
    if (answer.status === 503 && failure.code === "ANSWER_INVALID") return false;
    throw failure;
  };
  return {
    models: async (settings) => readAnswer(await send({ path: "/v1/models" }, settings), servedModelsOf),
    classify: async (model, image, { top, ...settings } = {}) =>
      readAnswer(await task(model, "classify", image, "application/json", settings, { top }), classificationOf),
    embed: async (model, image, { normalize, ...settings } = {}) =>
      readFloats((await task(model, "embed", image, "application/x-npy", settings, { normalize })).bytes).data,
    explain: async (model, image, form, { method, target, ...settings } = {}) => {
      const { accept, read } = EXPLANATIONS[form];
      return read(await task(model, "explain", image, accept, settings, { method, target }));
    },
    segment: async (model, volume, form, settings = {}) => {
      const { accept, read } = SEGMENTATIONS[form];
      return read(await task(model, "segment", volume, accept, settings));
    },
    isReady: (settings = {}) => ready("/v2/health/ready", settings),
    isModelReady: (model, settings = {}) => ready(`${v2Path(model)}/ready`, settings),
    metadata: async (model, settings) => readAnswer(await send({ path: v2Path(model) }, settings), modelTensorsOf),
    infer: async (model, inputs, settings = {}) => {
      const { body, headerLength } = encodeInfer(inputs, settings);
      const headers = { "inference-header-content-length": String(headerLength) };
      return decodeInfer(await send({ path: `${v2Path(model, settings.version)}/infer`, body, headers }, settings));
    },
  };
}

function v2Path(model: string, version?: string): string {
  const path = `/v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

function queryText(query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  const text = given.toString();
  return text === "" ? "" : `?${text}`;
}
