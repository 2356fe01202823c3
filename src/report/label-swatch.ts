import { LABEL_COLORS } from "./tokens.js";

/**
 * The color of a class with its value in label files.
 *
 * @param index - of the class, from 1; from the ninth on colors repeat, and swatches and outlines are dashed
 */
export function labelSwatch(index: number, value: number): string {
  const place = 1 + ((index - 1) % LABEL_COLORS.length);
  return `<span class="swatch${index > LABEL_COLORS.length ? " dashed" : ""}" style="--c:var(--label-${place})">${value}</span>`;
}
