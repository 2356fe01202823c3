import { COLORS, INK, type KindColors, PALE_INK } from "../diagram/palette.js";
import { FONT } from "../diagram/svg.js";
import { amountText, shownText, textWidth } from "../diagram/text.js";
import { InceptionError } from "../errors.js";
import { escapeMarkup } from "../text.js";
import { type ComparedBlock, type Comparison, contents, outShape } from "./compare.js";
import { type StructureBlock, totals } from "./structure.js";
import { blockRows, layerGroups, type Row as TextRow, totalRows } from "./text.js";

/** Widths in pixels; together they fit an upright sheet of A4 at nine tenths. */
const SHEET = { margin: 18, box: 220, middle: 314, head: 128 } as const;
const TEXT = { title: 15, label: 12.5, line: 10.5, labelHeight: 16, lineHeight: 14, pad: 6, gap: 6 } as const;
/** Free space beside the text of a box or a line, both sides together. */
const PADDING = 12;
/** Stand in the boxes. */
const COSTS = new Set(["parameters", "macs"]);
/** By how much a title may be wider than the boxes below it. */
const TITLE_MORE = 36;
/** More lines than that between two boxes say less. */
const MAX_LINES = 9;
/** Equal blocks in a row beyond this many become one line. */
const MAX_EQUAL = 2;
/** A drawing of more rows than that cannot be read. */
const MAX_ROWS = 400;

const FILLS: Readonly<Record<State, KindColors>> = { equal: COLORS.input, different: COLORS.sum, alone: COLORS.pool };
const LEGEND: readonly (readonly [State, string])[] = [
  ["equal", "equal"],
  ["different", "different"],
  ["alone", "only here"],
];

type State = "equal" | "different" | "alone";

/** One row: a box left, a box right, and what differs between them. */
interface Row {
  readonly state: State;
  readonly a: readonly string[] | null;
  readonly b: readonly string[] | null;
  readonly lines: readonly string[];
}

/**
 * Two compared networks side by side, block by block: what belongs together stands in one row, with what differs between
 * the two. One self-contained SVG on a white ground, without style sheets, scripts, links or fonts.
 *
 * @throws InceptionError OPTION_INVALID where the two have too many parts to draw
 */
export function comparisonSvg(comparison: Comparison): string {
  const rows = rowsOf(comparison.blocks);
  if (rows.length > MAX_ROWS) {
    const message = `Cannot draw "${comparison.a.name}" beside "${comparison.b.name}": they have ${rows.length} parts, the limit is ${MAX_ROWS}`;
    throw new InceptionError("OPTION_INVALID", message, { rows: rows.length });
  }
  const width = 2 * SHEET.margin + 2 * SHEET.box + SHEET.middle;
  let y = SHEET.head;
  const drawn: string[] = [];
  for (const row of rows) {
    const height = heightOf(row);
    drawn.push(...drawRow(row, y, height));
    y += height + TEXT.gap;
  }
  const height = Math.ceil(y + SHEET.margin);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${FONT}">`,
    `<title>${escapeMarkup(`${comparison.a.name} and ${comparison.b.name}`)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...header(comparison, width),
    ...drawn,
    "</svg>",
  ].join("\n")}\n`;
}

function header(comparison: Comparison, width: number): readonly string[] {
  const [left, right] = [SHEET.margin + SHEET.box / 2, width - SHEET.margin - SHEET.box / 2];
  const totals = totalRows(comparison).filter(([what]) => what !== "outputs");
  const lines = totals.flatMap(([what, a, b], index) => {
    const y = 62 + index * TEXT.lineHeight;
    const bold = a === b ? "" : ' font-weight="bold"';
    return [
      textAt(fitted(a, SHEET.box), left, y, TEXT.line, INK, bold),
      textAt(what, width / 2, y, TEXT.line, PALE_INK),
      textAt(fitted(b, SHEET.box), right, y, TEXT.line, INK, bold),
    ];
  });
  const legend = LEGEND.flatMap(([state, words], index) => {
    const x = width / 2 - 110 + index * 80;
    const { fill, stroke } = FILLS[state];
    return [
      `<rect x="${x}" y="22" width="12" height="12" rx="3" fill="${fill}" stroke="${stroke}"/>`,
      `<text x="${x + 17}" y="32" font-size="${TEXT.line}" fill="${PALE_INK}">${words}</text>`,
    ];
  });
  return [
    textAt(fitted(comparison.a.name, SHEET.box + TITLE_MORE, TEXT.title), left, 36, TEXT.title, INK, ' font-weight="bold"'),
    textAt(fitted(comparison.b.name, SHEET.box + TITLE_MORE, TEXT.title), right, 36, TEXT.title, INK, ' font-weight="bold"'),
    ...legend,
    ...lines,
  ];
}

function rowsOf(blocks: readonly ComparedBlock[]): readonly Row[] {
  const rows: Row[] = [];
  let equal: ComparedBlock[] = [];
  const addEqual = (): void => {
    if (equal.length > MAX_EQUAL) rows.push(equalRow(equal));
    else rows.push(...equal.map(rowOf));
    equal = [];
  };
  for (const block of blocks) {
    if (stateOf(block) === "equal") equal.push(block);
    else {
      addEqual();
      rows.push(rowOf(block));
    }
  }
  addEqual();
  return rows;
}

function stateOf({ a, b, own, layers }: ComparedBlock): State {
  if (a === null || b === null) return "alone";
  return own.length + layers.length === 0 ? "equal" : "different";
}

