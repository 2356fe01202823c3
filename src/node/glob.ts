/**
 * Patterns of paths, as shells have them, for where no shell expands them (quotes, Windows):
 *
 * - `*` any characters of one name, `?` one character, `[abc]`, `[a-z]`, `[!abc]` one of these or none of these;
 * - `**` as a whole name: any number of directories, also none; links to directories are not followed;
 * - `{jpg,png}` either of these, also nested.
 *
 * A name that begins with a dot is matched only where the pattern has that dot. To match a special character itself, put it
 * in brackets: `[*]`.
 */
import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import { InceptionError, messageOf } from "../errors.js";
import { readError, systemErrorCode } from "./system-error.js";

/** Patterns that `{…}` may stand for; more is a mistake, or meant to exhaust the memory. */
const MAX_ALTERNATIVES = 1024;

/** Whether a text has a character that patterns use. */
export function isGlob(text: string): boolean {
  return /[*?[{]/.test(text);
}

/**
 * The paths that match a pattern, sorted, each once.
 *
 * @throws InceptionError OPTION_INVALID for a pattern of too many alternatives; SOURCE_INVALID where a directory cannot be read
 */
export async function expandGlob(pattern: string): Promise<readonly string[]> {
  const found = new Set<string>();
  for (const alternative of alternativesOf(pattern)) {
    const { root } = path.parse(alternative);
    const names = alternative.slice(root.length).split(path.sep === "\\" ? /[/\\]/ : "/");
    await walk(
      root,
      names.filter((name) => name !== ""),
      found,
    );
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

/** `a{b,c}d` → `abd`, `acd`. Braces without a comma or without an end stay as they are. */
function alternativesOf(pattern: string): readonly string[] {
  let pending: readonly string[] = [pattern];
  for (;;) {
    const next = pending.flatMap((text) => expandFirst(text) ?? [text]);
    if (next.length > MAX_ALTERNATIVES) {
      const message = `Cannot use the pattern "${messageOf(pattern)}": it stands for more than ${MAX_ALTERNATIVES} patterns`;
      throw new InceptionError("OPTION_INVALID", message, { pattern });
    }
    if (next.length === pending.length) return next;
    pending = next;
  }
}

/** The alternatives of the first braces that have a comma outside of inner braces; null without such braces. */
function expandFirst(text: string): readonly string[] | null {
  for (let open = text.indexOf("{"); open >= 0; open = text.indexOf("{", open + 1)) {
    const cuts = [open];
    let depth = 0;
    for (let at = open; at < text.length; at++) {
      if (text[at] === "{") depth++;
      else if (text[at] === "," && depth === 1) cuts.push(at);
      else if (text[at] === "}" && --depth === 0) {
        if (cuts.length === 1) break;
        const ends = [...cuts.slice(1), at];
        return cuts.map((cut, k) => text.slice(0, open) + text.slice(cut + 1, ends[k]) + text.slice(at + 1));
      }
    }
  }
  return null;
}

/** Adds what the names of a pattern lead to below a directory; `folder` ends with a separator or is empty. */
async function walk(folder: string, [name, ...rest]: readonly string[], found: Set<string>): Promise<void> {
  if (name === undefined) return;
  const last = rest.length === 0;
  if (name !== "**" && !isGlob(name)) {
    const full = folder + name;
    if (!last) await walk(full + path.sep, rest, found);
    else if (await exists(full)) found.add(full);
    return;
  }
  for (const entry of await entriesOf(folder)) {
    const full = folder + entry.name;
    if (name === "**") {
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) await walk(full + path.sep, [name, ...rest], found);
      else if (last) found.add(full);
    } else if (matchesName(name, entry.name)) {
      if (last) found.add(full);
      else await walk(full + path.sep, rest, found);
    }
  }
  if (name === "**") await walk(folder, rest, found);
}

async function exists(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

/** What is in a directory; nothing where there is none, since a pattern only asks. */
async function entriesOf(folder: string): Promise<readonly Dirent[]> {
  const place = folder === "" ? "." : folder;
  try {
    return await readdir(place, { withFileTypes: true });
  } catch (thrown) {
    const code = systemErrorCode(thrown);
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw readError(`list "${messageOf(place)}"`, place, thrown);
  }
}

type Token = { readonly kind: "any" } | { readonly kind: "one"; readonly matches: (letter: string) => boolean };

/**
 * Whether one name matches one name of a pattern: `*`, `?`, `[…]` and plain characters. The time is at most the product of
 * both lengths: after a mismatch only the last `*` takes a character more.
 */
export function matchesName(pattern: string, name: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const tokens = tokensOf(pattern);
  const letters = [...name];
  let [token, letter] = [0, 0];
  let star: { readonly token: number; letter: number } | null = null;
  while (letter < letters.length) {
    const current = tokens[token];
    if (current?.kind === "any") {
      star = { token, letter };
      token++;
    } else if (current?.matches(letters[letter] ?? "") === true) {
      token++;
      letter++;
    } else if (star !== null) {
      star.letter++;
      [token, letter] = [star.token + 1, star.letter];
    } else return false;
  }
  return tokens.slice(token).every(({ kind }) => kind === "any");
}

function tokensOf(pattern: string): readonly Token[] {
  const letters = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] ?? "";
    // A bracket right after the opening one is an element: `[]]`.
    const from = at + (letters[at + 1] === "!" ? 2 : 1);
    const end = letter === "[" ? letters.indexOf("]", from + 1) : -1;
    if (letter === "*") tokens.push({ kind: "any" });
    else if (letter === "?") tokens.push({ kind: "one", matches: () => true });
    else if (end >= 0) {
      const negated = letters[at + 1] === "!";
      const isIn = elementOf(letters.slice(from, end));
      tokens.push({ kind: "one", matches: (other) => isIn(other) !== negated });
      at = end;
    } else tokens.push({ kind: "one", matches: (other) => other === letter });
  }
  return tokens;
}

/** Whether a character is in a list such as `a-z0_`. */
function elementOf(list: readonly string[]): (letter: string) => boolean {
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < list.length; at++) {
    const first = list[at] ?? "";
    const isRange = list[at + 1] === "-" && at + 2 < list.length;
    ranges.push([first, isRange ? (list[at + 2] ?? first) : first]);
    if (isRange) at += 2;
  }
  return (letter) => ranges.some(([from, to]) => letter >= from && letter <= to);
}
