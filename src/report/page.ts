/**
 * The skeleton of every page: a heading with a status, one line that says what it is, figures with the verdict first, sections,
 * and facts at the end. Parameters named `markup` are HTML; all other texts may be anything and are escaped.
 */
import { escapeMarkup } from "../text.js";
import { REPORT_CSS } from "./style.js";

/** Whether something is as it should be. */
type Tone = "good" | "warn" | "bad";

/** A number in large type with what it is. */
export interface Figure {
  readonly value: string;
  readonly name: string;
  readonly tone?: Tone | undefined;
}

interface PageParts {
  readonly title: string;
  readonly status?: { readonly text: string; readonly tone?: Exclude<Tone, "bad"> | undefined };
  /** What was done, with what, on what. */
  readonly lead: string;
  /** The verdict first. */
  readonly figures: readonly Figure[];
  /** Sections and notes. */
  readonly markup: readonly string[];
}

/** A name and a value. */
export type Fact = readonly [name: string, value: string];

/** The figures that a page shows at most besides its verdict: more are a table. */
export const MAX_FIGURES = 7;

/** A page as one file: no script, nothing loaded from elsewhere, light and dark. Equal parts give equal text. */
export function page({ title, status, lead, figures, markup }: PageParts): string {
  const name = escapeMarkup(title);
  const pill = status === undefined ? "" : `<span class="status${toneClass(status.tone)}">${escapeMarkup(status.text)}</span>`;
  return `${[
    "<!doctype html>",
    '<html lang="en"><head><meta charset="utf-8">',
    // Whatever should slip through: nothing runs and nothing is fetched.
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${name}</title>`,
    `<style>${REPORT_CSS}</style></head><body><main>`,
    `<header><h1>${name}</h1>${pill}<p>${escapeMarkup(lead)}</p></header>`,
    ...(figures.length === 0 ? [] : [`<div class="figures">${figures.map(figureCard).join("\n")}</div>`]),
    ...markup,
    "</main></body></html>",
  ].join("\n")}\n`;
}

function figureCard({ value, name, tone }: Figure): string {
  return `<div class="figure${toneClass(tone)}"><b>${escapeMarkup(value)}</b><span>${escapeMarkup(name)}</span></div>`;
}

function toneClass(tone: Tone | undefined): string {
  return tone === undefined ? "" : ` ${tone}`;
}

/** A part of a page with its heading, and a remark beside it. */
export function section(title: string, markup: string, remark = ""): string {
  const small = remark === "" ? "" : ` <small>${escapeMarkup(remark)}</small>`;
  return `<section><h2>${escapeMarkup(title)}${small}</h2>${markup}</section>`;
}

/** A section of names and values; nothing where there are none. */
export function factSection(title: string, facts: readonly Fact[]): string {
  if (facts.length === 0) return "";
  const rows = facts.map(([name, value]) => `<div><dt>${escapeMarkup(name)}</dt><dd>${escapeMarkup(value)}</dd></div>`);
  return section(title, `<dl class="facts">${rows.join("\n")}</dl>`);
}

/** Sections side by side where there is room. */
export function columns(...markup: readonly string[]): string {
  return `<div class="columns">${markup.join("\n")}</div>`;
}

/** A long section with a short one at its side. */
export function besides(long: string, short: string): string {
  return long === "" || short === "" ? columns(long, short) : `<div class="columns first">${long}\n${short}</div>`;
}

export function note(text: string): string {
  return `<p class="note">${escapeMarkup(text)}</p>`;
}

export function bulletList(lines: readonly string[]): string {
  return `<ul>${lines.map((line) => `<li>${escapeMarkup(line)}</li>`).join("\n")}</ul>`;
}

/** Something that a reader unfolds. */
export function folded(summary: string, markup: string): string {
  return `<details><summary>${escapeMarkup(summary)}</summary>${markup}</details>`;
}
