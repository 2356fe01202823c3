import { describe, expect, test } from "vitest";
import { elements, textOf } from "../../test/html-elements.js";
import { escapeMarkup } from "../text.js";
import type { EpochRow } from "../train/history.js";
import { ClassificationMetrics, type Evaluation } from "../train/metrics.js";
import { lineChart } from "./chart.js";
import { confusionMatrix } from "./confusion.js";
import { safePicture } from "./picture.js";
import { niceStep } from "./plot.js";
import { type ReportData, runReport } from "./training.js";

const PIXEL = "data:image/png;base64,iVBORw0KGgo=";

function evaluate(numClasses: number, rows: readonly (readonly [truth: number, answer: number])[]): Evaluation {
  const metrics = new ClassificationMetrics({ numClasses, nameOf: (index) => `image ${index}"><script>` });
  for (const [index, [truth, answer]] of rows.entries()) {
    metrics.update({
      logits: Float32Array.from({ length: numClasses }, (_, each) => (each === answer ? 3 : 0)),
      labels: [truth],
      indices: [index],
    });
  }
  return metrics.result();
}

const row = (epoch: number, top1: number | null, trainLoss = 1): EpochRow => ({
  epoch,
  step: 10 * epoch,
  learningRate: 0.1,
  trainLoss,
  trainTop1: top1,
  loss: top1 === null ? null : 1 - top1,
  top1,
  top5: top1,
});

const DATA: ReportData = {
  title: "runs/first",
  model: "googlenet",
  dataset: "flowers",
  status: "finished",
  epochs: 3,
  stepsPerEpoch: 10,
  classes: ["daisy", "rose", "tulip"],
  history: [row(1, 0.5), row(2, 0.75), row(3, 0.7)],
  metric: "top1",
  steps: [1, 10, 20, 30].map((step) => ({ step, loss: 3 / step, learningRate: 0.1 })),
  evaluation: evaluate(3, [
    [0, 0],
    [0, 1],
    [1, 1],
    [2, 1],
  ]),
  pictures: new Map([[1, PIXEL]]),
  facts: [["images/s", "412"]],
  configuration: { optimizer: { name: "sgd", momentum: 0.9 }, freeze: null, sizes: [1, 2], empty: {} },
  environment: [["Node", "v20"]],
};

