import { describe, expect, test } from "vitest";
import { elements, expectSelfContained, textOf } from "../../test/html-elements.js";
import { createVolume } from "../data/volumes/volume.js";
import type { LabelScore } from "../segment/index.js";
import { confusionMatrix } from "./confusion.js";
import { experimentPage } from "./experiment.js";
import { explanationPage } from "./explanation.js";
import { overlay } from "./overlay.js";
import { panelSvg } from "./panels.js";
import { scoredSetSections } from "./scored-set.js";
import { qualityPage } from "./segmentation.js";
import { segmentationScoresPage } from "./segmentation-scores.js";
import { score, table } from "./table.js";

const HOSTILE = `"><img src=x onerror=alert(1)><script>alert('&')</script>\u0007\u202Eevil`;
const PIXEL = "data:image/png;base64,iVBORw0KGgo=";
const encode = async (): Promise<string> => PIXEL;

describe("the page of an explanation", () => {
  const seen = { width: 6, height: 6, channels: 3 as const, data: new Uint8Array(108).fill(90) };
  const map = (at: number) =>
    ({ method: "occlusion", values: Float32Array.from({ length: 36 }, (_, i) => (i === at ? 1 : 0)), width: 6, height: 6 }) as const;
  const top = [
    { index: 3, className: "cup", probability: 0.75 },
    { index: 1, className: HOSTILE, probability: 0.25 },
  ] as const;

  test("of one image shows its prediction, its maps and where they are largest", async () => {
    const explanation = {
      targetClass: top[0],
      top,
      modelInput: seen,
      attributions: [{ ...map(0), method: "grad_cam" }, map(35), map(14)],
    } as const;
    const html = await explanationPage("net", [{ title: "a.jpg", explanation }], encode);
    elements(html);
    expectSelfContained(html);
    const text = textOf(html);
    for (const part of [
      "Attribution for &quot;cup&quot; (net) 1 image Grad-CAM, Occlusion of net for a.jpg 75.0% cup",
      "Most probable classes Probability cup target class 75.0%",
      "Model net",
      "Input 6×6 pixels",
    ])
      expect(text).toContain(part);
    expect([...html.matchAll(/alt="([^"]*)"/g)].map(([, alt]) => alt)).toEqual([
      "a.jpg",
      "Grad-CAM of cup, maximum at the top left",
      "Occlusion of cup, maximum at the bottom right",
      "Occlusion of cup, maximum in the center",
    ]);
  });

  test("of several images, for another class, and with a map without a place", async () => {
    const flat = { ...map(0), values: new Float32Array(36) };
    const explanation = { targetClass: top[1], top, modelInput: seen, attributions: [flat] };
    const html = await explanationPage(
      HOSTILE,
      [
        { title: HOSTILE, explanation },
        { title: "b", explanation },
      ],
      encode,
    );
    const seenElements = elements(html);
    expectSelfContained(html);
    expect(seenElements.filter((name) => name === "img")).toHaveLength(4);
    expect(html).toContain("constant");
    expect(textOf(html)).toContain("2 images");
  });

  test("a map that is smaller than the picture: Grad-CAM between its values, occlusion as squares", () => {
    const picture = { width: 4, height: 1, channels: 3 as const, data: new Uint8Array(12) };
    const small = { values: Float32Array.of(0, 1), width: 2, height: 1 };
    const reds = (method: "grad_cam" | "occlusion") => [0, 1, 2, 3].map((at) => overlay(picture, { ...small, method }).data[3 * at]);
    const [first, second, third, fourth] = reds("occlusion");
    expect([first, second, third === fourth]).toEqual([0, 0, true]);
    const [a = 0, b = 0, c = 0, d = 0] = reds("grad_cam");
    expect(a < b && b < c && c <= d).toBe(true);
  });
});

