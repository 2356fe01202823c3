import { fileURLToPath } from "node:url";
import type { LabeledImages } from "../../tasks/labeled-images.js";
import { openDataset } from "./index.js";

/** Labeled images by where they are; see `openDataset` for what can be opened. */
export function labeledFolder(place: string): LabeledImages {
  const source = /^file:/i.test(place) ? fileURLToPath(place) : place;
  return { name: source, source, open: (options) => openDataset(source, options) };
}
