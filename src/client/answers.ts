/** Settings and JSON answers of the task routes. */
import { fieldsOf, invalidAnswer, listAt, numberAt, numberItem, textAt, textItem } from "./json.js";
import type { RequestSettings } from "./transport.js";

type Fields = Readonly<Record<string, unknown>>;

/** A class with its probability, in [0, 1]. */
export interface ClassProbability {
  readonly index: number;
  /** Class name; null for a model without class names. */
  readonly label: string | null;
  readonly probability: number;
}

/** Whether an image belongs to none of the classes: its score is below the threshold. */
export interface UnknownImageDecision {
  readonly isUnknown: boolean;
  readonly score: number;
  readonly threshold: number;
  readonly method: string;
}

/** Answer of `classify`. */
export interface Classification {
  readonly model: string;
  /** The most probable classes, in descending order. */
  readonly top: readonly ClassProbability[];
  /** Absent for a model without a threshold for unknown images. */
  readonly unknown?: UnknownImageDecision;
}

export interface EmbedSettings extends RequestSettings {
  /** Scale the vector to length 1 (default: false). */
  readonly normalize?: boolean;
}

export interface ExplainSettings extends RequestSettings {
  /** Attribution method (default: `grad_cam`). */
  readonly method?: "grad_cam" | "input_gradient" | "integrated_gradients" | "occlusion";
  /** Class name or index (default: the predicted class). */
  readonly target?: string | number;
}

/** What an explanation explains, without its map. */
export interface ExplanationSummary {
  readonly model: string;
  readonly method: string;
  readonly target: ClassProbability;
  readonly top: readonly ClassProbability[];
  /** Size of the attribution map. */
  readonly width: number;
  readonly height: number;
  /** Position of the largest value of the map. */
  readonly peak: { readonly x: number; readonly y: number };
}

/** A label of a segmented volume with its size. */
export interface SegmentedLabelSize {
  readonly value: number;
  readonly name: string;
  readonly voxels: number;
  /** Volume in cubic millimeters. */
  readonly mm3: number;
}

/** What a segmentation contains, without its voxels. */
export interface SegmentationSummary {
  readonly model: string;
  /** [x, y, z] */
  readonly shape: readonly number[];
  readonly labels: readonly SegmentedLabelSize[];
  readonly warnings: readonly string[];
}

/** A model of the server. */
export interface ServedModel {
  readonly name: string;
  /** Id of the network. */
  readonly model: string;
  readonly task: string;
  readonly device: string;
  /** Number of classes; null for a model without class names. */
  readonly classes: number | null;
}

export function classificationOf(fields: Fields): Classification {
  const { unknown } = fields;
  const top = listAt(fields, "top", probabilityOf);
  return { model: textAt(fields, "model"), top, ...(unknown === undefined ? {} : { unknown: decisionOf(unknown) }) };
}

function probabilityOf(value: unknown): ClassProbability {
  const fields = fieldsOf(value, "a class");
  const { label } = fields;
  return {
    index: numberAt(fields, "index"),
    label: label === null || label === undefined ? null : textAt(fields, "label"),
    probability: numberAt(fields, "probability"),
  };
}

function decisionOf(value: unknown): UnknownImageDecision {
  const fields = fieldsOf(value, "unknown");
  if (typeof fields.isUnknown !== "boolean") throw invalidAnswer("isUnknown is not true or false");
  return {
    isUnknown: fields.isUnknown,
    score: numberAt(fields, "score"),
    threshold: numberAt(fields, "threshold"),
    method: textAt(fields, "method"),
  };
}

export function explanationOf(fields: Fields): ExplanationSummary {
  const peak = fieldsOf(fields.peak, "peak");
  return {
    model: textAt(fields, "model"),
    method: textAt(fields, "method"),
    target: probabilityOf(fields.target),
    top: listAt(fields, "top", probabilityOf),
    width: numberAt(fields, "width"),
    height: numberAt(fields, "height"),
    peak: { x: numberAt(peak, "x"), y: numberAt(peak, "y") },
  };
}

export function segmentationOf(fields: Fields): SegmentationSummary {
  const labels = listAt(fields, "labels", (value) => {
    const label = fieldsOf(value, "a label");
    return { value: numberAt(label, "value"), name: textAt(label, "name"), voxels: numberAt(label, "voxels"), mm3: numberAt(label, "mm3") };
  });
  const warnings = fields.warnings === null ? [] : listAt(fields, "warnings", textItem);
  return { model: textAt(fields, "model"), shape: listAt(fields, "shape", numberItem), labels, warnings };
}

export function servedModelsOf(fields: Fields): readonly ServedModel[] {
  return listAt(fields, "models", (value) => {
    const model = fieldsOf(value, "a model");
    return {
      name: textAt(model, "name"),
      model: textAt(model, "model"),
      task: textAt(model, "task"),
      device: textAt(model, "device"),
      classes: model.classes === null ? null : numberAt(model, "classes"),
    };
  });
}
