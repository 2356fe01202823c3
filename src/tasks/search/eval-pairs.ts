/** Verification of pairs of images by the similarity of their vectors. */
import type { ImageInput, SourceOptions } from "../../runtime/platform.js";
import type { SessionOptions } from "../../runtime/session.js";
import type { ImagePair } from "../../search/pairs-file.js";
import { exactScore, type Metric, prepareVectors } from "../../search/vectors.js";
import { type Verification, verifyPairs } from "../../search/verification.js";
import { embeddingOutput, openImages } from "../classifier.js";
import type { ModelHost, OpenModelOptions } from "../model-host.js";
import type { ModelSource } from "../model-source.js";
import { runImages } from "../run-images.js";

interface PairScore extends ImagePair {
  /** Cosine similarity, or the negative Euclidean distance. */
  readonly score: number;
}

interface EvaluatePairsOptions {
  readonly metric: Metric;
  readonly batchSize: number;
  /** Called after each batch. */
  readonly onImages: (done: number, total: number) => void;
}

/**
 * Computes the vector of each image once, and the verification accuracy of the pairs. An image that cannot be used is an error: the
 * accuracy of the other pairs could not be compared with published ones.
 *
 * @param imageOf - the image that a pair names
 * @throws InceptionError as `openEmbedder`, `runImages` and `verifyPairs`
 */
export async function evaluatePairs<F extends SourceOptions, P extends SessionOptions>(
  host: ModelHost<F, P>,
  source: ModelSource,
  pairs: readonly ImagePair[],
  imageOf: (name: string) => ImageInput,
  open: OpenModelOptions & F & P,
  { metric, batchSize, onImages }: EvaluatePairsOptions,
): Promise<{ readonly model: string; readonly images: number; readonly scores: readonly PairScore[]; readonly result: Verification }> {
  const names = [...new Set(pairs.flatMap(({ first, second }) => [first, second]))];
  const { run, loaded } = await openImages(host, source, { ...open, needsClassifier: false });
  try {
    const rows = await runImages(run, names.map(imageOf), embeddingOutput(loaded), { batchSize, onProgress: onImages });
    const dimension = rows[0]?.length ?? 1;
    const data = new Float32Array(rows.length * dimension);
    for (const [row, vector] of rows.entries()) data.set(vector, row * dimension);
    const set = prepareVectors(data, dimension, metric);
    const index = new Map(names.map((name, row) => [name, row]));
    const scores = pairs.map((pair): PairScore => {
      const [first, second] = [index.get(pair.first) ?? 0, index.get(pair.second) ?? 0];
      // A row of the set is prepared already.
      const score = exactScore(set, set.data.subarray(first * dimension, (first + 1) * dimension), second);
      return { ...pair, score: metric === "cosine" ? score : -score };
    });
    return { model: loaded.metadata.model, images: names.length, scores, result: verifyPairs(scores) };
  } finally {
    await loaded.close();
  }
}
