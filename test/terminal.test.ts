/** Names from files reach a terminal as text; progress, signals and full disks end in one line. Real processes, a real pseudo-terminal. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createVolume } from "../src/data/volumes/volume.js";
import { writeVolume } from "../src/node/volumes.js";
import { BIN, begin, ended, inception, ROOT, refused } from "./program.js";
import { sharedPath, titleNeeding } from "./shared.js";

const DIGITS = path.join(ROOT, "examples/digits");
const MODEL = path.join(DIGITS, "digits.onnx");
/** Retitles and clears a terminal, overwrites its line, forges a line, turns the direction of writing, hides. */
const HOSTILE = "a\u001b]0;owned\u0007\u001b[2Jb\rc\nforged line\u202ed\u200be\u009bf";
/** All that output may hold of such characters: our own newlines and tabs. */
const UNSAFE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

let folder = "";
const at = (...names: readonly string[]): string => path.join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "inception-terminal-"));
  mkdirSync(at("images"));
  copyFileSync(path.join(DIGITS, "images/0-a.png"), at("images", `${HOSTILE}.png`));
  writeFileSync(at("images", `z${HOSTILE}.png`), "this is text");
  await writeVolume(
    at("large.nii"),
    createVolume(
      [96, 96, 96],
      new Uint8Array(96 ** 3).map((_, index) => index % 251),
    ),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("names from files", () => {
  const labels = Array.from({ length: 10 }, (_, index) => `${index}${HOSTILE}`);
  const image = () => at("images", `${HOSTILE}.png`);

  test("are one line of plain text, in results and in errors", async () => {
    writeFileSync(at("labels.json"), JSON.stringify(labels));
    const named = ["--class-names", at("labels.json")];
    const weights = ["--weights", path.join(DIGITS, "googlenet-digits.safetensors")];
    const options = ["--option", "widthMultiplier=0.25", "--option", "numClasses=10", "--option", "inputSize=64"];
    const hostile = at(`${HOSTILE}.file`);
    for (const line of [
      ["classify", at("images"), "--model", MODEL, "--top", "1", ...named],
      ["embed", at("images"), "--model", MODEL],
      ["explain", at("images"), "--model", "googlenet", ...weights, ...options, ...named, "--out", at("explained")],
      ["export", "hippocampus", "--out", at(`${HOSTILE}.safetensors`)],
      ["inspect", at(`${HOSTILE}.safetensors`)],
      ["inspect", hostile],
      ["verify", hostile],
      ["segment", hostile, at(HOSTILE), "--out", at(HOSTILE)],
      ["eval", MODEL, hostile],
      ["eval-seg", hostile, hostile],
      ["fid", hostile, hostile],
      ["summary", HOSTILE],
      ["diff", HOSTILE, HOSTILE],
      ["train", hostile, "--model", "googlenet", "--out", at("run")],
      ["train-seg", hostile, "--out", at("run-seg")],
      ["quantize", "googlenet", ...weights, ...options, "--calibrate", hostile, "--out", at("x.onnx")],
      ["experiment", HOSTILE],
      ["models", HOSTILE],
      ["weights", HOSTILE],
      ["weights", "path", HOSTILE],
      ["diagram", HOSTILE],
      [HOSTILE],
      ["classify", "x", `--${HOSTILE}`],
    ]) {
      const { out, err } = await refused(...line);
      expect({ line, unsafe: UNSAFE.exec(out + err) }).toEqual({ line, unsafe: null });
      expect({ line, forged: /^forged line/m.test(out + err), printed: out + err !== "" }).toEqual({ line, forged: false, printed: true });
    }
  });

  test("keep their value in JSON, which holds no such character either", async () => {
    writeFileSync(at("labels.json"), JSON.stringify(labels));
    const { out } = await refused("classify", image(), "--model", MODEL, "--top", "1", "--class-names", at("labels.json"), "--json");
    expect(UNSAFE.exec(out)).toBeNull();
    expect(JSON.parse(out)).toMatchObject([{ file: image(), top: [{ label: labels[0] }] }]);
  });

  const HOSTILE_ONNX = "data/hostile/onnx/labels-escape.onnx";
  const shared = sharedPath(HOSTILE_ONNX);
  test.skipIf(shared === null)(titleNeeding("of a hostile model too", shared, HOSTILE_ONNX), async () => {
    for (const line of [
      ["inspect", shared ?? ""],
      ["inspect", shared ?? "", "--json"],
    ]) {
      const { code, out, err } = await refused(...line);
      expect({ code, unsafe: UNSAFE.exec(out + err) }).toEqual({ code: 0, unsafe: null });
    }
  });
});

/** What a command line shows on a pseudo-terminal, and its exit code; `key` is typed when `at` is on the screen. */
function onTerminal(
  line: string,
  typed?: { readonly at: string; readonly key: string },
): Promise<{ readonly code: number | null; readonly screen: string }> {
  const child = spawn("script", ["-qefc", line, "/dev/null"], { stdio: ["pipe", "pipe", "ignore"] });
  let screen = "";
  let pressed = false;
  child.stdout.on("data", (chunk: Buffer) => {
    screen += chunk.toString();
    if (typed === undefined || pressed || !screen.includes(typed.at)) return;
    pressed = true;
    child.stdin.write(typed.key);
  });
  return new Promise((resolve) => void child.once("close", (code) => resolve({ code, screen })));
}

const quoted = (...words: readonly string[]): string => words.map((word) => `'${word}'`).join(" ");
const INTERRUPT = "\u0003";
const hasTerminal = spawnSync("script", ["--version"]).status === 0;

describe.skipIf(!hasTerminal)(`on a terminal${hasTerminal ? "" : " [skipped: script of util-linux is not installed]"}`, () => {
  const segment = () =>
    quoted(
      process.execPath,
      BIN,
      "segment",
      at("large.nii"),
      "--out",
      at("segmented"),
      "--patch-size",
      "40x56x40",
      "--threads",
      "1",
      "--no-qc",
    );

  test("of 0 columns progress has 80", async () => {
    const line = quoted(process.execPath, BIN, "classify", path.join(DIGITS, "images"), "--model", MODEL, "--top", "1");
    const { code, screen } = await onTerminal(`stty cols 0; ${line}`);
    expect(code).toBe(0);
    expect(screen).toContain(`\r\u001b[Kimages ${"░".repeat(30)}   0/20`);
  });

  test("Ctrl-C in segment ends the progress line and prints one line, exit code 130", async () => {
    const { code, screen } = await onTerminal(`stty cols 60; ${segment()}`, { at: "░", key: INTERRUPT });
    expect(code).toBe(130);
    // What is left on the screen: each line after its last rewriting.
    const left = screen.split("\r\n").map((text) => text.split("\u001b[K").at(-1));
    expect(left.filter((text) => text !== "")).toEqual([
      expect.stringMatching(/^(\^C)?stopping after this window; press Ctrl-C again to quit immediately$/) as string,
      "interrupted after 0 of 1 files; files written so far are complete",
    ]);
  });

  test("Ctrl-C in a command that has nothing to save does the same", async () => {
    const frames = Array.from({ length: 40 }, () => path.join(DIGITS, "images")).flat();
    const line = quoted(process.execPath, BIN, "classify", ...frames, "--model", MODEL, "--batch-size", "1", "--json");
    const { code, screen } = await onTerminal(line, { at: "░", key: INTERRUPT });
    expect(code).toBe(130);
    expect(screen.endsWith("\r\u001b[Kinterrupted\r\n")).toBe(true);
  });
});

describe("signals", () => {
  test.each([
    ["SIGTERM", 143, "terminated"],
    ["SIGHUP", 129, "hung up"],
  ] as const)("%s ends segment with %d and no temporary file", async (signal, code, word) => {
    const out = at(`killed-${signal}`);
    const child = begin("segment", at("large.nii"), "--out", out, "--patch-size", "40x56x40", "--overlap", "0", "--probabilities");
    const result = ended(child);
    const seen = setInterval(() => {
      try {
        // Probabilities are written after the last window and before the labels.
        if (readdirSync(path.join(out, "probabilities")).length > 0) child.kill(signal);
      } catch {
        // Not there yet.
      }
    }, 5);
    const { code: exit, err } = await result;
    clearInterval(seen);
    // Before it, where the machine is slow, how far it is.
    expect([exit, err.split("\n").slice(-2)]).toEqual([code, [word, ""]]);
    const left = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) => path.basename(name).startsWith("."));
    expect(left).toEqual([]);
  });
});

