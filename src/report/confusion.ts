/** Confusion matrices: rows are true classes, columns predictions. */
import { escapeMarkup } from "../text.js";
import { formatPercent } from "../train/progress.js";
import { note } from "./page.js";
import { table } from "./table.js";

type Confusion = readonly (readonly number[])[];

/** A table of counts can be read up to here; beyond, colors alone are shown. */
const MAX_IN_TABLE = 20;
/** A cell of the picture then still has five pixels; more classes share cells with their neighbors. */
const MAX_CELLS = 120;
const PICTURE_SIZE = 620;
const PAIRS_SHOWN = 10;

/** From these fractions of the row on the color is the next step. Confusions are rare: their steps are smaller. */
const STEPS = { hit: [0.15, 0.35, 0.6, 0.85], miss: [0.05, 0.12, 0.25, 0.4] } as const;

/** The confusion matrix as a table with counts, or a coarse picture where there are many classes, and the most frequent confusions. */
export function confusionMatrix(confusion: Confusion, classes: readonly string[]): string {
  const map = confusion.length <= MAX_IN_TABLE ? counts(confusion, classes) : picture(confusion);
  return `<div class="confusion">${map}${pairs(confusion, classes)}</div>`;
}

/** "hit-1" to "hit-5" for a fraction of a class that is predicted as itself, "miss-1" to "miss-5" for another class. */
function confusionStep(fraction: number, correct: boolean): string {
  const kind = correct ? "hit" : "miss";
  return `${kind}-${1 + STEPS[kind].filter((limit) => fraction >= limit).length}`;
}

function counts(confusion: Confusion, classes: readonly string[]): string {
  const names = confusion.map((_, index) => escapeMarkup(nameOf(classes, index)));
  const heads = names.map((name) => `<th scope="col" title="${name}"><span>${name}</span></th>`);
  const rows = confusion.map((row, truth) => {
    const cells = row.map((count, answer) => {
      if (count === 0) return '<td class="zero" aria-label="0">·</td>';
      const title = `${names[truth]} predicted as ${names[answer]}: ${count} of ${sum(row)}`;
      return `<td class="${confusionStep(count / sum(row), truth === answer)}" title="${title}">${count}</td>`;
    });
    return `<tr><th scope="row" title="${names[truth]}">${names[truth]}</th>${cells.join("")}</tr>`;
  });
  const corner = '<th class="corner" scope="col">true class ↓ &nbsp; prediction →</th>';
  return `<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0"><table class="heat"><thead><tr>${corner}${heads.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table></div>`;
}

function picture(confusion: Confusion): string {
  const group = Math.ceil(confusion.length / MAX_CELLS);
  const cells = Math.ceil(confusion.length / group);
  const paths = new Map<string, string>();
  for (const [truth, row] of coarse(confusion, group, cells).entries()) {
    const total = sum(row);
    for (const [answer, count] of row.entries()) {
      if (count === 0) continue;
      const step = confusionStep(count / total, truth === answer);
      paths.set(step, `${paths.get(step) ?? ""}M${answer} ${truth}h1v1h-1z`);
    }
  }
  const drawn = [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([step, path]) => `<path class="${step}" d="${path}"/>`);
  const unit = group === 1 ? "class" : `${group} classes`;
  return `<figure class="matrix"><svg viewBox="0 0 ${cells} ${cells}" width="${PICTURE_SIZE}" height="${PICTURE_SIZE}" role="img" aria-label="Confusion matrix"><rect class="ground" width="${cells}" height="${cells}"/>${drawn.join("")}</svg><figcaption class="note">Rows: true class; columns: prediction; both start at class 0. One cell is ${unit} by ${unit}.</figcaption></figure>`;
}

/** Sums of `group` by `group` counts. */
function coarse(confusion: Confusion, group: number, cells: number): Confusion {
  const sums = Array.from({ length: cells }, () => new Array<number>(cells).fill(0));
  for (const [truth, row] of confusion.entries()) {
    const target = sums[Math.floor(truth / group)];
    if (target === undefined) continue;
    for (const [answer, count] of row.entries()) {
      const column = Math.floor(answer / group);
      target[column] = (target[column] ?? 0) + count;
    }
  }
  return sums;
}

function pairs(confusion: Confusion, classes: readonly string[]): string {
  const wrong = confusion.flatMap((row, truth) =>
    row.flatMap((count, answer) => (count > 0 && truth !== answer ? [{ truth, answer, count, share: count / sum(row) }] : [])),
  );
  if (wrong.length === 0) return note("No image was misclassified.");
  const rows = wrong
    .toSorted((a, b) => b.count - a.count || b.share - a.share || a.truth - b.truth || a.answer - b.answer)
    .slice(0, PAIRS_SHOWN)
    .map(({ truth, answer, count, share }) => [nameOf(classes, truth), "→", nameOf(classes, answer), String(count), formatPercent(share)]);
  const title = "Most frequent confusions";
  const columns = [
    { head: "True class", kind: "name" },
    { head: "", kind: "arrow" },
    { head: "Prediction" },
    { head: "Images", kind: "number" },
    { head: "Fraction of its class", kind: "number" },
  ] as const;
  return `<div class="pairs">${table(title, { caption: title, columns, rows })}</div>`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function nameOf(classes: readonly string[], index: number): string {
  return classes[index] ?? `class ${index}`;
}