describe("the page of a case", () => {
  const shown = {
    title: HOSTILE,
    image: createVolume(
      [4, 4, 2],
      Float32Array.from({ length: 32 }, (_, i) => i),
    ),
    labels: createVolume(
      [4, 4, 2],
      Uint8Array.from({ length: 32 }, (_, i) => (i === 5 ? 2 : 0)),
    ),
    classes: [0, 2, 7].map((value) => ({ value, name: value === 2 ? HOSTILE : `label ${value}` })),
    measured: [
      { value: 2, name: HOSTILE, voxels: 1, mm3: 1 },
      { value: 7, name: "label 7", voxels: 0, mm3: 0 },
    ],
    warnings: [],
    normalization: { name: "z_score", region: "all" },
    facts: [["Model", HOSTILE]],
  } as const;

  test("shows slices, volumes with the values of labels, and that it is plausible", async () => {
    const html = await qualityPage(shown, encode);
    expect(elements(html).filter((name) => name === "img").length % 3).toBe(0);
    expectSelfContained(html);
    expect(textOf(html)).toContain("plausible");
    expect(html).toContain('style="--c:var(--label-1)">2</span>');
    expect(html).toContain('style="--c:var(--label-2)">7</span>');
  });

  test("what differs from the training cases comes first and in a table; a model without statistics says so", async () => {
    const warning = {
      code: "voxel-spacing",
      message: "voxel spacing along x is 2 mm, expected 0.8 to 1.25 (training cases: 1)",
      measured: 2,
      accepted: [0.8, 1.25],
      trained: [1, 1],
    } as const;
    const html = await qualityPage({ ...shown, warnings: [warning] }, encode);
    elements(html);
    expect(textOf(html)).toContain("1 warning compared with the training cases");
    expect(textOf(html)).toContain("voxel spacing along x check 2 0.8 to 1.25 1 to 1");
    expect(textOf(await qualityPage({ ...shown, warnings: null }, encode))).toContain("Not checked compared with the training cases");
  });
});

describe("the cases of a set", () => {
  const scoreOf = (label: number, dice: number | null): LabelScore => ({
    label,
    dice,
    iou: dice,
    surfaceDice: dice,
    hd95: dice === null ? null : 1.5,
    assd: 1,
    volumeErrorMm3: -12.4,
    predictedMm3: 1234.5,
    truthMm3: 1246.9,
  });
  const classes = [0, 1, 2].map((value) => ({ value, name: `label ${value}` }));
  const cases = Array.from({ length: 17 }, (_, index) => ({
    id: `case ${index}`,
    classes: [scoreOf(1, 0.5 + index / 40), scoreOf(2, 0.9)],
  }));

  test("lowest first, the others folded, with the means of meanScores", () => {
    const html = scoredSetSections({ classes, cases }).join("");
    elements(html);
    const text = textOf(html);
    // Mean of 0.5 + k / 40 for k from 0 to 16: 0.5 + 8 / 40.
    expect(text).toContain("1 label 1 0.7000 0.7000 1.50 −12");
    expect(text).toMatch(/error case 0 0\.7000 0\.5000 1\.50 1,235 −12 0\.9000/);
    expect(text).toMatch(/Remaining 2 cases .* case 16 0\.9000/);
    // A dot for each case and label.
    expect([...html.matchAll(/class="dot case" d="([^"]*)"/g)].map(([, path = ""]) => path.match(/h0/g)?.length)).toEqual([17, 17]);
  });

  test("a label that no case has, a case without scores, and hostile names", () => {
    const html = scoredSetSections({
      classes: [...classes, { value: 3, name: "absent" }],
      cases: [{ id: HOSTILE, classes: [scoreOf(1, null), scoreOf(2, null)] }],
    }).join("");
    elements(html);
    expect(html).not.toContain("absent");
    expect(html).not.toMatch(/(?:d|x|y|width)="[^"]*(?:NaN|Infinity)/);
    expect(scoredSetSections({ classes, cases: [] })).toEqual([]);
  });
});

