/** Checkpoints of slim, whole, through the door that users take: names, axes, heads of 1001 classes, and the options they choose. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Parameter } from "../../src/ir/graph.js";
import { describeModel, findModel, type OptionInput } from "../../src/models/index.js";
import { weightSetsOf } from "../../src/models/weights.js";
import { prepareModel } from "../../src/node/prepare-model.js";
import { elementCount } from "../../src/tensor/tensor.js";
import { frozen, sliceFile, type Variable } from "../tensorflow-files.js";
import { concat } from "../weight-fixtures.js";

const folder = mkdtempSync(path.join(tmpdir(), "inceptionkit-slim-"));
afterAll(() => rmSync(folder, { recursive: true }));

const CLASSES = 1000;
const SMALL = { widthMultiplier: 0.04 };

/** A variable as slim has it: axes in its order, one row more for background, and a number at each place that says which it is. */
function slimVariable({ path: own, role, type }: Parameter, name: string): Variable {
  const [first = 0, ...rest] = type.shape.map(Number);
  const isHead = first === CLASSES && (role === "linear_kernel" || role === "bias");
  const ours = [isHead ? first + 1 : first, ...rest];
  const values = new Float32Array(elementCount(ours));
  const start = [...own].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7);
  const [o = 0, i = 1, h = 1, w = 1] = ours;
  const depthwise = name.endsWith("depthwise_weights");
  let at = 0;
  const put = (out: number, input: number, y: number, x: number) => {
    values[at++] = valueAt(start, out - (isHead ? 1 : 0), input, y, x);
  };
  // H, W, inputs, outputs; a depthwise kernel has 3 inputs and 8 outputs of each.
  for (let y = 0; y < h; y++)
    for (let x = 0; x < w; x++)
      if (depthwise) for (let out = 0; out < o; out++) put(out, 0, y, x);
      else for (let input = 0; input < i; input++) for (let out = 0; out < o; out++) put(out, input, y, x);
  const shape = depthwise ? [h, w, 3, o / 3] : role === "conv_kernel" ? [h, w, i, o] : role === "linear_kernel" ? [1, 1, i, o] : ours;
  return { name, shape, values };
}

const valueAt = (start: number, out: number, input: number, y: number, x: number): number => start + out + input / 8 + y / 64 + x / 512;

/** The same numbers in our order. */
function expected({ path: own, type }: Parameter): Float32Array {
  const start = [...own].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 7);
  const [o = 0, i = 1, h = 1, w = 1] = type.shape.map(Number);
  const values = new Float32Array(o * i * h * w);
  let at = 0;
  for (let out = 0; out < o; out++)
    for (let input = 0; input < i; input++)
      for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) values[at++] = valueAt(start, out, input, y, x);
  return values;
}

interface Case {
  readonly model: string;
  readonly source: string;
  /** Options that the weights choose, where they are not the defaults. */
  readonly chosen: OptionInput;
  readonly given?: OptionInput;
  readonly head?: string;
}

const CASES: readonly Case[] = [
  { model: "googlenet.public", source: "slim", chosen: { padding: "same" }, head: "fc" },
  { model: "inception_v2.slim", source: "slim", chosen: { stem: "separable" }, head: "last_linear" },
  { model: "inception_v2.slim", source: "slim", chosen: { stem: "separable_batch_norm" }, head: "last_linear" },
  { model: "inception_v3.public", source: "slim", chosen: { countIncludePad: false }, head: "fc" },
  { model: "inception_v3.public", source: "slim", chosen: { countIncludePad: false }, given: { aux: true }, head: "fc" },
  { model: "inception_v4.public", source: "slim", chosen: {}, head: "last_linear" },
  { model: "inception_resnet_v2.public", source: "slim", chosen: {}, head: "classif" },
  { model: "inception_resnet_v1.public", source: "facenet", chosen: {} },
];

describe.each(CASES)("$source $model $chosen $given", ({ model, source, chosen, given = {}, head }) => {
  const options = { ...SMALL, ...given };
  const graph = findModel(model).describe({ ...options, ...chosen });
  const map = weightSetsOf(model).find((set) => set.map.source === source)?.map;
  const variables = graph.parameters
    .filter(({ role }) => role !== "norm_scale")
    .map((parameter) => slimVariable(parameter, map?.nameOf(parameter.path) ?? ""));
  const training: readonly Variable[] = [
    { name: "global_step", shape: [], values: [1000] },
    ...variables.slice(0, 3).map((item) => ({ ...item, name: `${item.name}/RMSProp_1` })),
  ];

  // slim publishes checkpoints, facenet frozen graphs as well; one of each kind of file is enough to read them all.
  const kind = source === "facenet" ? "frozen graph" : "checkpoint";

  test(`a ${kind} is taken whole, in our order`, async () => {
    const file = path.join(folder, `${model}.${kind}`);
    const bytes = kind === "frozen graph" ? concat(...variables.map(frozen)) : sliceFile([...variables, ...training]);
    writeFileSync(file, bytes);
    const prepared = await prepareModel(model, file, { options });
    expect(prepared.report.source).toBe(source);
    expect(prepared.metadata.options).toMatchObject(chosen);
    expect(prepared.report.background?.filter((name) => !name.startsWith("AuxLogits"))).toEqual(
      head === undefined ? undefined : [`${head}.weight`, `${head}.bias`],
    );
    expect(prepared.report.ignored.length).toBe(kind === "checkpoint" ? training.length : 0);
    for (const parameter of graph.parameters) {
      const { data } = prepared.parameters.get(parameter.path) ?? {};
      const wanted = parameter.role === "norm_scale" ? new Float32Array(Number(parameter.type.shape[0])).fill(1) : expected(parameter);
      expect(data, parameter.path).toEqual(wanted);
    }
  });
});

test("an option that contradicts slim's weights is refused with the reason", async () => {
  const graph = describeModel("inception_v3.public", { ...SMALL, countIncludePad: false });
  const map = weightSetsOf("inception_v3.public").find((set) => set.map.source === "slim")?.map;
  const variables = graph.parameters
    .filter(({ role }) => role !== "norm_scale")
    .map((parameter) => slimVariable(parameter, map?.nameOf(parameter.path) ?? ""));
  const file = path.join(folder, "contradiction.ckpt");
  writeFileSync(file, sliceFile(variables));
  await expect(prepareModel("inception_v3.public", file, { options: { ...SMALL, countIncludePad: true } })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: "Cannot use option countIncludePad true of inception_v3.public with weights in slim naming: they were trained with false",
  });
});
