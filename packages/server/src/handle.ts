/** An opened model, whatever it can do. */
import { type Classifier, type Embedder, InceptionError, openClassifier, openEmbedder, openSegmenter, type Segmenter } from "inceptionkit";
import { messageOf } from "inceptionkit/core";
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
  const { device, threads, weights, isolate, timeLimit } = options;
  if (timeLimit !== null && !isolate) {
    throw new InceptionError("OPTION_INVALID", "Cannot use `timeLimit` without `isolate`: only a child process can be ended", {
      timeLimit,
    });
  }
  const how = { device, threads, isolate, ...(timeLimit === null ? {} : { timeLimit }), ...(weights === null ? {} : { weights }) };
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

/** Whether a run failed because its session ended, and not because of what it was given. */
export function isDead(thrown: unknown): boolean {
  return thrown instanceof InceptionError && thrown.code === "SESSION_FAILED" && "cause" in thrown.details;
}

/**
 * Opens the model of a session that ended. A failure to do so is another end, so that the next request tries again.
 *
 * @throws InceptionError SESSION_FAILED
 */
export async function reopenHandle(spec: ModelSpec): Promise<Handle> {
  return openHandle(spec).catch((thrown: unknown) => {
    const message = `Cannot open model "${spec.name}" again: ${messageOf(thrown)}`;
    throw new InceptionError("SESSION_FAILED", message, { cause: "it cannot be opened" }, { cause: thrown });
  });
}
