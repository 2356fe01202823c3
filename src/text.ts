/**
 * Text from outside (names of files, classes and tensors, metadata, messages of other programs) on its way to people.
 * A terminal acts on control characters, and marks of direction or without width make text look like another.
 */

/** Control and format characters (bidirectional and zero-width ones among them), line separators and halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** The same without the newlines and tabs of text that has lines. A carriage return is one half of a newline or an overwritten line. */
const UNSAFE_IN_LINES = /(?!\r\n|[\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
/** What JSON.stringify leaves as it is of them. */
const UNSAFE_IN_JSON = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** One line: characters that would act on a terminal or hide are shown as escapes such as `\u{202e}`. */
export function visibleText(text: string): string {
  return text.replace(UNSAFE, visible);
}

/** Several lines: as `visibleText`, but newlines and tabs stay. */
export function visibleLines(text: string): string {
  return text.replace(UNSAFE_IN_LINES, visible);
}

/** A value as JSON in which no character acts on a terminal or hides. */
export function visibleJson(value: unknown): string {
  return visibleJsonText(JSON.stringify(value));
}

/** JSON of the same value, with escapes for such characters. */
export function visibleJsonText(json: string): string {
  return json.replace(UNSAFE_IN_JSON, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`).join(""),
  );
}

function visible(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * One line without control characters and halves of surrogate pairs, which neither XML nor a drawing can hold, and without
 * format characters, which turn the direction of what is around them or hide.
 */
export function plainText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: removing control characters is the purpose
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufffe\uffff]+/g, " ");
  return line.replace(/\p{Surrogate}/gu, "\ufffd").replace(/\p{Format}/gu, "");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/**
 * Text as it may stand in an element or in a quoted attribute of HTML and SVG: nothing in it is markup, and it is plain as
 * `plainText` makes it, so that a name cannot rearrange what is around it.
 */
export function escapeMarkup(text: string): string {
  return plainText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

/** Characters that take no column of a terminal: combining marks and variation selectors. */
const NO_COLUMN = /\p{M}/u;
/** Characters that take two: East Asian wide and fullwidth ones, and emoji. */
const TWO_COLUMNS =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const NARROW = /^[ -~]*$/;

/** Columns that a line takes on a terminal. */
export function columnsOf(text: string): number {
  if (NARROW.test(text)) return text.length;
  return Array.from(text, widthOf).reduce((sum, width) => sum + width, 0);
}

function widthOf(character: string): number {
  if (NO_COLUMN.test(character)) return 0;
  return TWO_COLUMNS.test(character) ? 2 : 1;
}

/** As much of the beginning of a line as fits in so many columns. */
export function fitColumns(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let width = 0;
  let end = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > columns) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** A count with separators, as in 1,234,567. */
export function formatCount(value: number | bigint): string {
  return value.toLocaleString("en-US");
}

/** A size in bytes, as in 24.0 MB. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** So much of a name may be mistyped: a third of it, and never more than this. */
const MAX_EDITS = 3;

/**
 * The candidate that a mistyped name probably means, or null. Letters that are missing, added, exchanged or swapped with their
 * neighbor count as one edit each.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | null {
  const wanted = name.toLowerCase();
  const allowed = Math.min(MAX_EDITS, Math.floor(wanted.length / 3));
  let best: { readonly candidate: string; readonly edits: number } | null = null;
  for (const candidate of candidates) {
    const known = candidate.toLowerCase();
    // Further apart than any length of edits: not worth a table of names that anybody may choose the length of.
    if (Math.abs(known.length - wanted.length) > MAX_EDITS) continue;
    const edits = editDistance(wanted, known);
    if (edits <= allowed && edits < (best?.edits ?? Number.POSITIVE_INFINITY)) best = { candidate, edits };
  }
  return best?.candidate ?? null;
}

/** Fewest insertions, deletions, substitutions and swaps of neighbors between two names (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (rows[i - 1]?.[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (rows[i - 1]?.[j - 1] ?? 0) + cost,
          swapped ? (rows[i - 2]?.[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}

/** The last part of a path, whatever system wrote it. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}