describe("the page of scored label maps", () => {
  const scoreOf = (label: number, dice: number): LabelScore => ({
    label,
    dice,
    iou: dice,
    surfaceDice: dice,
    hd95: 2,
    assd: 1,
    volumeErrorMm3: 0,
    predictedMm3: 10,
    truthMm3: 10,
  });
  const cases = [
    { id: "a", classes: [scoreOf(1, 0.5), scoreOf(3, 0.7)] },
    { id: HOSTILE, classes: [scoreOf(1, 0.9), scoreOf(3, 0.9)] },
  ];
  const parts = { title: HOSTILE, cases, toleranceMm: 1.5, failed: [], facts: [["Predictions", HOSTILE]] } as const;

  test("shows means, the median and the lowest case before all cases", () => {
    const html = segmentationScoresPage(parts);
    elements(html);
    expectSelfContained(html);
    const text = textOf(html);
    // Means of 0.5 and 0.9, of 0.7 and 0.9, and of both; cases of 0.6 and 0.9.
    for (const part of [
      "2 cases scored",
      "0.7500 mean Dice over labels",
      "0.7500 median Dice of a case",
      "0.6000 lowest, a",
      "2.00 mm HD95",
    ])
      expect(text).toContain(part);
    expect(text).toContain("surface Dice at 1.5 mm");
    expect(html).toContain('style="--c:var(--label-2)">3</span>');
  });

  test("names the cases that failed", () => {
    const html = segmentationScoresPage({ ...parts, failed: [{ id: HOSTILE, reason: "it is empty" }] });
    elements(html);
    expect(textOf(html)).toMatch(/1 case failed .* Not scored .* it is empty/);
  });
});

describe("the page of an experiment", () => {
  const figure = {
    title: HOSTILE,
    columns: ["a", "b"],
    rows: [
      { label: "loss", axis: "log", panels: [[{ hue: "cat-1", name: HOSTILE, points: [{ x: 0, y: 1 }, { x: 2, y: 10 }] }], []] },
    ],
    legend: [{ hue: "cat-1", name: HOSTILE }],
    xLabel: "steps",
  } as const; // biome-ignore format: one line

  test("holds its figures, which take the tokens of the page; alone they bring their own", () => {
    const html = experimentPage({
      title: HOSTILE,
      status: HOSTILE,
      lead: HOSTILE,
      figures: [{ value: "0", name: HOSTILE, tone: "good" }],
      findings: [HOSTILE],
      panels: [figure],
      networks: { columns: [{ head: "a", kind: "number" }], rows: [[HOSTILE]] },
      settings: [HOSTILE],
    });
    elements(html);
    expectSelfContained(html);
    expect(html.match(/<style>/g)).toHaveLength(1);
    const file = panelSvg(figure);
    elements(file);
    expect(file).toMatch(/^<svg class="panels" xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(file).toContain("prefers-color-scheme:dark");
    expect(file).toContain("not run");
    // 230 x 130 for x from 0 to 2 and y from 1 to 10.
    expect(file).toContain('class="curve cat-1" d="M0 130L230 0"');
  });
});

describe("tables", () => {
  test("numbers at the right, a heading for each row, sorted columns say so, and groups of columns", () => {
    const html = table("t", {
      groups: [{ head: "", columns: 1 }, { head: "both", columns: 2 }],
      columns: [{ head: "a", kind: "name" }, { head: "b", kind: "number", sorted: "down" }, { head: "c", kind: "score" }],
      rows: [["<x>", "1", score(0.25)], ["y", "2", score(null)]],
    }); // biome-ignore format: one line
    elements(html);
    expect(html).toContain('<th scope="row">&lt;x&gt;</th><td class="number">1</td><td class="scored">');
    expect(html).toContain('<th scope="col" class="number sorted down" aria-sort="descending">b</th>');
    expect(html).toContain('<th scope="colgroup" colspan="2" class="group">both</th>');
    expect(textOf(html)).toContain("25.0%");
  });
});

test("five steps of the confusion matrix, by the fraction of the row", () => {
  const row = [84, 13, 3, 0];
  const html = confusionMatrix([row, [12, 60, 24, 4], [25, 40, 15, 20], [0, 0, 0, 100]], []);
  elements(html);
  expect([...html.matchAll(/<td class="((?:hit|miss|zero)[^"]*)"/g)].map(([, step]) => step)).toEqual([
    ...["hit-4", "miss-3", "miss-1", "zero"],
    ...["miss-3", "hit-4", "miss-3", "miss-1"],
    ...["miss-4", "miss-5", "hit-2", "miss-3"],
    ...["zero", "zero", "zero", "hit-5"],
  ]);
});
