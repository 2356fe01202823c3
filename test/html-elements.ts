/** What tests need to read the pages of reports. */
import { expect } from "vitest";

/** Tags that HTML does not close. */
const VOID = new Set(["meta", "img", "br"]);

/** The elements of a page in the order in which they begin; throws where they are not nested. */
export function elements(html: string): readonly string[] {
  const open: string[] = [];
  const seen: string[] = [];
  const outside = html.replace(/<style>[\s\S]*?<\/style>/, "<style></style>").replace("<!doctype html>", "");
  for (const [tag, close, name = "", rest = ""] of outside.matchAll(/<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<>]*")?)*\s*\/?)>/g)) {
    if (close === "/") expect({ tag, open: open.pop() }).toEqual({ tag, open: name });
    else if (!VOID.has(name) && !rest.endsWith("/")) open.push(name);
    if (close !== "/") seen.push(name);
  }
  expect(open).toEqual([]);
  // Whatever opens a tag was seen as one.
  expect(outside.match(/<(?=[a-zA-Z])/g) ?? []).toHaveLength(seen.length);
  return seen;
}

/** The page without markup and style, for looking for words. */
export const textOf = (html: string): string =>
  html
    .replace(/<style>[\s\S]*?<\/style>/, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

/** The page runs nothing, loads nothing, and says so in its policy; all its pictures are part of it. */
export function expectSelfContained(html: string): void {
  const words = html.replace(/data:image\/(?:png|jpeg);base64,[A-Za-z0-9+/=]+/g, "data:");
  expect(words.replace(/xmlns="[^"]*"/g, "").match(/<script|<link|<iframe|@import|url\(|https?:|javascript:/gi)).toBeNull();
  // Names of attributes: their values are text.
  expect(words.replace(/="[^"]*"/g, "").match(/<[^<>]*\son\w+/gi)).toBeNull();
  for (const [, uri] of words.matchAll(/(?:src|href)="([^"]*)"/g)) expect(uri).toBe("data:");
  expect(html).toContain(
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">`,
  );
}
