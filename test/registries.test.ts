/**
 * What CONTRIBUTING says of adding one of each kind: how many files it takes. A registry that needed another file, a list of names
 * in a help text or a switch somewhere, would be named there for every member; so the member that the fewest files name shows
 * what a new one needs.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../src/cli/commands.js";
import { LOSSES } from "../src/losses/index.js";
import { MODELS } from "../src/models/index.js";
import { OPS } from "../src/ops/index.js";
import { OPTIMIZERS } from "../src/optim/index.js";
import { fileName } from "./op-cases/index.js";

const ROOT = path.join(import.meta.dirname, "..");

/** Files without comments; those that only pass names on are left out: which names are public is a choice of its own. */
const FILES = new Map(
  ["src", "test/op-cases"].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"))
      .map((file) => [`${folder}/${file}`, withoutComments(readFileSync(path.join(ROOT, folder, file), "utf8"))] as const)
      .filter(([, text]) => text.replace(/^export (type )?(\*|\{[^}]*\}) from "[^"]+";$/gm, "").trim() !== ""),
  ),
);

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
}

/** A member of a registry: the files that are its own, and how others name it. */
interface Member {
  readonly own: readonly string[];
  readonly named: RegExp;
}

/** The files that adding this member took. */
function filesOf({ own, named }: Member): readonly string[] {
  const others = [...FILES].filter(([file, text]) => !own.includes(file) && named.test(text)).map(([file]) => file);
  return [...own, ...others].toSorted();
}

const quoted = (name: string): string => `["'\`/.]${name}["'\`.]`;
const ALL = [...FILES.keys()];

const REGISTRIES: readonly { readonly kind: string; readonly count: number; readonly members: readonly Member[] }[] = [
  {
    kind: "an op",
    count: 3,
    members: Object.keys(OPS).map((op) => ({
      own: [`src/ops/${fileName(op)}.ts`, `test/op-cases/${fileName(op)}.cases.ts`],
      named: new RegExp(`\\b${op}\\b`),
    })),
  },
  {
    kind: "an optimizer",
    count: 2,
    members: Object.keys(OPTIMIZERS).map((name) => ({
      own: ALL.filter((file) => file === `src/optim/${name}.ts`),
      named: new RegExp(`\\b${name}\\b`),
    })),
  },
  {
    kind: "a loss",
    count: 2,
    members: Object.entries(LOSSES).map(([name, loss]) => ({
      own: ALL.filter((file) => file.startsWith("src/losses/") && FILES.get(file)?.includes(`export function ${loss.name}(`)),
      named: new RegExp(`\\b(${name}|${loss.name})\\b`),
    })),
  },
  {
    kind: "a weight format",
    count: 2,
    members: ALL.filter((file) => file.startsWith("src/weights/containers/")).flatMap((file) =>
      [...(FILES.get(file) ?? "").matchAll(/export const (\w+): WeightContainer\b/g)].map(([, name]) => ({
        own: [file],
        named: new RegExp(`\\{[^}]*\\b${name}\\b[^}]*\\} from "[./\\w]*/${path.basename(file, ".ts")}\\.js"`),
      })),
    ),
  },
  {
    kind: "a command",
    count: 2,
    members: COMMANDS.map(({ name }) => ({ own: [`src/cli/commands/${name}.ts`], named: new RegExp(quoted(name)) })),
  },
  {
    kind: "a model",
    count: 4,
    members: [...new Set(MODELS.map(({ family }) => family))].map((family) => {
      const base = family.replaceAll("_", "-");
      return {
        own: ALL.filter((file) => file === `src/models/${base}.ts` || file === `src/models/${base}.weights.ts`),
        named: new RegExp(`\\b${family}\\b|/${base}(\\.weights)?\\.js`),
      };
    }),
  },
];

test("every file of cli/commands is a command", () => {
  const files = readdirSync(path.join(ROOT, "src/cli/commands")).filter((file) => !file.endsWith(".test.ts"));
  expect(files.toSorted()).toEqual(COMMANDS.map(({ name }) => `${name}.ts`).toSorted());
});

describe.each(REGISTRIES)("to add $kind", ({ count, members }) => {
  test(`takes ${count} files`, () => {
    const [fewest = []] = members.map(filesOf).toSorted((a, b) => a.length - b.length);
    expect(fewest, fewest.join(", ")).toHaveLength(count);
  });
});
