/** What a caller says about a model in place of its file: preprocessing and class names. */
import { PREPROCESSING, type PreprocessingId } from "../data/preprocessing.js";
import type { Preprocessing } from "../data/transforms/preprocess.js";
import { InceptionError } from "../errors.js";
import type { ModelMetadata } from "../predict/model-metadata.js";

/**
 * The recipe with a name.
 *
 * @throws InceptionError OPTION_INVALID listing the names
 */
export function namedPreprocessing(name: string): Preprocessing {
  if (Object.hasOwn(PREPROCESSING, name)) return PREPROCESSING[name as PreprocessingId];
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot find preprocessing "${name}": expected one of ${Object.keys(PREPROCESSING).join(", ")}`,
    { name },
  );
}

/**
 * Refuses names that are not one for each class.
 *
 * @param classes - null where it is not known how many there are
 * @throws InceptionError OPTION_INVALID
 */
export function checkLabels(metadata: Pick<ModelMetadata, "labels" | "model">, classes: number | null): void {
  if (metadata.labels === null || classes === null || metadata.labels.length === classes) return;
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use ${metadata.labels.length} class names for "${metadata.model}": it has ${classes} classes`,
    {
      labels: metadata.labels.length,
      classes,
    },
  );
}

/** What a model says about itself, with what the caller says instead. */
export function overrideMetadata(
  metadata: ModelMetadata,
  { preprocessing, labels }: { readonly preprocessing?: Preprocessing | string; readonly labels?: readonly string[] },
): ModelMetadata {
  const recipe = typeof preprocessing === "string" ? namedPreprocessing(preprocessing) : preprocessing;
  return { ...metadata, preprocessing: recipe ?? metadata.preprocessing, labels: labels ?? metadata.labels };
}
