import { describe, expect, test } from "vitest";
import { elements, expectSelfContained, textOf } from "../../test/html-elements.js";
import type { CheckedImage, DuplicateImages, ImageCheck } from "../check/image-check.js";
import { checkPage } from "./check.js";

const HOSTILE = `"><img src=x onerror=alert(1)><script>alert('&')</script>\u0007\u202Eevil`;
const PIXEL = "data:image/png;base64,iVBORw0KGgo=";

const EMPTY: ImageCheck = {
  data: "photos",
  train: 8,
  val: 2,
  classes: [
    { name: "a", train: 4, val: 1 },
    { name: "b", train: 4, val: 1 },
  ],
  counts: { leaks: 0, acrossClasses: 0, copies: 0, unreadable: 0, outliers: 0, suspectLabels: 0, imbalance: 0 },
  unreadable: [],
  duplicates: [],
  outliers: [],
  brightness: Array.from({ length: 20 }, (_, at) => (at === 10 ? 10 : 0)),
  labels: null,
  notes: [],
};

const options = {
  cleanCommand: "inception check photos --write-list clean.csv",
  facts: [["Seed", "1"]] as const,
  picture: async () => PIXEL,
};

const image = (index: number, name: string, split: "train" | "val" = "train", className = "a"): CheckedImage => ({
  index,
  name,
  split,
  className,
});

function group(images: readonly CheckedImage[], more: Partial<DuplicateImages["links"][number]> = {}): DuplicateImages {
  const [a = image(0, ""), b = image(1, "")] = images;
  const link = { a, b, kind: "near", mirrored: false, cropped: false, correlation: 0.99, ...more } as const;
  const differ = (of: (each: CheckedImage) => string): boolean => new Set(images.map(of)).size > 1;
  return { images, links: [link], leak: differ(({ split }) => split), acrossClasses: differ(({ className }) => className) };
}

describe("the page of a check", () => {
  test("without findings says so, and has no empty sections", async () => {
    const html = await checkPage("photos", EMPTY, options);
    elements(html);
    expectSelfContained(html);
    const text = textOf(html);
    expect(text).toContain("Data check: photos no findings 10 images in 2 classes, 8 for training and 2 for validation");
    expect(text).toContain("Classes are balanced: the largest class has 1.00 times as many training images as the smallest.");
    expect(text).toContain("Labels were not checked");
    const headings = [...html.matchAll(/<h2>([A-Z][a-z ]+)/g)].map(([, name]) => name?.trim());
    expect(headings).toEqual(["What to do", "Classes", "Brightness", "Method"]);
  });

  test("shows each finding where it belongs, worst first, with what relates a pair", async () => {
    const suspect = { ...image(4, "s.jpg"), suggested: "b", probability: 0.9, selfConfidence: 0.05 };
    const check: ImageCheck = {
      ...EMPTY,
      counts: { leaks: 1, acrossClasses: 1, copies: 2, unreadable: 1, outliers: 1, suspectLabels: 1, imbalance: 1 },
      duplicates: [
        group([image(0, "t.jpg"), image(8, "v.jpg", "val")], { mirrored: true, cropped: true }),
        group([image(1, "one.jpg"), image(2, "two.jpg", "train", "b")], { kind: "pixels", correlation: 1 }),
        group([image(3, "c1.jpg"), image(5, "c2.jpg"), image(6, "c3.jpg")], { kind: "bytes", correlation: 1 }),
      ],
      unreadable: [{ ...image(7, "bad.jpg"), reason: "the file is empty" }],
      outliers: [{ ...image(2, "o.jpg"), measure: "brightness", value: 0.02, median: 0.5, score: -6.5 }],
      labels: { model: "googlenet.paper", features: 1024, images: 9, accuracy: 0.8, suspects: [suspect] },
      notes: ["near duplicates of 3 images may be missing: too many images are alike"],
    };
    const text = textOf(await checkPage("photos", check, options));
    for (const part of [
      "7 findings",
      "1 leak: training = validation",
      "severe Remove 1 image from validation. What is also in training makes accuracy look better than it is. inception check photos --write-list clean.csv writes a cleaned list.",
      "Mirrored and cropped t.jpg v.jpg",
      "Identical pixels one.jpg two.jpg",
      "Byte for byte c1.jpg c2.jpg",
      "Through another copy c1.jpg c3.jpg",
      "labeled a b 90.0% s.jpg",
      "o.jpg brightness 2.0% 50.0% -6.5",
      "bad.jpg the file is empty",
      "near duplicates of 3 images may be missing: too many images are alike.",
    ])
      expect(text).toContain(part);
    expect(text.indexOf("Leaks")).toBeLessThan(text.indexOf("Possibly mislabeled"));
  });

  test("hostile names are text, foreign pictures are left out, long lists are cut with their rest counted", async () => {
    const pairs = Array.from({ length: 70 }, (_, i) => group([image(2 * i, `${HOSTILE}${i}`), image(2 * i + 1, "y".repeat(300))]));
    const unreadable = Array.from({ length: 203 }, (_, i) => ({ ...image(i, HOSTILE), reason: HOSTILE }));
    const check: ImageCheck = { ...EMPTY, classes: [{ name: HOSTILE, train: 0, val: 0 }], duplicates: pairs, unreadable, notes: [HOSTILE] };
    const html = await checkPage(HOSTILE, check, { ...options, cleanCommand: HOSTILE, picture: async () => "https://example.com/x.png" });
    elements(html);
    expectSelfContained(html);
    expect(html).not.toContain("example.com");
    expect(html).not.toContain("\u202e");
    expect(textOf(html)).toContain("no preview");
    expect(textOf(html)).toContain("10 more are in the JSON output only.");
    expect(textOf(html)).toContain("3 more are in the JSON output only.");
  });
});
