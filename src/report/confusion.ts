import { escapeMarkup } from "../text.js";
import { formatShare } from "../train/progress.js";

/** A table of counts can be read up to here; beyond, colours alone are shown. */
const MOST_IN_TABLE = 20;
/** A cell of the picture then still has five pixels; more classes share cells with their neighbours. */
const MOST_CELLS = 120;
const PICTURE_SIZE = 620;
const SHADES = 10;
const PAIRS_SHOWN = 10;

/** The confusion matrix as a heat map with counts, or coarse where there are many classes, and the commonest confusions in words. */
export function confusionSection(confusion: readonly (readonly number[])[], classes: readonly string[]): string {
  const map = confusion.length <= MOST_IN_TABLE ? table(confusion, classes) : picture(confusion);
  return `<div class="confusion"><div class="scroll">${map}</div>${pairs(confusion, classes)}</div>`;
}

function table(confusion: readonly (readonly number[])[], classes: readonly string[]): string {
  const heads = confusion.map(
    (_, index) => `<th scope="col" title="${nameOf(classes, index)}"><span>${nameOf(classes, index)}</span></th>`,
  );
  const rows = confusion.map((row, truth) => {
    const total = sum(row);
    const cells = row.map((count, answer) => cell(count, total, truth === answer, classes, truth, answer));
    return `<tr><th scope="row" title="${nameOf(classes, truth)}">${nameOf(classes, truth)}</th>${cells.join("")}</tr>`;
  });
  const corner = '<th class="corner">truth ↓ &nbsp; answer →</th>';
  return `<table class="heat"><thead><tr>${corner}${heads.join("")}</tr></thead><tbody>${rows.join("\n")}</tbody></table>`;
}

function cell(count: number, total: number, right: boolean, classes: readonly string[], truth: number, answer: number): string {
  if (count === 0) return '<td class="zero">·</td>';
  const shade = shadeOf(count / total, right);
  const title = `${nameOf(classes, truth)} taken for ${nameOf(classes, answer)}: ${count} of ${total}`;
  return `<td class="${right ? "hit" : "miss"}${shade > 0.7 ? " deep" : ""}" style="--a:${shade.toFixed(2)}" title="${title}">${count}</td>`;
}

/** Of the colour, in (0, 1]. Confusions are rare: the root makes a share of one percent visible. */
function shadeOf(share: number, right: boolean): number {
  return right ? Math.max(0.08, share * 0.9) : Math.max(0.12, Math.sqrt(share) * 0.95);
}

function picture(confusion: readonly (readonly number[])[]): string {
  const group = Math.ceil(confusion.length / MOST_CELLS);
  const cells = Math.ceil(confusion.length / group);
  const counts = coarse(confusion, group, cells);
  const totals = counts.map(sum);
  const shades = new Map<string, string>();
  for (const [truth, row] of counts.entries()) {
    for (const [answer, count] of row.entries()) {
      if (count === 0) continue;
      const level = Math.ceil(Math.min(1, shadeOf(count / (totals[truth] ?? 1), truth === answer)) * SHADES);
      const key = `${truth === answer ? "hit" : "miss"}" opacity="${level / SHADES}`;
      shades.set(key, `${shades.get(key) ?? ""}M${answer} ${truth}h1v1h-1z`);
    }
  }
  const paths = [...shades].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, path]) => `<path class="${key}" d="${path}"/>`);
  const unit = group === 1 ? "class" : `${group} classes`;
  return `<figure class="matrix"><svg viewBox="0 0 ${cells} ${cells}" width="${PICTURE_SIZE}" height="${PICTURE_SIZE}" role="img" aria-label="Confusion matrix"><rect class="ground" width="${cells}" height="${cells}"/>${paths.join("")}</svg><figcaption class="note">Rows: truth, columns: answer, both from class 0 on; a cell is ${unit} by ${unit}.</figcaption></figure>`;
}

/** Sums of `group` by `group` counts. */
function coarse(confusion: readonly (readonly number[])[], group: number, cells: number): readonly (readonly number[])[] {
  const counts = Array.from({ length: cells }, () => new Array<number>(cells).fill(0));
  for (const [truth, row] of confusion.entries()) {
    const target = counts[Math.floor(truth / group)];
    if (target === undefined) continue;
    for (const [answer, count] of row.entries()) {
      const column = Math.floor(answer / group);
      target[column] = (target[column] ?? 0) + count;
    }
  }
  return counts;
}

function pairs(confusion: readonly (readonly number[])[], classes: readonly string[]): string {
  const wrong = confusion.flatMap((row, truth) =>
    row.flatMap((count, answer) => (count > 0 && truth !== answer ? [{ truth, answer, count, share: count / sum(row) }] : [])),
  );
  if (wrong.length === 0) return '<p class="note">No image was taken for another class.</p>';
  const rows = wrong
    .toSorted((a, b) => b.count - a.count || b.share - a.share || a.truth - b.truth || a.answer - b.answer)
    .slice(0, PAIRS_SHOWN)
    .map(
      ({ truth, answer, count, share }) =>
        `<tr><td class="name">${nameOf(classes, truth)}</td><td class="arrow">→</td><td class="name">${nameOf(classes, answer)}</td><td class="number">${count}</td><td class="number">${formatShare(share)}</td></tr>`,
    );
  return `<table class="list pairs"><caption>Most frequent confusions</caption><thead><tr><th scope="col">Truth</th><th></th><th scope="col">Answer</th><th scope="col" class="number">Images</th><th scope="col" class="number">Of its class</th></tr></thead><tbody>${rows.join("\n")}</tbody></table>`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Escaped. */
function nameOf(classes: readonly string[], index: number): string {
  return escapeMarkup(classes[index] ?? `class ${index}`);
}