describe("the system refuses", () => {
  test("output to a full disk: one typed line, exit code 2", async () => {
    const { status, stderr } = spawnSync("sh", ["-c", `${quoted(process.execPath, BIN, "models")} > /dev/full`], { encoding: "utf8" });
    expect([status, stderr]).toEqual([2, "inception: Cannot write to standard output: no space left on device\n"]);
  });

  // With the fewest the program itself cannot be read, with more the runtime or the images.
  test.each([24, 28, 34, 42])("only %i open files: a typed line, not a stack trace", (limit) => {
    const line = quoted(process.execPath, BIN, "classify", path.join(DIGITS, "images"), "--model", MODEL, "--batch-size", "64");
    const { status, stderr } = spawnSync("sh", ["-c", `ulimit -n ${limit}; ${line}`], { encoding: "utf8" });
    expect([0, 1, 2]).toContain(status);
    expect(stderr).not.toMatch(/internal error|^ {4}at /m);
    if (status !== 0) expect(stderr).toMatch(/too many open files|allow more open files/);
  });

  const uid = process.getuid?.() === 0 && spawnSync("setpriv", ["--version"]).status === 0;
  test.skipIf(!uid)(`folders without permission${uid ? "" : " [skipped: needs root and setpriv]"}: the reason, one line`, async () => {
    chmodSync(folder, 0o755);
    mkdirSync(at("closed"), { mode: 0o700 });
    copyFileSync(path.join(DIGITS, "images/0-a.png"), at("closed", "0-a.png"));
    const asNobody = (...args: readonly string[]) =>
      ended(
        spawn("setpriv", ["--reuid=65534", "--clear-groups", process.execPath, BIN, ...args], {
          cwd: "/",
          stdio: ["ignore", "pipe", "pipe"],
        }),
      );
    const network = [
      ...["--model", "googlenet", "--weights", path.join(DIGITS, "googlenet-digits.safetensors")],
      ...["--option", "widthMultiplier=0.25", "--option", "numClasses=10", "--option", "inputSize=64"],
    ];
    const explained = at("closed", "out");
    for (const [args, message] of [
      [["inspect", at("closed", "0-a.png")], `Cannot open "${at("closed", "0-a.png")}": permission denied`],
      [["classify", at("closed"), "--model", MODEL], `Cannot list images of "${at("closed")}": permission denied`],
      [["explain", path.join(DIGITS, "images/0-a.png"), ...network, "--out", explained], `Cannot write "${explained}": permission denied`],
      [
        ["train", "shapes10", "--model", "googlenet", "--out", explained],
        `Cannot use "${explained}" as a run directory: permission denied`,
      ],
      [["segment", at("large.nii"), "--out", explained], `Cannot write "${explained}": permission denied`],
      [["diagram", "googlenet", "--out", at("closed", "g.txt")], `Cannot write "${at("closed", "g.txt")}": permission denied`],
    ] as const) {
      const { code, err } = await asNobody(...args);
      expect({ args, code }).toEqual({ args, code: 2 });
      expect(err.trimEnd().split("\n").at(-1)).toContain(`inception: ${message}`);
      expect(err).not.toContain("internal error");
    }
  });

  test("a path below /proc, where Node's own recursive mkdir never ends", async () => {
    const { code, err } = await inception("segment", at("large.nii"), "--out", "/proc/inceptionkit/below");
    expect([code, err]).toEqual([2, 'inception: Cannot write "/proc/inceptionkit/below": no such file or directory\n']);
  });

  test("a file in place of a folder", async () => {
    writeFileSync(at("file"), "");
    const { code, err } = await refused("segment", at("large.nii"), "--out", at("file", "below"));
    expect([code, err]).toEqual([2, `inception: Cannot write "${at("file", "below")}": not a directory\n`]);
  });

  test("names that are not UTF-8 are inputs that failed, with the reason", async () => {
    const name = Buffer.concat([Buffer.from(at("bytes")), Buffer.from("/b\xe9.png", "latin1")]);
    mkdirSync(at("bytes"));
    writeFileSync(name, "x");
    copyFileSync(path.join(DIGITS, "images/0-a.png"), at("bytes", "0-a.png"));
    const { code, out, err } = await refused("classify", at("bytes"), "--model", MODEL, "--top", "1");
    const shown = path.join(at("bytes"), "b\ufffd.png");
    expect([code, err]).toEqual([
      1,
      `inception: Cannot open "${shown}": its name is not valid UTF-8, which is not supported; rename it\ninception: 1 of 2 files failed\n`,
    ]);
    expect(out).toContain("0-a.png");
  });

  test("output names of 250 bytes are written, longer ones than the system takes refused", async () => {
    const longest = `${"ü".repeat(123)}.txt`;
    expect(Buffer.byteLength(longest)).toBe(250);
    expect(await refused("diagram", "googlenet", "--out", at(longest))).toEqual({ code: 0, out: "", err: "" });
    expect(readdirSync(folder)).toContain(longest);
    const file = at(`${"x".repeat(260)}.txt`);
    expect(await refused("diagram", "googlenet", "--out", file)).toEqual({
      code: 2,
      out: "",
      err: `inception: Cannot write "${file}": name too long\n`,
    });
  });
});
