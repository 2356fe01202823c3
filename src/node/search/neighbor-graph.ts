/** Approximate search by a graph of neighbors (HNSW, Malkov and Yashunin, 2016), built and searched by usearch. */
import { readFile, rename, stat } from "node:fs/promises";
import path from "node:path";
import type { Index } from "usearch";
import { InceptionError } from "../../errors.js";
import { rankCandidates, SPARE_CANDIDATES } from "../../search/exact.js";
import { type Match, prepareQueries, type VectorSet } from "../../search/vectors.js";
import type { OpenApproximate } from "../../tasks/search/search-sources.js";
import { at } from "../../tensor/at.js";
import { cacheFolder } from "../cache-folder.js";
import { loadOptional } from "../optional-package.js";
import { sha256Hex } from "../sha256.js";
import { makeFolder, temporaryFile, writeFileAtomic } from "../write-file.js";

/** Edges of a node, and candidates while a node is added and while a query is searched for. */
const PARAMETERS = { connectivity: 16, expansion_add: 128, expansion_search: 128 } as const;
/** Vectors that are added without giving other work a turn: a tenth of a second. */
const ADDED_AT_ONCE = 500;
/** Vectors of the set that recall is measured with, and the neighbors of each. */
const MEASURED = 100;
const RECALL_AT = 10;

interface GraphOptions {
  /** CPU threads; 0 means one for each core. */
  readonly threads: number;
  /** Called while the graph is built. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Opens approximate search. The graph of a set is kept in the user's cache under the hash of the vectors, with its recall.
 *
 * @throws InceptionError PACKAGE_MISSING, WRITE_FAILED
 */
export function openNeighborGraph({ threads, onProgress }: GraphOptions): OpenApproximate {
  return async (set, exact) => {
    const { Index, MetricKind, ScalarKind } = await loadUsearch();
    const graph = new Index({
      dimensions: set.dimension,
      metric: set.metric === "cosine" ? MetricKind.IP : MetricKind.L2sq,
      // Rows of length 1 lose nothing that the comparison in double precision does not find again; others may be too large.
      quantization: set.metric === "cosine" ? ScalarKind.F16 : ScalarKind.F32,
      ...PARAMETERS,
      multi: false,
    });
    const file = path.join(cacheFolder("graphs"), `${keyOf(set)}.usearch`);
    const known = await knownRecall(file);
    const search = async (queries: readonly Float32Array[], top: number) =>
      prepareQueries(set, queries).map((query) => searchGraph(graph, set, query, top));
    const searcher = { search, close: async () => undefined };
    if (known !== null) {
      graph.load(file);
      return { searcher, recall: known };
    }
    await addAll(graph, set, threads, onProgress);
    const recall = await measureRecall(set, search, exact);
    await keep(graph, file, recall);
    return { searcher, recall };
  };
}

async function loadUsearch() {
  try {
    return await loadOptional("usearch", "search approximately", () => import("usearch"));
  } catch (thrown) {
    if (thrown instanceof InceptionError || !(thrown instanceof Error) || !/native build/i.test(thrown.message)) throw thrown;
    const message = `Cannot search approximately: the package usearch has no build for ${process.platform}-${process.arch}; use exact search`;
    throw new InceptionError("PACKAGE_MISSING", message, { package: "usearch" }, { cause: thrown });
  }
}

/** Of the vectors and of everything that the graph depends on. */
function keyOf({ data, metric, dimension }: VectorSet): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return sha256Hex(new TextEncoder().encode(JSON.stringify(["usearch 2.25.3", PARAMETERS, metric, dimension, sha256Hex(bytes)])));
}

async function knownRecall(file: string): Promise<number | null> {
  try {
    await stat(file);
    const recall: unknown = JSON.parse(await readFile(`${file}.json`, "utf8"));
    return typeof recall === "number" ? recall : null;
  } catch {
    // Not there, or half of it: it is built again.
    return null;
  }
}

async function keep(graph: Index, file: string, recall: number): Promise<void> {
  await makeFolder(path.dirname(file));
  const temporary = temporaryFile(file);
  graph.save(temporary);
  await rename(temporary, file);
  await writeFileAtomic(`${file}.json`, [new TextEncoder().encode(JSON.stringify(recall))]);
}

async function addAll(graph: Index, set: VectorSet, threads: number, onProgress: GraphOptions["onProgress"]): Promise<void> {
  for (let start = 0; start < set.size; start += ADDED_AT_ONCE) {
    const end = Math.min(start + ADDED_AT_ONCE, set.size);
    const keys = BigUint64Array.from({ length: end - start }, (_, k) => BigInt(start + k));
    graph.add(keys, set.data.subarray(start * set.dimension, end * set.dimension), threads);
    onProgress?.(end, set.size);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function searchGraph(graph: Index, set: VectorSet, query: Float32Array, top: number): readonly Match[] {
  const { keys } = graph.search(query, Math.min(set.size, top + SPARE_CANDIDATES), 1);
  const candidates = Array.from(keys, Number).filter((index) => index < set.size);
  return rankCandidates(set, query, candidates, top);
}

/** The fraction of the nearest vectors that are found, averaged over vectors of the set that lie evenly in it. */
async function measureRecall(
  set: VectorSet,
  search: (queries: readonly Float32Array[], top: number) => Promise<readonly (readonly Match[])[]>,
  exact: Parameters<OpenApproximate>[1],
): Promise<number> {
  const count = Math.min(MEASURED, set.size);
  const queries = Array.from({ length: count }, (_, k) => {
    const row = Math.floor((k * set.size) / count);
    return set.data.slice(row * set.dimension, (row + 1) * set.dimension);
  });
  const searcher = await exact();
  const expected = await searcher.search(queries, RECALL_AT).finally(() => searcher.close());
  const found = await search(queries, RECALL_AT);
  let [hits, all] = [0, 0];
  for (const [k, matches] of expected.entries()) {
    const own = new Set(at(found, k).map(({ index }) => index));
    all += matches.length;
    hits += matches.filter(({ index }) => own.has(index)).length;
  }
  return hits / all;
}