describe("the page of a run", () => {
  const html = runReport(DATA);

  test("is nested well and shows what it should", () => {
    const seen = elements(html);
    expect(seen.filter((name) => name === "svg")).toHaveLength(3);
    expect(seen.filter((name) => name === "img")).toHaveLength(1);
    const text = textOf(html);
    for (const part of [
      "runs/first finished googlenet on flowers",
      "75.0% best top-1, epoch 2",
      "3 of 3 epochs",
      "412 images/s",
      "daisy 2 100.0% 50.0% 66.7%",
      "tulip 1 – 0.0% 0.0%",
      "optimizer.momentum 0.9",
      "freeze none",
      "sizes [1,2]",
      "empty {}",
      "Node v20",
    ]) {
      expect(text).toContain(part);
    }
  });

  test("is a function of its data alone", () => {
    expect(runReport({ ...DATA })).toBe(html);
  });

  test("runs nothing and loads nothing", () => {
    expect(html).not.toMatch(/<script|<link|<iframe|@import|url\(|\son\w+=|https?:|javascript:/i);
    expect([...html.matchAll(/src="([^"]*)"/g)].map(([, uri]) => uri)).toEqual([PIXEL]);
  });

  test("the first card is the metric that the run is judged by", () => {
    expect(textOf(runReport({ ...DATA, metric: "loss" }))).toContain("0.2500 best validation loss, epoch 2");
  });

  test("an interrupted run without anything measured is a page too", () => {
    const empty = runReport({
      ...DATA,
      history: [],
      steps: [],
      evaluation: null,
      configuration: {},
      environment: [],
      status: "interrupted",
    });
    elements(empty);
    expect(empty.match(/Nothing was measured/g)).toHaveLength(3);
    expect(textOf(empty)).toContain("0 of 3 epochs");
  });

  test("diverged runs are shown: gaps for what is not finite, and a note", () => {
    const steps = [Number.NaN, 2, Number.POSITIVE_INFINITY, 1].map((loss, index) => ({ step: index + 1, loss, learningRate: 0.1 }));
    const diverged = runReport({ ...DATA, steps, history: [row(1, Number.NaN, Number.NaN)], evaluation: null });
    elements(diverged);
    expect(diverged.replace(/<style>[\s\S]*?<\/style>/, "")).not.toMatch(/(?:d|x|y|cx|cy)="[^"]*(?:NaN|Infinity)/);
    expect(diverged).toContain("3 values were not finite and could not be drawn.");
  });
});

describe("hostile texts", () => {
  const hostile = `"><img src=x onerror=alert(1)><script>alert('&')</script>\u0007\u202Eevil\ud800`;

  test("are text everywhere", () => {
    const data: ReportData = {
      ...DATA,
      title: hostile,
      model: hostile,
      dataset: hostile,
      status: hostile,
      classes: [hostile, hostile, hostile],
      facts: [[hostile, hostile]],
      configuration: { [hostile]: { [hostile]: hostile }, list: [hostile] },
      environment: [[hostile, hostile]],
      pictures: new Map([[1, `${PIXEL}" onload="alert(1)`]]),
    };
    const html = runReport(data);
    const plain = elements(runReport(DATA));
    // Exactly the elements of the harmless page, less the picture that is refused, plus a row and a card or two.
    expect(new Set(elements(html))).toEqual(new Set(plain.filter((name) => name !== "img")));
    for (const mark of ["\u202e", "\u0007", "\ud800"]) expect(html).not.toContain(mark);
  });

  test("escaping", () => {
    expect(escapeMarkup(`<a href="x" title='y'>&amp;</a>`)).toBe("&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp;&lt;/a&gt;");
    expect(escapeMarkup("a\u202eb\u2066c\u0000d\ud800")).toBe("abc d\ufffd");
    expect(escapeMarkup("Löwenzahn 蒲公英 \u{1f33c}")).toBe("Löwenzahn 蒲公英 \u{1f33c}");
  });

  test("only pictures that are part of the page are shown", () => {
    for (const good of [PIXEL, "data:image/jpeg;base64,/9j/4AAQ", "data:image/webp;base64,AAAA"]) expect(safePicture(good)).toBe(good);
    for (const bad of [
      undefined,
      "",
      "https://example.org/x.png",
      "data:image/svg+xml;base64,AAAA",
      "data:text/html;base64,AAAA",
      'data:image/png;base64,AA"A',
      "data:image/png;base64,AA==\n",
    ])
      expect(safePicture(bad)).toBe(null);
  });
});

describe("charts", () => {
  test("steps of axes are 1, 2 or 5 times a power of ten", () => {
    expect([10, 1, 0.9, 0.3, 35, 12].map((span) => niceStep(span, 5))).toEqual([2, 0.2, 0.2, 0.1, 10, 5]);
  });

  const chart = (points: readonly { readonly x: number; readonly y: number }[]): string =>
    lineChart({ title: "t", xLabel: "epoch", series: [{ name: "a", hue: "train", look: "line", points }], format: String });
  const pathOf = (svg: string): string | undefined => /class="curve [^"]*" d="([^"]*)"/.exec(svg)?.[1];

  test("points lie where they belong", () => {
    // 540 x 280 with margins 58, 16, 16, 38: x from 58 to 524 for 0 to 2, y from 242 to 16 for 0 to 10.
    expect(pathOf(chart([{ x: 0, y: 0 }, { x: 1, y: 5 }, { x: 2, y: 10 }]))).toBe("M58 242L291 129L524 16"); // biome-ignore format: one line
  });

  test("what is not finite interrupts the line", () => {
    const points = [0, 1, Number.NaN, 2, Infinity].map((y, index) => ({ x: index, y }));
    expect(pathOf(chart(points))).toMatch(/^M[\d.]+ [\d.]+L[\d.]+ [\d.]+M[\d.]+ [\d.]+$/);
  });

  test("many points are thinned, and the axis does not end before them", () => {
    const svg = chart(Array.from({ length: 10_000 }, (_, index) => ({ x: index / 1000, y: index })));
    expect(pathOf(svg)?.match(/[ML]/g)).toHaveLength(400);
    expect(svg).toContain(">10</text>");
  });

  test("a constant curve has an axis around it", () => {
    expect(pathOf(chart([{ x: 0, y: 4 }, { x: 1, y: 4 }]))).toBe("M58 129L524 129"); // biome-ignore format: one line
    expect(pathOf(chart([{ x: 0, y: 0 }, { x: 1, y: 0 }]))).toBe("M58 242L524 242"); // biome-ignore format: one line
  });
});

describe("the confusion matrix", () => {
  test("is a table of counts for few classes", () => {
    const html = confusionMatrix(
      [
        [8, 2],
        [0, 5],
      ],
      ["cat", "dog"],
    );
    elements(html);
    expect([...html.matchAll(/<td class="(hit|miss|zero)[^>]*>([^<]*)</g)].map(([, kind, count]) => `${kind} ${count}`)).toEqual([
      "hit 8",
      "miss 2",
      "zero ·",
      "hit 5",
    ]);
    expect(html).toContain('title="cat predicted as dog: 2 of 10"');
    expect(textOf(html)).toContain("cat → dog 2 20.0%");
  });

  test("is a picture for many, with neighbors together above 120", () => {
    const size = 240;
    // Right everywhere, except that class 0 is predicted as class 239 once.
    const matrix = Array.from({ length: size }, (_, truth) => Array.from({ length: size }, (_, answer) => (truth === answer ? 1 : 0)));
    matrix[0]![size - 1] = 1;
    const html = confusionMatrix(matrix, []);
    elements(html);
    expect(html).toContain('viewBox="0 0 120 120"');
    expect(html.match(/h1v1h-1z/g)).toHaveLength(121);
    expect(html).toContain("M119 0h1v1h-1z");
    expect(textOf(html)).toContain("class 0 → class 239 1 50.0%");
  });

  test("says where nothing was confused", () => {
    expect(textOf(confusionMatrix([[3]], ["cat"]))).toContain("No image was misclassified.");
  });
});

test("many classes: the weakest first, the others folded", () => {
  const size = 60;
  const evaluation = evaluate(
    size,
    Array.from({ length: size }, (_, index) => [index, index === 17 ? 18 : index] as const),
  );
  const html = runReport({ ...DATA, classes: Array.from({ length: size }, (_, index) => `class ${index}`), evaluation });
  elements(html);
  const text = textOf(html);
  expect(text).toMatch(/The 20 classes with the lowest F1: Class Images Precision Recall F1 class 17 1 – 0\.0%/);
  expect(text).toContain("All 60 classes");
});
