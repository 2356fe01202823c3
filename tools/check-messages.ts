/**
 * Checks the vocabulary of messages: no text in src contains a word or phrase that docs and messages no longer use, and what
 * follows "Cannot" is a verb for what the user asked for (src/errors.ts). src/cli is left out, since its texts are of other kinds.
 *
 * test/messages.test.ts runs it.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Retired phrases, each with what to write instead. "What is no parameter" is part of emitted programs, which stay as they are. */
const RETIRED: readonly (readonly [RegExp, string])[] = [
  [/(?<!\bthere )\b(is|are) no (?!longer\b|parameter, are\b)/, "is not a …"],
  [/^Cannot (accept|begin|go on|judge|measure|prepare|take|tell|trust|turn)\b/, "one of the verbs of src/errors.ts"],
  [/\bat most \S+ are (read|written|drawn)\b/, "the limit is …"],
  [/\bbegins? (with|from|in|at) \S/, "starts"],
  [/\bcut off\b/, "truncated"],
  [/\bexpected an? (integer|number) in \[[^\])]*\]/, "from a to b"],
  [/^(?!.*(?:image|NumPy) folder).*\bfolders?\b/s, "directory"],
  [/\bgolden (example|file)s?\b/, "self-check or reference file"],
  [/\b(it|its \w+|metadata|file|address|header) holds?\b/, "contains"],
  [/\blabelled\b|\bquantis|\bnormalis|\bcolour|\bcentre\b|\bmillimetre/, "American spelling"],
  [/(?<!the )\blimit is\b/, "the limit is"],
  [/\b(it|file|window|voxel|volume) lies\b/, "is"],
  [/\bnot one of (its )?(\d|…)+ /, "none of"],
  [/\bone's own\b/, "custom"],
  [/\brefus(ed|es)\b/, "rejected"],
  [/\bset(s)? aside\b/, "held out"],
  [/\bthere is no such\b/, "no such …"],
  [/(?<!labels are )\bwhole numbers?\b/, "integer"],
  [/\bwith (floats|integers)\b/, "float32 or int8"],
];

interface Text {
  readonly place: string;
  readonly text: string;
}

/** Messages that use a retired phrase, as `file:line: "text": write …`. */
export function findMessageFaults(source = path.join(import.meta.dirname, "../src")): readonly string[] {
  return textsOf(source).flatMap(({ place, text }) =>
    RETIRED.flatMap(([pattern, instead]) => (pattern.test(text) ? [`${place}: ${JSON.stringify(text)}: write "${instead}"`] : [])),
  );
}

/** Strings and templates, as they are written; a template within a template ends the outer one, whose rest is text again. */
const LITERAL = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g;

/** The strings and templates of at least two words, with … for what a template inserts. No parser: it would take seconds. */
function textsOf(source: string): readonly Text[] {
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|cases)\.ts$/.test(file) && !file.startsWith("cli"))
    .toSorted()
    .flatMap((file) => {
      const code = withoutComments(readFileSync(path.join(source, file), "utf8"));
      return [...code.matchAll(LITERAL)].map(({ 0: literal, index }) => ({
        place: `${file}:${code.slice(0, index).split("\n").length}`,
        text: literal.slice(1, -1).replaceAll(/\$\{[^{}]*\}/g, "…"),
      }));
    })
    .filter(({ text }) => /\S \S/.test(text));
}

/** Comments as empty lines, so that numbers of lines stay. */
function withoutComments(code: string): string {
  return code.replaceAll(/^[ \t]*(\/\*|\*|\/\/).*$/gm, "");
}
