import { access } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { InceptionError } from "../errors.js";
import type { PreparedModel, PrepareOptions } from "../tasks/prepare-model.js";

/** A trained model that is part of the package. */
export interface BundledModel {
  readonly id: string;
  /** The network's id. */
  readonly model: string;
  /** Weight file, relative to the directory of the package; its header contains the rest of the metadata. */
  readonly file: string;
  readonly summary: string;
}

/** Every model of the package. To add one: its file in assets/, a line here. */
export const BUNDLED_MODELS: readonly BundledModel[] = [
  {
    id: "hippocampus",
    model: "inception_resnet_3d.table",
    file: "assets/hippocampus.safetensors",
    summary: "anterior and posterior hippocampus in cropped T1-weighted MR volumes",
  },
];

/** The model of the package with this id, or null. */
export function findBundledModel(id: string): BundledModel | null {
  return BUNDLED_MODELS.find((shipped) => shipped.id === id) ?? null;
}

/**
 * Reads a model of the package.
 *
 * @throws InceptionError FILE_NOT_FOUND where this copy of the package does not hold its weights; as `prepareModel`
 */
export async function prepareBundledModel(
  { id, model, file }: BundledModel,
  options: Pick<PrepareOptions, "labels" | "preprocessing"> = {},
): Promise<PreparedModel> {
  const full = fileURLToPath(new URL(`../../${file}`, import.meta.url));
  await access(full).catch((thrown: unknown) => {
    const message = `Cannot use model "${id}": this copy of inceptionkit has no ${file} beside its dist directory; pass a run directory or a file as \`model\``;
    throw new InceptionError("FILE_NOT_FOUND", message, { id, file: full }, { cause: thrown });
  });
  const { labels, preprocessing } = options;
  // Here, so that a list of the models does not load every reader of weights.
  const { prepareModel } = await import("./prepare-model.js");
  return prepareModel(model, full, {
    ...(labels === undefined ? {} : { labels }),
    ...(preprocessing === undefined ? {} : { preprocessing }),
  });
}
