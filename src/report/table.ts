/** Tables: numbers at the right, one name for each row, a tag for the row that needs attention. */

import { escapeMarkup } from "../text.js";
import { formatPercent } from "../train/progress.js";

/** Text, or markup where text is not enough. */
export type Cell = string | { readonly markup: string };

export interface Column {
  readonly head: Cell;
  /** "name" heads its row, "number" is set at the right, "score" has a bar. Default: text. */
  readonly kind?: "name" | "number" | "score" | "arrow";
  /** A line at its left: the first column of a group. */
  readonly begins?: boolean;
  readonly sorted?: "up" | "down";
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  readonly caption?: string;
  /** Heads over several columns, in the order of the columns; an empty text where there is none. */
  readonly groups?: readonly { readonly head: Cell; readonly columns: number }[];
}

/**
 * A table that scrolls by itself where the page is narrower.
 *
 * @param label - what the table is, for readers that do not see it
 */
export function table(label: string, { columns, rows, caption, groups = [] }: Table): string {
  const heads = columns.map((column) => `<th scope="col"${headAttributes(column)}>${cellMarkup(column.head)}</th>`);
  const over = groups.map(({ head, columns: span }) =>
    head === "" ? `<td colspan="${span}"></td>` : `<th scope="colgroup" colspan="${span}" class="group">${cellMarkup(head)}</th>`,
  );
  const body = rows.map((row) => `<tr>${row.map((cell, index) => bodyCell(cell, columns[index] ?? { head: "" })).join("")}</tr>`);
  return [
    `<div class="scroll" role="region" aria-label="${escapeMarkup(label)}" tabindex="0"><table class="list">`,
    caption === undefined ? "" : `<caption>${escapeMarkup(caption)}</caption>`,
    `<thead>${over.length === 0 ? "" : `<tr>${over.join("")}</tr>`}<tr>${heads.join("")}</tr></thead>`,
    `<tbody>${body.join("\n")}</tbody></table></div>`,
  ].join("");
}

function headAttributes(column: Column): string {
  const sorted = column.sorted === undefined ? "" : ` aria-sort="${column.sorted === "up" ? "ascending" : "descending"}"`;
  return `${classAttribute(column, true)}${sorted}`;
}

function bodyCell(cell: Cell, column: Column): string {
  if (column.kind === "name") return `<th scope="row"${classAttribute(column, false)}>${cellMarkup(cell)}</th>`;
  return `<td${classAttribute(column, false)}>${cellMarkup(cell)}</td>`;
}

function classAttribute({ kind, begins, sorted }: Column, head: boolean): string {
  const names = [
    ...(kind === "number" || (head && kind === "score") ? ["number"] : []),
    ...(kind === "arrow" ? ["arrow"] : []),
    ...(!head && kind === "score" ? ["scored"] : []),
    ...(begins === true ? ["group"] : []),
    ...(head && sorted !== undefined ? ["sorted", sorted] : []),
  ];
  return names.length === 0 ? "" : ` class="${names.join(" ")}"`;
}

function cellMarkup(cell: Cell): string {
  return typeof cell === "string" ? escapeMarkup(cell) : cell.markup;
}

/** A value between 0 and 1 as a bar with its text; null is a dash. */
export function score(value: number | null, format: (value: number) => string = formatPercent): Cell {
  const text = value === null ? "–" : escapeMarkup(format(value));
  const bar = value === null ? "" : `<i style="--v:${value.toFixed(3)}"></i>`;
  return { markup: `<div class="score">${bar}<span>${text}</span></div>` };
}
