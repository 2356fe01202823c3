import { describe, expect, test } from "vitest";
import { printScale } from "../diagram/fold.js";
import { describeModel } from "../models/index.js";
import { GraphBuilder } from "../ops/build.js";
import { compareGraphs } from "./compare.js";
import { comparisonSvg } from "./svg.js";

const TAG = /<\/?(?:svg|title|rect|text)(?: [a-zA-Z-]+="[^"<>]*")*\/?>/g;

function chain(name: string, paths: readonly string[]) {
  const b = new GraphBuilder(name);
  let x = b.input("input", ["N", 2]);
  for (const path of paths) x = b.add("relu", path, [x], {});
  b.output("y", x);
  return b.finish();
}

describe.each([
  ["googlenet.paper", "googlenet.public"],
  ["inception_resnet_v2.paper", "inception_resnet_v2.public"],
] as const)("%s beside %s", (a, b) => {
  const svg = comparisonSvg(compareGraphs(describeModel(a), describeModel(b)));

  test("is well-formed, self-contained and fits a sheet", () => {
    expect(svg.replace(TAG, "")).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|apos);)/);
    expect(svg).not.toMatch(/href|style=|url\(/);
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg) ?? [];
    // Small text has 10.5 pixels, which at this scale are 5 points.
    expect(printScale({ width: Number(width), height: Number(height) })).toBeGreaterThan(0.6);
  });

  test("names both and what differs", () => {
    for (const name of [a, b]) expect(svg).toContain(`>${name}</text>`);
    expect(svg).toContain(a.startsWith("googlenet") ? ">kernel 5×5 | 3×3 (branch3.1.conv)</text>" : ">repeats 10 | 20</text>");
  });
});

test("many equal parts in a row are one line", () => {
  const paths = ["first", "second", "third", "fourth"];
  const svg = comparisonSvg(compareGraphs(chain("a", paths), chain("b", [...paths, "last"])));
  expect(svg).toContain(">4 blocks</text>");
  expect(svg).toContain(">first to fourth</text>");
  expect(svg).toContain(">last</text>");
});

test("hostile names stay text", () => {
  const svg = comparisonSvg(compareGraphs(chain("</text><script>", ["a\u0000<b>"]), chain("b".repeat(5000), ["c&d"])));
  expect(svg.replace(TAG, "")).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|apos);)/);
  expect(svg).toContain("&lt;/text&gt;&lt;script&gt;");
});

test("more than can be read is refused", () => {
  const paths = (name: string): readonly string[] => Array.from({ length: 250 }, (_, index) => `${name}${index}`);
  const b = new GraphBuilder("b");
  let x = b.input("input", ["N", 2]);
  for (const path of paths("q")) x = b.add("exp", path, [x], {});
  b.output("y", x);
  const message = 'Cannot draw "a" beside "b": they have 500 parts, the limit is 400';
  expect(() => comparisonSvg(compareGraphs(chain("a", paths("p")), b.finish()))).toThrow(
    expect.objectContaining({ code: "OPTION_INVALID", message }),
  );
});
