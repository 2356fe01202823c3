import { describe, expect, test } from "vitest";
import { createBudget } from "./budget.js";

/** Work that ends when it is told to. */
function workOf(amount: number, log: string[], name: string, budget: ReturnType<typeof createBudget>) {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const done = budget.spend(amount, async () => {
    log.push(`+${name}`);
    await ended;
    log.push(`-${name}`);
    return name;
  });
  return { end, done };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe("a budget", () => {
  test("admits work in order while its sum fits", async () => {
    const budget = createBudget(10);
    const log: string[] = [];
    const [a, b, c, d] = (["a", "b", "c", "d"] as const).map((name, index) => workOf([6, 4, 5, 1][index] ?? 0, log, name, budget));
    await turn();
    // d would fit beside a and b's end, but c is before it.
    expect(log).toEqual(["+a", "+b"]);
    b?.end();
    await turn();
    expect(log).toEqual(["+a", "+b", "-b"]);
    a?.end();
    await turn();
    expect(log).toEqual(["+a", "+b", "-b", "-a", "+c", "+d"]);
    c?.end();
    d?.end();
    expect(await Promise.all([a?.done, b?.done, c?.done, d?.done])).toEqual(["a", "b", "c", "d"]);
  });

  test("runs work that is larger than all of it alone", async () => {
    const budget = createBudget(10);
    const log: string[] = [];
    const [a, large, c] = (["a", "large", "c"] as const).map((name, index) => workOf([1, 25, 1][index] ?? 0, log, name, budget));
    await turn();
    expect(log).toEqual(["+a"]);
    a?.end();
    await turn();
    expect(log).toEqual(["+a", "-a", "+large"]);
    large?.end();
    await turn();
    expect(log).toEqual(["+a", "-a", "+large", "-large", "+c"]);
    c?.end();
    await c?.done;
  });

  test("is free again after work that throws", async () => {
    const budget = createBudget(1);
    const failed = budget.spend(1, () => Promise.reject(new Error("no")));
    await expect(failed).rejects.toThrow("no");
    expect(await budget.spend(1, async () => "next")).toBe("next");
  });
});
