/**
 * Text of a drawing: how wide it is, and how much of it fits. Widths are those of DejaVu Sans, the widest of the fonts
 * that stand in for Helvetica, so that a box drawn for them holds the text in any.
 */

import { plainText } from "../text.js";

// In em, for groups of characters of about the same width; what is in none of them is taken as a full square.
const WIDTHS: readonly { readonly characters: RegExp; readonly regular: number; readonly bold: number }[] = [
  { characters: /[ijlI.,:;'|!]/, regular: 0.36, bold: 0.41 },
  { characters: /[ frt()[\]/\\-]/, regular: 0.42, bold: 0.5 },
  { characters: /[mwMW@%…]/, regular: 1, bold: 1.11 },
  { characters: /[A-HJ-LN-VX-Z×+=<>#~&]/, regular: 0.84, bold: 0.87 },
  { characters: /[a-z0-9_"*$?^`{}]/, regular: 0.64, bold: 0.72 },
];

/** Width of a line in pixels at a font size in pixels, rather too large than too small. */
export function textWidth(text: string, size: number, bold = false): number {
  let em = 0;
  for (const character of text) {
    const group = WIDTHS.find(({ characters }) => characters.test(character));
    em += group === undefined ? 1.05 : bold ? group.bold : group.regular;
  }
  return em * size;
}

// The longest line of a model is below 40; a longer one would make its column useless.
const LONGEST_LINE = 48;

/** What is shown of a text: one line of at most `longest` characters, in typographic dress (`3×3`, `384×35×35`). */
export function shownText(text: string, longest = LONGEST_LINE): string {
  const characters = [...plainText(text)];
  const cut = characters.length > longest ? `${characters.slice(0, longest - 1).join("")}…` : characters.join("");
  // Only between numbers that stand alone: "conv_3x3" is a name.
  return cut
    .replace(/(?<![\w.])\d+(?:[x*]\d+)+(?!\w)/g, (size) => size.replace(/[x*]/g, "×"))
    .replace(/(?<=\(\d+ )x(?=\))|(?<![\w.])x(?= [\d.]+(?!\w))/g, "×");
}

/** A count in three digits: `896`, `9.25 k`, `118 M`, `6.40 G`. */
export function amountText(value: number): string {
  if (value < 1000) return String(value);
  const unit = AMOUNT_UNITS.find(({ size }) => value < 999.5 * size) ?? { size: 1e12, sign: "T" };
  return `${(value / unit.size).toPrecision(3)} ${unit.sign}`;
}

const AMOUNT_UNITS = [
  { size: 1e3, sign: "k" },
  { size: 1e6, sign: "M" },
  { size: 1e9, sign: "G" },
] as const;
