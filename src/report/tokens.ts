/**
 * Every color and size of the pages. Colors are named by role: what they are for, not what they look like. A role has a
 * value for each theme, and the contrasts that a reader needs are computed from this table in tokens.test.ts.
 */

/** A color in the light and in the dark theme. */
export type ThemedColor = readonly [light: string, dark: string];

export const COLORS = {
  // Grounds: the page, cards, heads of tables and strips, tracks and placeholders.
  ground: ["#f4f6f8", "#0e1217"],
  surface: ["#ffffff", "#171d24"],
  subtle: ["#fafbfc", "#1b222a"],
  sunken: ["#ebeff3", "#242c36"],
  // Text: running, second, and zeros.
  ink: ["#1b1f24", "#e5e9ee"],
  soft: ["#56616e", "#9aa6b4"],
  faint: ["#6a7581", "#7f8b99"],
  line: ["#e1e5ea", "#2a323c"],
  focus: ["#1d66d6", "#8abaff"],
  // States: -ink for words, -soft for their ground, -line for borders.
  good: ["#2e8b57", "#5ccf95"],
  "good-ink": ["#1c6e41", "#74d9a5"],
  "good-soft": ["#e5f4eb", "#14291f"],
  "good-line": ["#add8bf", "#2b5a42"],
  warn: ["#a86f0c", "#d9a13a"],
  "warn-ink": ["#7d4f00", "#edc06a"],
  "warn-soft": ["#fdf2dc", "#2c2413"],
  "warn-line": ["#e8cf97", "#5f4c20"],
  bad: ["#ce5430", "#e8704a"],
  "bad-ink": ["#a8361a", "#ff9d80"],
  "bad-soft": ["#fdeae4", "#351d16"],
  // Curves: training, validation, a second measure of the same set, the learning rate, the best epoch.
  train: ["#3f72b0", "#6ea8f0"],
  valid: ["#d2691e", "#f2995c"],
  second: ["#8a63b8", "#b795e6"],
  rate: ["#2f8582", "#57c2bd"],
  best: ["#2e8b57", "#5ccf95"],
  "best-ink": ["#1c6e41", "#74d9a5"],
  // Bars of probabilities and scores, and their track.
  score: ["#3f72b0", "#6ea8f0"],
  bar: ["#dbe6f3", "#23384f"],
  spread: ["rgb(86 97 110 / 0.16)", "rgb(154 166 180 / 0.2)"],
  // Confusion matrix: five steps for correct and for wrong predictions; text on steps 4 and 5 is on-deep.
  "hit-1": ["#e9f0f7", "#1b2a3b"],
  "hit-2": ["#cbdcee", "#1f3a58"],
  "hit-3": ["#a3c1e0", "#264b76"],
  "hit-4": ["#366ba9", "#7db2ee"],
  "hit-5": ["#245083", "#a9cdf6"],
  "miss-1": ["#fbebe5", "#321f19"],
  "miss-2": ["#f5d0c2", "#4d281d"],
  "miss-3": ["#eca991", "#6a3223"],
  "miss-4": ["#bf4826", "#ee8462"],
  "miss-5": ["#943317", "#f6a98f"],
  "on-deep": ["#ffffff", "#10161d"],
  // Runs or classes in a chart.
  "cat-1": ["#2b6cb0", "#6ea8f0"],
  "cat-2": ["#c65d11", "#f2995c"],
  "cat-3": ["#0f9c8c", "#7df0d6"],
  "cat-4": ["#8a1747", "#ee5ab0"],
} as const satisfies Record<string, ThemedColor>;

/** The same in both themes: slices of volumes lie on a dark stage. */
export const STAGE_COLORS = { stage: "#0a0d11", "stage-ink": "#f2f5f8" } as const;

/**
 * Outlines and swatches of labels. They differ without full color vision: by CIEDE2000 at least 17 for the first four and 11
 * for all eight, with simulated protanopia, deuteranopia and tritanopia too.
 */
export const LABEL_COLORS = ["#56b4e9", "#e69f00", "#e6447e", "#cdf1cc", "#7f73f2", "#2d9a94", "#f0ec74", "#1ee8ee"] as const;

