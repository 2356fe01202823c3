import { describe, expect, test } from "vitest";
import { elements, textOf } from "../../test/html-elements.js";
import { measureCalibration } from "../confidence/measure.js";
import { imageQualities } from "../confidence/quality.js";
import { calibrationSection, reliabilityDiagram } from "./reliability.js";

describe("the reliability diagram", () => {
  const bins = [
    { low: 0, high: 0.5, count: 4, confidence: 0.25, accuracy: 0.5 },
    { low: 0.5, high: 1, count: 0, confidence: null, accuracy: null },
  ];
  const svg = reliabilityDiagram('a "b"', bins);

  test("has a bar of the accuracy and a gap up to the mean confidence, and nothing for an empty bin", () => {
    elements(svg);
    // 540 x 320 with margins 58, 16, 16, 38: x from 58 to 524, y from 282 to 16; bars are 1.5 narrower on each side.
    expect(svg).toContain('<rect class="accuracy" x="59.5" y="149" width="230" height="133"/>');
    expect(svg).toMatch(/class="gap" d="M59\.5 149H289\.5V215\.5H59\.5z/);
    expect(svg.match(/class="accuracy"/g)).toHaveLength(1);
    expect(textOf(svg)).toContain("0.0% to 50.0% 4 25.0% 50.0%");
    expect(textOf(svg)).toContain("50.0% to 100.0% 0 – –");
    expect(svg).toContain('aria-label="a &quot;b&quot;"');
  });

  test("is hatched inside of the gap alone", () => {
    const path = /class="gap" d="[^z]*z([^"]*)"/.exec(svg)?.[1] ?? "";
    const ends = [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
    expect(ends.length).toBeGreaterThan(20);
    for (const [x = 0, y = 0] of ends) {
      expect(x >= 59.5 && x <= 289.5 && y >= 149 && y <= 215.5).toBe(true);
    }
    // All run in the same direction, at 45 degrees.
    for (let k = 0; k < ends.length; k += 2) {
      const [[x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = ends.slice(k, k + 2);
      expect(x2 - x1).toBeCloseTo(y1 - y2, 0);
    }
  });
});

describe("the section of calibration", () => {
  const logits = [
    [2, 0],
    [0, 2],
    [1, 0],
  ];
  const before = measureCalibration(imageQualities({ logits, labels: [0, 1, 1] }), 0);

  test("without a temperature says why there is none", () => {
    const html = calibrationSection({ images: 3, before, fitted: null, remarks: ["No temperature was fitted: too few <images>"] });
    expect(elements(html).filter((name) => name === "svg")).toHaveLength(1);
    const text = textOf(html);
    expect(text).toContain("3 images, not calibrated");
    expect(text).toContain("too few &lt;images&gt;.");
    // −log of 1 / (1 + exp(−2)), twice, and of 1 / (1 + e).
    const nll = (2 * Math.log(1 + Math.exp(-2)) + Math.log(1 + Math.E)) / 3;
    expect(text).toContain(`NLL ${nll.toFixed(4)} `);
  });

  test("with a temperature shows both", () => {
    const after = measureCalibration(imageQualities({ logits, labels: [0, 1, 1] }, 2), 0);
    const html = calibrationSection({ images: 3, before, fitted: { temperature: 2, after }, remarks: [] });
    expect(elements(html).filter((name) => name === "svg")).toHaveLength(2);
    expect(textOf(html)).toContain("temperature 2.000");
    expect(textOf(html)).toContain("After calibration, cross-fitted");
  });
});
