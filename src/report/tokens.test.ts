/** The contrasts that readers need (WCAG 2.2, 1.4.3 and 1.4.11), computed from the tokens, and that pages use no other color. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { sharedPath, titleNeeding } from "../../test/shared.js";
import { REPORT_CSS } from "./style.js";
import { COLORS, HEAT_STOPS, LABEL_COLORS, MORE_CONTRAST, rgbOf, STAGE_COLORS, type ThemedColor } from "./tokens.js";

type Role = keyof typeof COLORS;

/** Relative luminance of WCAG 2. */
function luminance(color: string): number {
  const [red, green, blue] = rgbOf(color).map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [dark = 0, light = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
}

/** Text and the grounds that the style sheet sets it on. */
const TEXT: readonly (readonly [text: Role, grounds: readonly Role[]])[] = [
  ["ink", ["ground", "surface", "warn-soft", "hit-1", "hit-2", "hit-3", "miss-1", "miss-2", "miss-3"]],
  ["soft", ["ground", "surface", "sunken"]],
  ["faint", ["surface"]],
  ["good-ink", ["surface", "good-soft"]],
  ["warn-ink", ["surface", "warn-soft"]],
  ["bad-ink", ["surface", "bad-soft"]],
  ["best-ink", ["surface"]],
  ["on-deep", ["hit-4", "hit-5", "miss-4", "miss-5"]],
];

/** Lines, dots, bars, borders that carry meaning, and the ring of the focus. */
const MARKS: readonly (readonly [mark: Role, grounds: readonly Role[]])[] = [
  ...(["train", "valid", "second", "rate", "best", "score", "cat-1", "cat-2", "cat-3", "cat-4"] as const).map(
    (role) => [role, ["surface"]] as const,
  ),
  ["score", ["bar"]],
  ["good", ["surface", "ground"]],
  ["warn", ["surface", "ground"]],
  ["bad", ["surface", "ground"]],
  ["focus", ["surface", "ground"]],
];

const THEMES = ["light", "dark"] as const;

function colorIn(theme: (typeof THEMES)[number], colors: Readonly<Record<string, ThemedColor>>, role: string): string {
  return colors[role]?.[theme === "light" ? 0 : 1] ?? "";
}

function lowContrasts(pairs: typeof TEXT, least: number, colors: Readonly<Record<string, ThemedColor>>): readonly string[] {
  return THEMES.flatMap((theme) =>
    pairs.flatMap(([front, grounds]) =>
      grounds.flatMap((ground) => {
        const ratio = contrast(colorIn(theme, colors, front), colorIn(theme, colors, ground));
        return ratio >= least ? [] : [`${front} on ${ground}, ${theme}: ${ratio.toFixed(2)}`];
      }),
    ),
  );
}

describe("contrast", () => {
  test("the formula: black on white is 21, #767676 on white 4.54", () => {
    expect(contrast("#000000", "#ffffff")).toBeCloseTo(21, 6);
    expect(contrast("#ffffff", "#767676")).toBeCloseTo(4.54, 2);
  });

  test("text is at least 4.5 in both themes, and running text 7", () => {
    expect(lowContrasts(TEXT, 4.5, COLORS)).toEqual([]);
    expect(lowContrasts([["ink", ["ground", "surface"]]], 7, COLORS)).toEqual([]);
  });

  test("marks are at least 3 in both themes", () => {
    expect(lowContrasts(MARKS, 3, COLORS)).toEqual([]);
  });

  test("more contrast, where a reader asks for it, is more", () => {
    expect(lowContrasts([["soft", ["ground", "surface", "sunken"]]], 7, { ...COLORS, ...MORE_CONTRAST })).toEqual([]);
    expect(lowContrasts([["faint", ["surface"]]], 4.5, { ...COLORS, ...MORE_CONTRAST })).toEqual([]);
  });

  test("outlines and letters on slices, and numbers on swatches", () => {
    for (const color of [...LABEL_COLORS, STAGE_COLORS["stage-ink"]]) expect(contrast(color, STAGE_COLORS.stage)).toBeGreaterThan(4.5);
  });
});

describe("tokens", () => {
  const sources = readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && name !== "tokens.ts")
    .map((name) => [name, readFileSync(path.join(import.meta.dirname, name), "utf8")] as const);

  test("no other file of the pages has a color", () => {
    for (const [name, source] of sources) {
      expect(source.replace(/&#\d+;/g, ""), name).not.toMatch(/#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})\b|\brgba?\(\d|\bhsl|oklch/i);
    }
  });

  test("the style sheet uses each of them, and no other", () => {
    const declared = new Set([...REPORT_CSS.matchAll(/[{;]--([\w-]+):/g)].map(([, name]) => name ?? ""));
    const markup = sources.map(([, source]) => source).join("\n");
    const used = new Set([...`${REPORT_CSS}${markup}`.matchAll(/var\(--([a-z][\w-]*)\)/g)].map(([, name]) => name ?? ""));
    // Values of single elements: the color of a swatch, the length of a bar.
    const local = ["c", "v"];
    expect([...used].filter((name) => !declared.has(name) && !local.includes(name))).toEqual([]);
    expect([...declared].filter((name) => !used.has(name) && !name.startsWith("label-"))).toEqual([]);
  });

  const design = "design/tokens.css";
  const file = sharedPath(design);
  test.skipIf(!file)(titleNeeding("have the values of the design", file, design), () => {
    const css = readFileSync(file ?? "", "utf8");
    for (const [role, [light, dark]] of Object.entries<ThemedColor>(COLORS))
      expect(css).toContain(`--${role}: light-dark(${light}, ${dark});`);
    for (const [role, color] of Object.entries(STAGE_COLORS)) expect(css).toContain(`--${role}: ${color};`);
    for (const [index, color] of LABEL_COLORS.entries()) expect(css).toContain(`--label-${index + 1}: ${color};`);
    for (const [role, [light, dark]] of Object.entries<ThemedColor>(MORE_CONTRAST))
      expect(css).toContain(`    --${role}: light-dark(${light}, ${dark});`);
    expect(css).toContain(`--heat-inferno: ${HEAT_STOPS.join(", ")};`);
  });
});
