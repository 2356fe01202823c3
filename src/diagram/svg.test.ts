import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeModel, findModel, MODELS } from "../models/index.js";
import { type Diagram, diagram } from "./diagram.js";
import { foldLayout, printScale } from "./fold.js";
import { diagramOf, HOSTILE_TEXTS } from "./formats.cases.js";
import { type Layout, layoutDiagram } from "./layout.js";
import { diagramSvg } from "./svg.js";
import { amountText, shownText, textWidth } from "./text.js";

/** Elements that a drawing may have, with attributes in quotes and text in which all that means something is an entity. */
const TAG = /<\/?(?:svg|title|rect|text|g|path)(?: [a-zA-Z-]+="[^"<>]*")*\/?>/g;

function expectWellFormed(svg: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: XML cannot hold them
  expect(svg).not.toMatch(/[\u0000-\u0009\u000b-\u001f\ufffe\uffff]|\p{Surrogate}/u);
  expect(svg.replace(TAG, "")).not.toMatch(/[<>]|&(?!(?:amp|lt|gt|quot|apos);)/);
  const open: string[] = [];
  for (const [tag] of svg.matchAll(TAG)) {
    const name = /[a-z]+/.exec(tag)?.[0] ?? "";
    if (tag.startsWith("</")) expect(open.pop()).toBe(name);
    else if (!tag.endsWith("/>")) open.push(name);
  }
  expect(open).toEqual([]);
}

const BLOCKS: readonly (readonly [string, string | undefined])[] = [
  ...MODELS.map(({ id }) => [id, undefined] as const),
  ["googlenet.public", "inception3a"],
  ["inception_resnet_v2.spec", "stem"],
  ["inception_resnet_v2.spec", "inception_a"],
  ["inception_resnet_v2.spec", "reduction_b"],
  ["inception_resnet_v2.public", "mixed_5b"],
  ["inception_resnet_v2.public", "repeat_1.0"],
];