/** Many equal blocks as one row. */
function equalRow(blocks: readonly ComparedBlock[]): Row {
  const named = (side: "a" | "b"): readonly string[] => {
    const [first, last] = [blocks[0]?.[side], blocks.at(-1)?.[side]];
    return [`${blocks.length} blocks`, `${first?.path ?? ""} to ${last?.path ?? ""}`];
  };
  return { state: "equal", a: named("a"), b: named("b"), lines: ["equal"] };
}

function rowOf(block: ComparedBlock): Row {
  const state = stateOf(block);
  return { state, a: block.a && boxLines(block.a), b: block.b && boxLines(block.b), lines: linesOf(block, state) };
}

function boxLines(block: StructureBlock): readonly string[] {
  const shape = outShape(block)?.join("×");
  const { parameters, macs } = totals(block.all);
  const cost = parameters === 0 && macs === 0 ? [] : [parameters, macs].map((value) => (value === null ? "?" : amountText(value)));
  const label = block.count > 1 ? `${block.path} (${block.count} ×)` : block.path;
  const what = contents({ ...block, count: 1 })
    .replace(/batchNormalization/gi, "BN")
    .replace(/relu/gi, "ReLU");
  const facts = [...(shape === undefined ? [] : [shape]), ...cost].join(" · ");
  return [label, what, ...(facts === "" ? [] : [facts])];
}

/** A layer's path below its block. */
function below(path: string, block: StructureBlock | null): string {
  return block !== null && path.startsWith(`${block.root}.`) ? path.slice(block.root.length + 1) : path;
}

function linesOf({ a, own, layers }: ComparedBlock, state: State): readonly string[] {
  if (state === "equal") return ["equal"];
  if (state === "alone") return [];
  const pair = ([what, ofA, ofB]: TextRow): string => (ofA === "" ? what : `${what} ${ofA} | ${ofB}`);
  const ofBlock = own.filter(({ kind }) => kind !== "name" && !COSTS.has(kind));
  const groups = layerGroups(layers.filter(({ kind }) => kind !== "name"));
  // Where the block says that its shape is another, shapes inside it say nothing new.
  const telling = groups.filter(({ rows }) => ofBlock.length === 0 || rows.some(([what]) => what !== "shape"));
  const ofLayers = telling.flatMap(({ rows, paths }) => {
    const where = paths.length === 1 ? below(paths[0] ?? "", a) : `${paths.length} layers`;
    const texts = rows.map(pair);
    const line = `${texts.join(", ")} (${where})`;
    return textWidth(line, TEXT.line) <= SHEET.middle - PADDING
      ? [line]
      : texts.map((text, index) => (index === 0 ? `${text} (${where})` : text));
  });
  const lines = [...blockRows({ own: ofBlock }).map(pair), ...ofLayers];
  const all = lines.length > 0 ? lines : blockRows({ own }).map(pair);
  return all.length > MAX_LINES ? [...all.slice(0, MAX_LINES - 1), `and ${all.length - MAX_LINES + 1} more`] : all;
}

function heightOf({ a, b, lines }: Row): number {
  const box = (texts: readonly string[] | null): number => (texts === null ? 0 : TEXT.labelHeight + (texts.length - 1) * TEXT.lineHeight);
  return 2 * TEXT.pad + Math.max(box(a), box(b), lines.length * TEXT.lineHeight);
}

function drawRow({ state, a, b, lines }: Row, y: number, height: number): readonly string[] {
  const left = SHEET.margin;
  const right = SHEET.margin + SHEET.box + SHEET.middle;
  const middle = left + SHEET.box + SHEET.middle / 2;
  const first = y + height / 2 - (lines.length * TEXT.lineHeight) / 2 + TEXT.lineHeight * 0.76;
  return [
    ...(a === null ? [] : drawBox(a, left, y, height, FILLS[state])),
    ...(b === null ? [] : drawBox(b, right, y, height, FILLS[state])),
    ...lines.map((line, index) =>
      textAt(fitted(line, SHEET.middle), middle, first + index * TEXT.lineHeight, TEXT.line, state === "equal" ? PALE_INK : INK),
    ),
  ];
}

function drawBox(texts: readonly string[], x: number, y: number, height: number, { fill, stroke }: KindColors): readonly string[] {
  const [label = "", ...lines] = texts;
  const top = y + (height - TEXT.labelHeight - lines.length * TEXT.lineHeight) / 2;
  const middle = x + SHEET.box / 2;
  return [
    `<rect x="${x}" y="${round(y)}" width="${SHEET.box}" height="${round(height)}" rx="6" fill="${fill}" stroke="${stroke}" stroke-width="1.2"/>`,
    textAt(fitted(label, SHEET.box, TEXT.label, true), middle, top + TEXT.labelHeight * 0.76, TEXT.label, INK, ' font-weight="bold"'),
    ...lines.map((line, index) =>
      textAt(fitted(line, SHEET.box), middle, top + TEXT.labelHeight + (index + 0.76) * TEXT.lineHeight, TEXT.line, PALE_INK),
    ),
  ];
}

/** As much of a text as fits a width with some space beside it. */
function fitted(text: string, width: number, size: number = TEXT.line, bold = false): string {
  // No text of this many characters fits.
  let shown = shownText(text, 100);
  const most = width - PADDING;
  while (shown.length > 1 && textWidth(shown, size, bold) > most) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

function textAt(text: string, x: number, y: number, size: number, fill: string, more = ""): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="middle" font-size="${size}"${more} fill="${fill}">${escapeMarkup(text)}</text>`;
}

function round(length: number): string {
  return String(Math.round(length * 10) / 10);
}
