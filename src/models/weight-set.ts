import type { OptionInput } from "../options.js";
import type { NameMap } from "../weights/name-map.js";

/** A published set of weights for a model, as data: names, preparation of the pixels, labels, license. */
export interface WeightSet {
  readonly id: string;
  readonly model: string;
  /** Who published it, for people. */
  readonly source: string;
  readonly map: NameMap;
  /** Key of the preprocessing recipe that the weights were trained with. */
  readonly preprocessing: string;
  /** Key of the label list, or null where the head gives no classes. */
  readonly labels: "imagenet_1000" | null;
  readonly licence: string;
  /** Numeric options that the weights were trained with, where they are not the model's defaults. */
  readonly options?: OptionInput;
  /** The files that hold such weights, the usual one first; empty where it is not known where they are. */
  readonly files: readonly PublishedWeights[];
  /** The `model` fields of the golden files that were computed with this implementation. */
  readonly goldens?: readonly string[];
  /** Modules that this implementation calls otherwise than the network's paths, by its name: what gives the same value. */
  readonly modules?: Readonly<Record<string, string>>;
}

/** One published file. */
export interface PublishedWeights {
  /** What `pretrained:<name>` calls it, unique over all sets. */
  readonly name: string;
  /** Where it is: `hf:owner/name` or an `https:` address. */
  readonly source: string;
  /** Hexadecimal SHA-256, or its first eight digits where the publisher gives no more. */
  readonly sha256?: string;
  /** Preprocessing of these weights where it is not the set's. */
  readonly preprocessing?: string;
  /** Classes of its head; 1001 and 1008 begin with a background class. */
  readonly classes: number;
  /** Published accuracy on the validation images of ILSVRC-2012 in percent, one central crop. */
  readonly top1?: number;
  readonly top5?: number;
}
