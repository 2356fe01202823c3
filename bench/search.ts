/** The benchmark of similarity search: 100,000 vectors of 512, one query at a time (see bench/README.md). */
import { NODE_PLATFORM } from "../src/node/platform.js";
import { openNeighborGraph } from "../src/node/search/neighbor-graph.js";
import { searchExactly } from "../src/search/exact.js";
import { type Match, prepareVectors } from "../src/search/vectors.js";
import { openExactSearch } from "../src/tasks/search/product-search.js";
import { fillUniform } from "../src/tensor/fill.js";
import type { SearchBenchOptions } from "./options.js";
import { median, range } from "./results.js";

const [SIZE, DIMENSION, CLUSTERS, TOP] = [100_000, 512, 1000, 10];
/** Directions in which the vectors of a cluster differ: features of images vary in few. */
const DIRECTIONS = 32;

/** Vectors around the centers of clusters, as features of images lie. */
function clustered(key: string, size: number): Float32Array {
  const centers = fillUniform("bench/search/centers", CLUSTERS * DIMENSION, -1, 1);
  const basis = fillUniform("bench/search/basis", DIRECTIONS * DIMENSION, -1, 1);
  const weights = fillUniform(`${key}/weights`, size * DIRECTIONS, -0.4, 0.4);
  const data = fillUniform(`${key}/noise`, size * DIMENSION, -0.3, 0.3);
  const chosen = fillUniform(`${key}/clusters`, size, 0, CLUSTERS);
  for (let row = 0; row < size; row++) {
    const center = Math.min(CLUSTERS - 1, Math.floor(chosen[row] ?? 0)) * DIMENSION;
    for (let i = 0; i < DIMENSION; i++) {
      let sum = (data[row * DIMENSION + i] ?? 0) + (centers[center + i] ?? 0);
      for (let d = 0; d < DIRECTIONS; d++) sum += (weights[row * DIRECTIONS + d] ?? 0) * (basis[d * DIMENSION + i] ?? 0);
      data[row * DIMENSION + i] = sum;
    }
  }
  return data;
}

/** Runs the comparison and prints it as Markdown. */
export async function compareSearch(
  { rounds, threads }: SearchBenchOptions,
  machine: string,
  print: (line: string) => void,
): Promise<void> {
  const set = prepareVectors(clustered("bench/search/set", SIZE), DIMENSION, "cosine");
  const values = clustered("bench/search/queries", Math.max(100, rounds));
  const queries = Array.from({ length: values.length / DIMENSION }, (_, k) => values.slice(k * DIMENSION, (k + 1) * DIMENSION));
  for (const line of ["# Search", "", machine]) print(line);
  print(
    `Made by \`npm run bench -- search\`: ${SIZE} vectors of ${DIMENSION} in ${CLUSTERS} clusters, ${queries.length} queries, ${threads} threads.`,
  );
  for (const line of ["", "| search | ms per query | fastest – slowest | recall@10 |", "|---|---:|---:|---:|"]) print(line);
  const exact = await openExactSearch(NODE_PLATFORM, set, { threads });
  const expected: (readonly Match[])[] = [];
  const row = async (name: string, search: (query: Float32Array) => Promise<readonly Match[]>, count = queries.length): Promise<void> => {
    const [times, hits]: [number[], number[]] = [[], []];
    for (const [k, query] of queries.slice(0, count).entries()) {
      const began = performance.now();
      const found = new Set((await search(query)).map(({ index }) => index));
      times.push(performance.now() - began);
      hits.push((expected[k] ?? []).filter(({ index }) => found.has(index)).length / TOP);
    }
    const recall = hits.reduce((sum, each) => sum + each, 0) / hits.length;
    print(`| ${name} | ${median(times).toFixed(2)} | ${range(times)} | ${recall.toFixed(4)} |`);
  };
  const first = async (results: Promise<readonly (readonly Match[])[]>) => (await results)[0] ?? [];
  expected.push(...(await exact.search(queries, TOP)));
  await row("exact, ONNX Runtime", (query) => first(exact.search([query], TOP)));
  await exact.close();
  await row("exact, JavaScript", async (query) => searchExactly(set, [query], TOP)[0] ?? [], rounds);
  const began = performance.now();
  const { searcher } = await openNeighborGraph({ threads })(set, () => openExactSearch(NODE_PLATFORM, set, { threads }));
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  await row(`approximate (opened in ${seconds} s, its graph built or read)`, (query) => first(searcher.search([query], TOP)));
}
