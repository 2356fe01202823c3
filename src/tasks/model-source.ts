import { messageOf } from "../errors.js";
import type { Model, OptionInput } from "../models/index.js";
import type { FileInput } from "../runtime/platform.js";
import type { PreparedModel } from "./prepare-model.js";

/** A custom network: what `describe` returns for one. */
export interface DescribedModel {
  readonly model: Model;
  /** The options that it was described with. */
  readonly options: OptionInput;
}

/** The key under which an opened model gives its network and weights, to be exported or trained further. */
export const PREPARED: unique symbol = Symbol("prepared");

/** A model that is open. */
export interface PreparedSource {
  /** Id of the network. */
  readonly model: string;
  /** @internal The network and its weights. */
  readonly [PREPARED]: () => Promise<PreparedModel>;
}

/**
 * What can be opened: an id, an exported `.onnx` file, whatever else the platform knows by name, a custom network, or the model
 * of an opened one.
 */
export type ModelSource = FileInput | DescribedModel | PreparedSource;

/** Whether a source is an ONNX file: by its name, or because content alone was given, which only an ONNX file explains by itself. */
export function isOnnx(source: ModelSource): source is FileInput {
  if (typeof source === "string") return /\.onnx$/i.test(withoutQuery(source));
  return !("model" in source);
}

/** How messages name a model. */
export function modelName(source: ModelSource): string {
  if (typeof source === "string") return source;
  if (PREPARED in source) return source.model;
  return "model" in source ? source.model.id : fileName(source);
}

/** How messages name a file. Nothing of a URL but its origin and path, since the rest may be secret. */
export function fileName(source: FileInput): string {
  if (typeof source === "string") return messageOf(source);
  if ("href" in source) return messageOf(withoutQuery(source.href));
  if ("name" in source && typeof source.name === "string") return messageOf(source.name);
  return "model";
}

/** A URL without what follows its path; any other text as it is. */
export function withoutQuery(text: string): string {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text) ? text.replace(/[?#].*$/, "") : text;
}
