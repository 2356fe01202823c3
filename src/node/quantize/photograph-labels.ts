import path from "node:path";
import { wordNetIds } from "../../tasks/wordnet-ids.js";

/** How files say what they show. */
interface LabelRule {
  /** Class indices by the names that a folder may have. */
  readonly classes: ReadonlyMap<string, number>;
  /** Class indices by WordNet id, which ImageNet's file names begin with. */
  readonly wordNetIds: ReadonlyMap<string, number>;
}

/**
 * @param labels - class names by index, or null where they are not known
 */
export async function labelRule(labels: readonly string[] | null): Promise<LabelRule> {
  const classes = new Map(labels?.map((label, index) => [label, index] as const));
  const ids = labels && (await wordNetIds(labels));
  return { classes, wordNetIds: new Map(ids?.map((id, index) => [id, index] as const)) };
}

/** The class of a photograph by the folder that it lies in, or by the WordNet id there or at the beginning of its name; null where neither says. */
export function labelOf(file: string, { classes, wordNetIds }: LabelRule): number | null {
  const folder = path.basename(path.dirname(path.resolve(file)));
  const id = path.basename(file).match(/^n\d{8}/)?.[0] ?? "";
  return classes.get(folder) ?? wordNetIds.get(folder) ?? wordNetIds.get(id) ?? null;
}
