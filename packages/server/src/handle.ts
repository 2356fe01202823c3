/** An opened model, whatever it can do. */
import { type Classifier, type Embedder, InceptionError, openClassifier, openEmbedder, openSegmenter, type Segmenter } from "inceptionkit";
import type { ModelSpec } from "./model-specs.js";

export type Handle =
  | { readonly task: "classify"; readonly model: Classifier }
  | { readonly task: "embed"; readonly model: Embedder }
  | { readonly task: "segment"; readonly model: Segmenter };

/**
 * Opens a model as a classifier; one without a classifier to embed; one of volumes to segment. Its embedded self-check has run then.
 *
 * @throws InceptionError as `openClassifier`
 */
export async function openHandle({ source, options }: ModelSpec): Promise<Handle> {
  const { device, threads, weights } = options;
  const how = { device, threads, ...(weights === null ? {} : { weights }) };
  const openers: readonly (() => Promise<Handle>)[] = [
    async () => ({ task: "classify", model: await openClassifier(source, how) }),
    async () => ({ task: "embed", model: await openEmbedder(source, how) }),
    async () => ({ task: "segment", model: await openSegmenter(source, how) }),
  ];
  const refusals: InceptionError[] = [];
  for (const open of openers) {
    try {
      return await open();
    } catch (thrown) {
      // A model of another kind; what is wrong with the file itself would be wrong for every kind.
      if (!(thrown instanceof InceptionError) || thrown.code !== "OPTION_INVALID") throw thrown;
      refusals.push(thrown);
    }
  }
  throw refusals[0] ?? new RangeError("Cannot open a model: there is no kind of model");
}
