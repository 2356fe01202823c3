import { describe, expect, test } from "vitest";
import { flagName } from "./flags.js";
import { FORMER_FLAGS } from "./former-flags.js";
import { main, parseLine } from "./main.js";

/** Flags that take no value. */
const SWITCHES = ["weights of diff"];

describe("flags under their former names", () => {
  const renamed = Object.entries(FORMER_FLAGS).flatMap(([command, names]) =>
    Object.entries(names).map(([former, current]) => ({ command, former: flagName(former), current: flagName(current), name: former })),
  );

  test.each(renamed)("$command $former is $current", async ({ command, former, current, name }) => {
    const value = SWITCHES.includes(`${name} of ${command}`) ? [] : ["3"];
    const operands = ["diff", "eval-seg"].includes(command) ? ["a", "b"] : ["a"];
    const now = await parseLine([command, ...operands, current, ...value]);
    const before = await parseLine([command, ...operands, former, ...value]);
    expect(now.warnings).toEqual([]);
    expect(Object.keys(now.flags).map(flagName)).toContain(current);
    expect({ flags: before.flags, operands: before.operands }).toEqual({ flags: now.flags, operands: now.operands });
    expect(before.warnings).toEqual([`${former} is deprecated; use ${current}`]);
  });

  test.each([
    ["train", "--freeze", "head", "backbone"],
    ["train", "--freeze", "last:6", "except-last:6"],
    ["export", "--freeze", "last:0", "except-last:0"],
    ["train-seg", "--augmentation", "usual", "default"],
  ])("%s %s %s is %s", async (command, flag, former, current) => {
    const before = await parseLine([command, "a", flag, former]);
    expect(before.flags).toEqual((await parseLine([command, "a", flag, current])).flags);
    expect(before.warnings).toEqual([`${flag} ${former} is deprecated; use ${flag} ${current}`]);
    expect((await parseLine([command, "a", flag, current])).warnings).toEqual([]);
  });

  test("repeat as they did", async () => {
    const { flags } = await parseLine(["quantize", "a", "--float", "x", "--float", "y"]);
    expect(flags).toEqual({ keepFloat: ["x", "y"] });
  });

  test("are not in --help, and not accepted beside their current names", async () => {
    const shown: string[] = [];
    const streams = { out: (text: string) => void shown.push(text), err: (text: string) => void shown.push(text), interactive: false };
    expect(await main(["quantize", "--help"], streams)).toBe(0);
    expect(shown.join("")).not.toMatch(/--(batch|labels|float|images|rounds)\b(?!-)/);
    shown.length = 0;
    expect(await main(["classify", "x.png", "--batch", "2", "--batch-size", "3"], streams)).toBe(2);
    expect(shown).toEqual([
      "inception: unexpected --batch: it is the former name of --batch-size, which is given too; see inception classify --help\n",
    ]);
  });

  test("warn on standard error before anything else", async () => {
    const shown: string[] = [];
    const streams = { out: () => {}, err: (text: string) => void shown.push(text), interactive: false };
    expect(await main(["eval-seg", "a", "b", "--labels", "x"], streams)).toBe(2);
    expect(shown.join("")).not.toContain("deprecated");
    shown.length = 0;
    expect(await main(["train", "--keep", "2"], streams)).toBe(2);
    expect(shown[0]).toBe("warning: --keep is deprecated; use --keep-checkpoints\n");
  });
});
