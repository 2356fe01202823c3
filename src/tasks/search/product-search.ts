/** Exact search of many vectors: the runtime multiplies, with its threads and vector instructions. */
import { compileInference } from "../../compile/compile.js";
import { concatChunks } from "../../formats/concat-chunks.js";
import { GraphBuilder } from "../../ops/build.js";
import type { Platform, SourceOptions } from "../../runtime/platform.js";
import type { Session, SessionOptions } from "../../runtime/session.js";
import { bestMatches, queryGroups, searchExactly } from "../../search/exact.js";
import type { Match, VectorSet } from "../../search/vectors.js";
import { float32Tensor } from "../../tensor/tensor.js";

/** Finds the nearest vectors. */
export interface Searcher {
  /** @throws InceptionError OPTION_INVALID, NOT_FINITE, SESSION_CLOSED, SESSION_FAILED */
  search(queries: readonly Float32Array[], top: number): Promise<readonly (readonly Match[])[]>;
  close(): Promise<void>;
}

/** From here on the runtime saves more than 4 ms for each query; opening it takes 20 ms for each million values. */
const MIN_PRODUCT_VALUES = 2 ** 22;
/** A model has at most 2 GiB. Larger sets are searched without the runtime. */
const MAX_PRODUCT_VALUES = 2 ** 28;

/**
 * Opens the exact search of a set.
 *
 * @throws InceptionError SESSION_FAILED, DEVICE_UNAVAILABLE
 */
export async function openExactSearch<F extends SourceOptions, P extends SessionOptions>(
  platform: Pick<Platform<F, P>, "createSession">,
  set: VectorSet,
  options: P,
): Promise<Searcher> {
  const { length } = set.data;
  if (length < MIN_PRODUCT_VALUES || length > MAX_PRODUCT_VALUES)
    return { search: async (queries, top) => searchExactly(set, queries, top), close: async () => undefined };
  const session = await platform.createSession(productModel(set), { ...options, name: "vectors of the index", transfer: true });
  return { search: (queries, top) => searchProducts(session, set, queries, top), close: () => session.close() };
}

/** query [N, dimension] → scores [N, size], with the vectors as a weight. */
function productModel({ size, dimension, data, offsets }: VectorSet): Uint8Array {
  const b = new GraphBuilder("vectors");
  const query = b.input("query", ["N", dimension]);
  const vectors = b.parameter("vectors", [size, dimension], "linear_kernel");
  const inputs = offsets === null ? ([query, vectors] as const) : ([query, vectors, b.parameter("offsets", [size], "bias")] as const);
  b.output("scores", b.add("gemm", "scores", inputs, {}));
  const values = new Map([["vectors", float32Tensor([size, dimension], data)]]);
  if (offsets !== null) values.set("offsets", float32Tensor([size], offsets));
  return concatChunks(compileInference(b.finish(), values).chunks);
}

async function searchProducts(session: Session, set: VectorSet, queries: readonly Float32Array[], top: number) {
  const found: (readonly Match[])[] = [];
  for (const some of queryGroups(set, queries)) {
    const joined = new Float32Array(some.length * set.dimension);
    for (const [k, query] of some.entries()) joined.set(query, k * set.dimension);
    const { scores } = await session.run({ query: float32Tensor([some.length, set.dimension], joined) }, { transfer: true });
    const data = scores?.data;
    if (!(data instanceof Float32Array)) throw new RangeError("Cannot search: the runtime returned no scores");
    found.push(...bestMatches(set, some, data, top));
  }
  return found;
}
