/** The `inception …` lines of the documentation, as arguments. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { COMMANDS } from "../src/cli/commands.js";
import { documents } from "./examples.js";
import { ROOT } from "./program.js";

export interface CommandLine {
  readonly place: string;
  readonly line: string;
  readonly args: readonly string[];
}

/** Lines of `sh` blocks, commands in inline code, and the examples of `--help`. */
export function findCommandLines(): readonly CommandLine[] {
  const examples = ["assets", "examples/digits", "examples/segment"].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder))
      .filter((file) => file.endsWith(".md"))
      .map((file) => `${folder}/${file}`),
  );
  const pages = [...documents(), ...examples, "bench/README.md", "docs/experiments/residual-scaling.md"];
  return [
    ...pages.flatMap((file) => linesOf(readFileSync(path.join(ROOT, file), "utf8")).map((line) => commandLine(file, line))),
    ...COMMANDS.flatMap(({ name, examples: lines }) => lines.map(([, line]) => commandLine(`${name} --help`, line))),
  ];
}

function linesOf(page: string): readonly string[] {
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = ""]) => block.replaceAll(/\\\n\s*/g, "").split("\n"));
  const prose = page.replaceAll(/```[\s\S]*?```/g, "");
  const inline = [...prose.matchAll(/`((?:npx )?inception [a-z][^`]* [^`]*)`/g)].map(([, code = ""]) => code.replaceAll("\n", " "));
  return [...blocks, ...inline].map((line) => line.replace(/^\s*(\$ )?(npx )?/, "")).filter((line) => line.startsWith("inception "));
}

function commandLine(place: string, line: string): CommandLine {
  return { place, line, args: wordsOf(line).slice(1) };
}

/** Words as a shell splits them; nothing is expanded. What follows ` #` is a comment. */
function wordsOf(line: string): readonly string[] {
  const words = line.replace(/\s#.*$/, "").matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g);
  return [...words].map(([word]) => word.replaceAll(/"([^"]*)"|'([^']*)'/g, "$1$2"));
}
