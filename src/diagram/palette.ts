import type { DiagramKind } from "./units.js";

export interface KindColors {
  readonly fill: string;
  readonly stroke: string;
}

/** The text color of every box: at least 10:1 on each fill. */
export const INK = "#1b1f24";

/** Of numbers and shapes, which are read second: at least 7:1 on each fill. */
export const PALE_INK = "#424a53";

/** Pale fills with a darker border of the same hue, told apart without color vision by their lightness and their label. */
export const COLORS: Readonly<Record<DiagramKind, KindColors>> = {
  activation: { fill: "#f1e9fa", stroke: "#8a63b8" },
  block: { fill: "#dbe8f8", stroke: "#3f72b0" },
  concat: { fill: "#dcf1e0", stroke: "#3c8c50" },
  conv: { fill: "#e3eefb", stroke: "#3f72b0" },
  head: { fill: "#d9f1f0", stroke: "#2f8582" },
  input: { fill: "#f1f3f5", stroke: "#6b7580" },
  norm: { fill: "#f1e9fa", stroke: "#8a63b8" },
  output: { fill: "#f1f3f5", stroke: "#6b7580" },
  pool: { fill: "#fce3dd", stroke: "#bb5a44" },
  reduction: { fill: "#fdebcf", stroke: "#b27a1c" },
  sum: { fill: "#fdf3c4", stroke: "#a38a12" },
};
