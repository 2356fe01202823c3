/** Labels that index the classes of a model. */
import type { OpenedDataset } from "../../data/assemble.js";
import { type DatasetSource, datasetSource } from "../../data/index.js";
import { renameClasses } from "../../data/label-sets.js";
import { InceptionError } from "../../errors.js";
import type { LoadedModel } from "../model-host.js";
import { logitsOutput } from "../open-model.js";
import { wordNetIds } from "../wordnet-ids.js";

/** Names of the classes by index; their numbers where the model has no names. @throws InceptionError OPTION_INVALID */
export function classNames(loaded: LoadedModel): readonly string[] {
  const output = logitsOutput(loaded);
  const count = loaded.session.outputs.find(({ name }) => name === output)?.shape[1];
  const { labels, model } = loaded.metadata;
  if (labels !== null) return labels;
  if (typeof count === "number") return Array.from({ length: count }, (_, index) => String(index));
  throw new InceptionError("OPTION_INVALID", `Cannot evaluate "${model}": its number of classes is unknown; pass \`labels\``, {
    model,
  });
}

/**
 * Data with labels that index a model's classes: names of classes or their indices; for the 1000 ImageNet classes WordNet ids too.
 *
 * @param named - opens the data with labels among these names
 * @throws InceptionError DATASET_INVALID for a label that is none of these
 */
export async function openForClasses(
  named: (names: readonly string[]) => Promise<OpenedDataset>,
  classes: readonly string[],
): Promise<OpenedDataset> {
  try {
    return withClasses(await named(classes), classes);
  } catch (thrown) {
    const ids = await wordNetIds(classes);
    if (ids === null || !(thrown instanceof InceptionError && Array.isArray(thrown.details.unknown))) throw thrown;
    const { train, val } = await named(ids).catch(() => {
      throw thrown;
    });
    const renamed = (part: DatasetSource) => datasetSource(part.name, classes, part.labelSets ?? part.labels, part.samples);
    return { train: renamed(train), val: val && renamed(val) };
  }
}

/** A dataset with classes of its own (shapes10) has them matched by name. */
function withClasses({ train, val }: OpenedDataset, classes: readonly string[]): OpenedDataset {
  const own = train.classes;
  if (own.join("\n") === classes.join("\n")) return { train, val };
  const unknown = own.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    const shown = classes.slice(0, 5).join(", ");
    throw new InceptionError(
      "DATASET_INVALID",
      `Cannot evaluate on "${train.name}": the model does not have its classes ${unknown.slice(0, 5).join(", ")}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ""}, expected some of ${shown}${classes.length > 5 ? ", …" : ""}`,
      { unknown },
    );
  }
  const renamed = (part: DatasetSource) => {
    const rename = (label: number): number => classes.indexOf(own[label] ?? "");
    const labels = part.labelSets === undefined ? part.labels.map(rename) : renameClasses(part.labelSets, rename);
    return datasetSource(part.name, classes, labels, part.samples);
  };
  return { train: renamed(train), val: val && renamed(val) };
}

/** Which part of the data: by default what is for validation, and all of it where there is no such part. @throws InceptionError DATASET_INVALID */
export function choosePart({ train, val }: OpenedDataset, split: "train" | "val" | undefined): DatasetSource {
  if (split === "train") return train;
  if (val !== null || split === undefined) return val ?? train;
  throw new InceptionError(
    "DATASET_INVALID",
    `Cannot evaluate on the validation split of "${train.name}": it has none; omit \`split\` to use all images`,
    {
      dataset: train.name,
    },
  );
}