describe.each(BLOCKS)("%s %s", (id, block) => {
  const drawn = diagram(findModel(id).describe(), { block });

  test("stands inside the sheet, without overlaps and with text inside its box", async () => {
    const layout = foldLayout(await layoutDiagram(drawn));
    expect(layout.nodes.length).toBe(drawn.nodes.length);
    expect(layout.edges.length).toBe(drawn.edges.length);
    expectApart(layout);
    for (const { label, lines, width } of layout.nodes) {
      expect(textWidth(label, 13, true)).toBeLessThan(width - 20);
      for (const line of lines) expect(textWidth(line, 11.5)).toBeLessThan(width - 20);
    }
  });

  test("is one well-formed file with all texts, paths and shapes", async () => {
    const svg = await diagramSvg(drawn);
    expectWellFormed(svg);
    expect(svg).not.toMatch(/href|style=|url\(/);
    for (const { label, path } of drawn.nodes) {
      expect(svg).toContain(`>${shownText(label)}</text>`);
      expect(svg).toContain(`<title>${path}</title>`);
    }
    for (const { shape } of drawn.edges) expect(svg).toContain(`>${shape.replaceAll("*", "×")}</text>`);
    expect(await diagramSvg(drawn)).toBe(svg);
  });
});

/** Boxes, and the labels of arrows, touch neither each other nor the edge of the sheet. */
function expectApart({ width, height, nodes, edges }: Layout): void {
  const boxes = [
    ...nodes.map((node) => ({ name: node.node.id, left: node.x, top: node.y, right: node.x + node.width, bottom: node.y + node.height })),
    ...edges.map(({ edge, center, labelWidth }) => ({
      name: `${edge.from} -> ${edge.to}`,
      left: center.x - labelWidth / 2,
      top: center.y - 7,
      right: center.x + labelWidth / 2,
      bottom: center.y + 7,
    })),
  ];
  for (const [index, a] of boxes.entries()) {
    expect(a.left >= -1 && a.top >= -1 && a.right <= width + 1 && a.bottom <= height + 1, a.name).toBe(true);
    for (const b of boxes.slice(index + 1)) {
      const apart = a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
      expect(apart, `${a.name} and ${b.name}`).toBe(true);
    }
  }
  for (const { points } of edges) for (const { x, y } of points) expect(x >= 0 && x <= width && y >= 0 && y <= height + 1).toBe(true);
}

test("branches stand in the order in which a concatenation reads them", async () => {
  for (const [id, block] of [
    ["googlenet.public", "inception3a"],
    ["inception_resnet_v2.public", "repeat.0"],
    ["inception_resnet_v1.spec", "reduction_b"],
    ["inception_v2.slim", "inception_5a"],
  ] as const) {
    const drawn = diagram(describeModel(id), { block });
    const { nodes } = await layoutDiagram(drawn);
    const concat = drawn.nodes.find(({ kind }) => kind === "concat")?.id;
    const ends = drawn.edges.filter(({ to }) => to === concat).map(({ from }) => nodes.find(({ node }) => node.id === from)?.x ?? 0);
    expect(ends.length).toBeGreaterThan(2);
    expect(ends).toEqual([...ends].sort((a, b) => a - b));
  }
});

describe("folded into columns", () => {
  const crossing = ({ edges }: Layout) => edges.filter(({ route }) => route === "corners").map(({ edge }) => `${edge.from} -> ${edge.to}`);

  test("a tall overview, at a single arrow", async () => {
    const tall = await layoutDiagram(diagram(describeModel("googlenet")));
    const folded = foldLayout(tall);
    expect(crossing(folded)).toEqual(["inception4a -> inception4b"]);
    expect(folded.height).toBeLessThan(0.6 * tall.height);
  });

  test("a block, where two arrows pass", async () => {
    const folded = foldLayout(await layoutDiagram(diagram(describeModel("inception_resnet_v2.spec"), { block: "stem" })));
    expect(crossing(folded)).toEqual(["concat4 -> conv5_3x3_a_reduce", "conv5_3x3_b_reduce -> conv5_1x7_b"]);
  });

  test("skips lead over the columns in between", async () => {
    const folded = foldLayout(await layoutDiagram(diagram(describeModel("inception_resnet_3d.table"))));
    expect(crossing(folded).toSorted()).toEqual([
      "Cfinal -> up.reduce",
      "stem.conv3 -> up.skip_c1",
      "stem.conv5 -> stem.pool2",
      "stem.conv5 -> up.skip_c2",
    ]);
    const tops = folded.nodes.map(({ y }) => y);
    for (const { edge, center } of folded.edges) {
      if (edge.to.startsWith("up.skip")) expect(center.y).toBeLessThan(Math.min(...tops));
    }
  });

  test.each([
    ["inception_resnet_3d.table", {}],
    ["inception_resnet_3d.table", { block: "B0" }],
    ["inception_resnet_v2.spec", { block: "stem" }],
  ])("%s %j: no two arrows lie on each other", async (id, options) => {
    const folded = foldLayout(await layoutDiagram(diagram(findModel(id).describe(), options)));
    const straight = folded.edges
      .filter(({ route }) => route === "corners")
      .flatMap(({ points }, edge) => points.slice(1).map((end, index) => ({ edge, start: points[index] ?? end, end })));
    const within = (a: number, b: number, c: number, d: number): boolean =>
      Math.max(Math.min(a, b), Math.min(c, d)) < Math.min(Math.max(a, b), Math.max(c, d));
    const shared = straight.filter((one) =>
      straight.some(
        (other) =>
          other.edge !== one.edge &&
          ((one.start.y === one.end.y &&
            [other.start.y, other.end.y].every((y) => y === one.start.y) &&
            within(one.start.x, one.end.x, other.start.x, other.end.x)) ||
            (one.start.x === one.end.x &&
              [other.start.x, other.end.x].every((x) => x === one.start.x) &&
              within(one.start.y, one.end.y, other.start.y, other.end.y))),
      ),
    );
    expect(straight.length).toBeGreaterThan(0);
    expect(shared).toEqual([]);
  });

  test("what is small enough, or cannot be cut, stays as it is", async () => {
    const small = await layoutDiagram(diagram(describeModel("googlenet"), { block: "inception3a" }));
    expect(foldLayout(small)).toBe(small);
  });

  test("how far a drawing shrinks on A4", () => {
    expect(printScale({ width: 500, height: 900 })).toBe(1);
    expect(printScale({ width: 718, height: 2094 })).toBe(0.5);
    expect(printScale({ width: 2094, height: 718 })).toBe(0.5);
  });
});

test("numbers are in three digits", () => {
  expect([0, 999, 1000, 9472, 99_949, 999_499, 999_500, 6_624_904, 1_498_376_192, 2e12].map(amountText)).toEqual([
    "0",
    "999",
    "1.00 k",
    "9.47 k",
    "99.9 k",
    "999 k",
    "1.00 M",
    "6.62 M",
    "1.50 G",
    "2.00 T",
  ]);
});

test("hostile texts stay text, cut to what fits", async () => {
  const svg = await diagramSvg(diagramOf(HOSTILE_TEXTS));
  expectWellFormed(svg);
  expect(svg).toContain("&lt;/text&gt;&lt;script&gt;alert(1)&lt;/script&gt;</text>");
  expect(svg).toContain(`>${"w".repeat(47)}…</text>`);
  expect(svg).toContain(`<title>${"w".repeat(5000)}</title>`);
  const texts = fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(texts, async (list) => expectWellFormed(await diagramSvg(diagramOf(list)))),
    { numRuns: 50 },
  );
});

test("an empty diagram is an empty sheet", async () => {
  expectWellFormed(await diagramSvg({ title: "nothing", nodes: [], edges: [] }));
});

test("too many boxes are refused before they are placed", async () => {
  const drawn = diagramOf(Array.from({ length: 501 }, (_, index) => String(index)));
  const message =
    'Cannot draw diagram "all": it has 501 boxes and 500 arrows, the limits are 500 and 1,000; draw one of its blocks, or write it as dot, json or mermaid';
  await expect(diagramSvg({ ...drawn, title: "all" })).rejects.toMatchObject({ code: "OPTION_INVALID", message });
});

test("an arrow to nowhere is a mistake of the program", async () => {
  const drawn: Diagram = { ...diagramOf(["a", "b"]), title: "t", edges: [{ from: "a", to: "c", shape: "1" }] };
  await expect(diagramSvg(drawn)).rejects.toThrow('Cannot place diagram "t": an edge names node "c", which is absent');
});

test("sizes are typeset, names are not", () => {
  expect(shownText("Conv 3x3 /2 pad 1,2")).toBe("Conv 3×3 /2 pad 1,2");
  expect(shownText("384*35*35")).toBe("384×35×35");
  expect(shownText("repeat (10 x)")).toBe("repeat (10 ×)");
  expect(shownText("linear x 0.17")).toBe("linear × 0.17");
  expect(shownText("conv_3x3_b1 Conv2d_1a_3x3 a.3x3 x 2d")).toBe("conv_3x3_b1 Conv2d_1a_3x3 a.3x3 x 2d");
});