/** Stops of the heat-map scale (inferno), evenly spaced from 0 to 1; their lightness rises from stop to stop. */
export const HEAT_STOPS = [
  "#000004",
  "#160b39",
  "#420a68",
  "#6a176e",
  "#932667",
  "#bc3754",
  "#dd513a",
  "#f3771a",
  "#fca50a",
  "#f6d645",
  "#fcffa4",
] as const;

/** Roles that readers who ask for more contrast see in other colors. */
export const MORE_CONTRAST = {
  soft: ["#39424c", "#c3ccd6"],
  faint: ["#56616e", "#9aa6b4"],
  line: ["#828c97", "#75818f"],
} as const satisfies Partial<Record<keyof typeof COLORS, ThemedColor>>;

const SIZES = {
  font: '-apple-system,BlinkMacSystemFont,"Segoe UI",Roboto,"Noto Sans",Cantarell,Ubuntu,"Liberation Sans",Arial,system-ui,sans-serif',
  mono: 'ui-monospace,"SF Mono","Cascadia Mono","Segoe UI Mono","Roboto Mono","Liberation Mono",Menlo,Consolas,monospace',
  "text-xs": "0.75rem",
  "text-s": "0.8125rem",
  "text-m": "0.875rem",
  "text-l": "0.9375rem",
  "text-xl": "1.0625rem",
  "text-2xl": "1.3125rem",
  "text-3xl": "1.625rem",
  leading: "1.5",
  "leading-tight": "1.25",
  medium: "500",
  strong: "650",
  "s-2": "0.5rem",
  "s-3": "0.75rem",
  "s-4": "1rem",
  "s-5": "1.25rem",
  "s-6": "1.5rem",
  "s-8": "2rem",
  "s-12": "3rem",
  "s-16": "4rem",
  report: "73.75rem",
  "r-1": "0.25rem",
  "r-2": "0.375rem",
  "r-3": "0.5rem",
  "r-4": "0.75rem",
  "r-full": "99rem",
} as const;

const FIXED = {
  ...STAGE_COLORS,
  ...Object.fromEntries(LABEL_COLORS.map((color, index) => [`label-${index + 1}`, color])),
  heat: HEAT_STOPS.join(","),
};

/** Tests whether the browser knows light-dark(); one from before 2024 keeps the light theme. */
const HAS_THEMES = "@supports (color:light-dark(red,red))";

function declare(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `--${name}:${value};`)
    .join("");
}

/** The colors of one theme as custom properties. */
export function colorProperties(theme: "light" | "dark", names: readonly (keyof typeof COLORS)[] = allColors()): string {
  return declare(Object.fromEntries(names.map((name) => [name, COLORS[name][theme === "light" ? 0 : 1]])));
}

function allColors(): readonly (keyof typeof COLORS)[] {
  // Object.keys of a literal has exactly its keys.
  return Object.keys(COLORS) as (keyof typeof COLORS)[];
}

function themedProperties(colors: Readonly<Record<string, ThemedColor>>): string {
  return declare(Object.fromEntries(Object.entries(colors).map(([name, [light, dark]]) => [name, `light-dark(${light},${dark})`])));
}

/** The tokens as custom properties of a page. The reader's preference chooses the theme; data-theme on <html> overrides it. */
export const TOKENS_CSS = `
:root{color-scheme:light;${colorProperties("light")}${declare(FIXED)}${declare(SIZES)}}
${HAS_THEMES}{:root{color-scheme:light dark;${themedProperties(COLORS)}}}
:root[data-theme="light"]{color-scheme:light}
:root[data-theme="dark"]{color-scheme:dark}
@media (prefers-contrast:more){${HAS_THEMES}{:root{${themedProperties(MORE_CONTRAST)}}}}
@media print{:root,:root[data-theme="dark"]{color-scheme:light;--ground:${COLORS.surface[0]}}}
`;

/** The label of a class from 1 on: the ninth has the color of the first. */
export function labelColor(index: number): string {
  return LABEL_COLORS[(index - 1) % LABEL_COLORS.length] ?? LABEL_COLORS[0];
}

/** Red, green and blue of "#rrggbb", 0 to 255. */
export function rgbOf(color: string): readonly [red: number, green: number, blue: number] {
  const part = (at: number): number => Number.parseInt(color.slice(at, at + 2), 16);
  return [part(1), part(3), part(5)];
}
