/// <reference lib="dom" />
/** The task layer in a page: the same names and types as in Node (index.ts, which has their documentation). */

import type { Triple } from "./data/volumes/volume.js";
import { InceptionError } from "./errors.js";
import { type Classifier, openClassifier as classifier, type Embedder, openEmbedder as embedder } from "./tasks/classifier.js";
import type { ExportOnnxOptions } from "./tasks/export.js";
import type { ModelSource } from "./tasks/model-source.js";
import { type OpenOptions, taskOptions } from "./tasks/open-options.js";
import { performCaseTask } from "./tasks/segment/case-task.js";
import { type Segmenter, openSegmenter as segmenter } from "./tasks/segment/segmenter.js";
import { toOnnx as onnx } from "./tasks/to-onnx.js";
import { type ImageWorker, imageWorker } from "./web/images.js";
import { webPlatform } from "./web/platform.js";

export type * from "./tasks/api-types.js";
export { cosineSimilarity } from "./tasks/cosine-similarity.js";
export { describe } from "./tasks/network.js";
export { InceptionError };

export async function openClassifier(source: ModelSource, options: OpenOptions = {}): Promise<Classifier> {
  return withImages((images) => classifier(modelsOf(images), source, pageOptions(options)));
}

export async function openEmbedder(source: ModelSource, options: OpenOptions = {}): Promise<Embedder> {
  return withImages((images) => embedder(modelsOf(images), source, pageOptions(options)));
}

export async function openSegmenter(source: ModelSource, options: OpenOptions & { readonly patchSize?: Triple } = {}): Promise<Segmenter> {
  const { patchSize, ...rest } = options;
  const inThread: Parameters<typeof segmenter>[0]["inThread"] = (kind, task) => performCaseTask({ kind, task }, noPictures);
  return withImages((images) =>
    segmenter({ models: modelsOf(images), inThread }, source, { ...pageOptions(rest), ...(patchSize === undefined ? {} : { patchSize }) }),
  );
}

export async function toOnnx(source: ModelSource, options: OpenOptions & ExportOnnxOptions = {}): Promise<Uint8Array> {
  const images = imageWorker();
  return onnx(modelsOf(images), source, pageOptions(options), options).finally(() => images.close());
}

function modelsOf(images: ImageWorker) {
  // A page has no runs and no models of the package.
  return { platform: webPlatform(images), kinds: [] };
}

/** Opens something that decodes images in a worker of its own, which ends with it. */
async function withImages<T extends { readonly close: () => Promise<void> }>(
  open: (images: ImageWorker) => Promise<T>,
): Promise<T & { [Symbol.asyncDispose](): Promise<void> }> {
  const images = imageWorker();
  try {
    const opened = await open(images);
    const close = async (): Promise<void> => {
      await opened.close();
      images.close();
    };
    return { ...opened, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    images.close();
    throw thrown;
  }
}

const NODE_ONLY = [
  "allowHttps",
  "offline",
  "token",
  "isolate",
  "timeLimit",
  "memoryLimit",
  "checkpoint",
] as const satisfies readonly (keyof OpenOptions)[];

/** An option that is ignored would be a wrong result. */
function pageOptions(options: OpenOptions): ReturnType<typeof taskOptions> {
  const foreign = NODE_ONLY.filter((name) => options[name] !== undefined);
  if (foreign.length === 0) return taskOptions(options);
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use ${foreign.join(" and ")} in a browser: expected options that are not for Node only`,
    { foreign },
  );
}

/** Pages about cases are written in Node. */
function noPictures(): Promise<string> {
  throw new RangeError("Cannot encode pictures for a page about a case in a browser");
}
