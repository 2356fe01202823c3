import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { goldenPath } from "../../test/shared.js";
import { isTrainable } from "../ir/graph.js";
import { elementCount } from "../tensor/tensor.js";
import { MODELS } from "./index.js";
import { MINI_MODELS } from "./mini.js";

interface Listed {
  readonly model: string;
  readonly input: { readonly shape: readonly [number, number, number, number] };
  readonly num_classes: number;
  readonly parameter_count: number;
  readonly state_dict: readonly (readonly [string, readonly number[]])[];
}

test.each(["mini_googlenet", "mini_inception_resnet_v1"])("%s has the parameters of the public code, in its order", (file) => {
  const golden = JSON.parse(readFileSync(goldenPath(`train/${file}.json`), "utf8")) as Listed;
  const [, , height, width] = golden.input.shape;
  const graph = MINI_MODELS.get(golden.model)?.({ numClasses: golden.num_classes, inputSize: [height, width] });
  if (graph === undefined) throw new RangeError(`${golden.model} is not there`);
  const listed = golden.state_dict.filter(([key]) => !key.endsWith(".num_batches_tracked"));
  expect(graph.parameters.map(({ path, type }) => [path, type.shape])).toEqual(listed);
  const trained = graph.parameters.filter(isTrainable).map(({ type }) => elementCount(type.shape.map(Number)));
  expect(trained.reduce((sum, count) => sum + count, 0)).toBe(golden.parameter_count);
});

test("they are not among the models", () => {
  const ids = MODELS.flatMap(({ id, family }) => [id, family]);
  for (const name of MINI_MODELS.keys()) expect(ids).not.toContain(name);
});
