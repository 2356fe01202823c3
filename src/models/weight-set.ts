import type { NameMap } from "../weights/name-map.js";

/** A published set of weights for a model, as data: names, preparation of the pixels, labels, licence. */
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
  /** Where the hub has it: `owner/name`. */
  readonly hub?: string;
  /** The `model` field of the golden files that were computed with this implementation. */
  readonly golden?: string;
}
