/** A client of `inception serve` and of other servers of the Open Inference Protocol, over `fetch`. It imports nothing else of this package. */

export type {
  Classification,
  ClassProbability,
  EmbedSettings,
  ExplainSettings,
  ExplanationSummary,
  SegmentationSummary,
  SegmentedLabelSize,
  ServedModel,
  UnknownImageDecision,
} from "./answers.js";
export {
  createClient,
  type ExplanationForms,
  type InferenceClient,
  type SegmentationForms,
} from "./client.js";
export type { NumericArray } from "./npy.js";
export type { InferAnswer, InferSettings, ModelTensors, ServerTensor, TensorElements, TensorFacts } from "./tensors.js";
export { ClientError, type ClientOptions, type FileInput, type RequestSettings } from "./transport.js";
