/** The losses against PyTorch, MONAI and nnU-Net: value and gradient of the loss entries of test/goldens/ops/ops.json. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { differentiated } from "../../test/gradient-graph.js";
import { outputOf, runGraph } from "../../test/run-graph.js";
import { goldenPath } from "../../test/shared.js";
import { GraphBuilder, type Ref } from "../ops/build.js";
import { crossEntropy, dice, diceCrossEntropy, nnunetDiceCrossEntropy, oneHotTargets } from "./index.js";

interface Stored {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface LossGolden {
  readonly name: string;
  readonly op: string;
  readonly params: Readonly<Record<string, unknown>> & { readonly target: readonly number[]; readonly logits: string };
  readonly inputs: { readonly x: Stored };
  readonly output: Stored;
  readonly grad_output: Stored;
  readonly grads: { readonly x: Stored };
}

type Loss = (b: GraphBuilder, logits: Ref, targets: Ref, golden: LossGolden) => Ref;

const LOSSES: Readonly<Record<string, Loss>> = {
  cross_entropy: (b, logits, targets, { params }) => {
    const weights = params.weight as readonly number[] | undefined;
    return crossEntropy(b, "y", logits, targets, {
      labelSmoothing: Number(params.label_smoothing ?? 0),
      reduction: params.reduction === "sum" || params.reduction === "none" ? params.reduction : "mean",
      ...(weights ? { classWeights: weights } : {}),
    });
  },
  DiceLoss: (b, logits, targets, golden) => dice(b, "y", logits, targets, monaiOptions(golden)),
  DiceCELoss: (b, logits, targets, golden) => diceCrossEntropy(b, "y", logits, targets, monaiOptions(golden)),
  DC_and_CE_loss: (b, logits, targets, { params }) =>
    nnunetDiceCrossEntropy(b, "y", logits, targets, {
      batch: params.batch_dice === true,
      includeBackground: params.do_bg === true,
      smooth: Number(params.smooth),
      crossEntropyWeight: Number(params.weight_ce),
      diceWeight: Number(params.weight_dice),
    }),
};

function monaiOptions({ params }: LossGolden) {
  return {
    includeBackground: params.include_background !== false,
    batch: params.batch === true,
    squaredPred: params.squared_pred === true,
    smoothNumerator: Number(params.smooth_nr),
    smoothDenominator: Number(params.smooth_dr),
  };
}

const { ops } = JSON.parse(readFileSync(goldenPath("ops/ops.json"), "utf8")) as { readonly ops: readonly LossGolden[] };
const GOLDENS = ops.filter(({ op }) => Object.hasOwn(LOSSES, op));

/** Of the largest value: a few float32 roundings of 6e-8 in each of the sums. */
const TOLERANCE = 1e-6;

test("there are 16 of them", () => {
  expect(GOLDENS.length).toBe(16);
});

test.each(GOLDENS)("$name", async (golden) => {
  const { inputs, params, op } = golden;
  const b = new GraphBuilder(golden.name);
  const x = b.input("x", inputs.x.shape);
  const labels = b.input("labels", inputs.x.shape.toSpliced(1, 1), "int32");
  const targets = oneHotTargets(b, "targets", labels, Number(inputs.x.shape[1]));
  const logits = b.add("scale", "logits", [x], { factor: Number(params.logits.replace("*x", "")) });
  const loss = LOSSES[op]?.(b, logits, targets, golden) ?? x;
  b.output("y", loss);
  // PyTorch ignores one label; here every label outside the classes is ignored.
  const given = params.target.map((label) => (label === params.ignore_index ? -1 : label));
  const feeds = {
    x: { shape: inputs.x.shape, data: Float32Array.from(inputs.x.data) },
    labels: { shape: labels.type.shape.map(Number), data: Int32Array.from(given) },
    "cotangent:y": { shape: golden.grad_output.shape, data: Float32Array.from(golden.grad_output.data) },
  };
  const y = outputOf(await runGraph(b.finish(), new Map(), { x: feeds.x, labels: feeds.labels }), "y");
  expectClose(y, golden.output);
  const both = differentiated(b.finish(), feeds, ["x"]);
  expectClose(outputOf(await runGraph(both.graph, new Map(), feeds), "d:x"), golden.grads.x);
});

function expectClose(actual: { readonly shape: readonly number[]; readonly data: Float32Array }, expected: Stored): void {
  expect(actual.shape).toEqual(expected.shape);
  const largest = Math.max(...expected.data.map(Math.abs));
  const worst = Math.max(...expected.data.map((value, index) => Math.abs(value - Number(actual.data[index]))));
  expect(worst / largest).toBeLessThan(TOLERANCE);
}
