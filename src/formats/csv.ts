/** CSV after RFC 4180, safe to open in a spreadsheet. */

/** A text, a number, or nothing. */
export type CsvCell = string | number | null;

/**
 * A header and rows as CSV: fields with commas, quotes or newlines are quoted, lines end with CR LF.
 *
 * A text that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a carriage return) gets an
 * apostrophe in front. Numbers stay numbers, negative ones too.
 */
export function encodeCsv(header: readonly string[], rows: readonly (readonly CsvCell[])[]): string {
  return [header, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function field(cell: CsvCell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
