/** Requests with tensors that can run together: one row each, of a network whose batch size is free. */
import type { Embedder } from "inceptionkit";
import { elementCount, float32Tensor, type Tensor } from "inceptionkit/core";

type Tensors = Readonly<Record<string, Tensor>>;

/** What is asked of a network, without the values. */
interface TensorWork {
  readonly feeds: Tensors;
  readonly fetches: readonly string[];
}

/**
 * Requests with equal keys can be joined; null for one that runs by itself: one with several rows or other values than float32, and
 * every request to a network of which an input or output that is asked for has no free first axis.
 */
export function joinKey(
  { inputs, outputs }: Pick<Embedder["session"], "inputs" | "outputs">,
  { feeds, fetches }: TensorWork,
): string | null {
  const given = Object.entries(feeds);
  const axes = [...inputs, ...outputs.filter(({ name }) => fetches.includes(name))].map(({ shape }) => shape[0]);
  const [axis] = axes;
  // An axis without a name is free and equal to nothing else.
  if (typeof axis !== "string" || axis === "" || axes.some((other) => other !== axis)) return null;
  if (given.length !== inputs.length || !given.every(([, { dtype, shape }]) => dtype === "float32" && shape[0] === 1)) return null;
  return JSON.stringify([fetches, given.map(([name, { shape }]) => [name, shape]).toSorted()]);
}

/** The feeds of several requests as those of one run. */
export function joinFeeds(requests: readonly Tensors[]): Tensors {
  const [first = {}] = requests;
  return Object.fromEntries(
    Object.entries(first).map(([name, { shape }]) => {
      const length = elementCount(shape);
      const values = new Float32Array(requests.length * length);
      for (const [row, feeds] of requests.entries()) {
        const data = feeds[name]?.data;
        if (!(data instanceof Float32Array)) throw new RangeError(`Cannot join requests: ${name} of request ${row} is not float32`);
        values.set(data, row * length);
      }
      return [name, float32Tensor([requests.length, ...shape.slice(1)], values)];
    }),
  );
}

/** The outputs of a run of so many rows, row by row. */
export function splitOutputs(outputs: Tensors, rows: number): readonly Tensors[] {
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      Object.entries(outputs).map(([name, { dtype, shape, data }]) => {
        if (shape[0] !== rows) throw new RangeError(`Cannot split ${name} of shape [${shape.join(", ")}]: expected ${rows} rows`);
        const length = data.length / rows;
        return [name, { dtype, shape: [1, ...shape.slice(1)], data: data.slice(row * length, (row + 1) * length) }];
      }),
    ),
  );
}
