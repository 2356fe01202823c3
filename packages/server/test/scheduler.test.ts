import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type BatchRecord, createScheduler, type SchedulerOptions } from "../src/scheduler.js";
import { type FakeClock, fakeClock } from "./fake-clock.js";

/** Items are texts; what stands before ":" is their key. A run takes 100 ms and gives each item back in capitals. */
function schedulerOf(clock: FakeClock, given: Partial<SchedulerOptions<string, string, string>> = {}) {
  const runs: (readonly string[])[] = [];
  const records: BatchRecord[] = [];
  const run = async (items: readonly string[]): Promise<readonly string[]> => {
    runs.push(items);
    await new Promise<void>((resolve) => void clock.after(100, resolve));
    return items.map((item) => item.toUpperCase());
  };
  const scheduler = createScheduler<string, string, string>({
    prepare: async (item) => item,
    preparations: 100,
    run,
    keyOf: (item) => item.split(":")[0] ?? item,
    clock,
    maxBatch: 4,
    queueDelay: 0,
    queueSize: 100,
    concurrency: 1,
    onBatch: (record) => records.push(record),
    ...given,
  });
  return { scheduler, runs, records };
}

/** What a promise came to, looked at later. */
function watched<T>(promise: Promise<T>): { readonly outcome: () => unknown } {
  let outcome: unknown = "pending";
  promise.then(
    (value) => (outcome = value),
    (thrown: unknown) => (outcome = thrown),
  );
  return { outcome: () => outcome };
}

describe("batches", () => {
  test("without a delay the first item runs at once, and what came meanwhile runs together", async () => {
    const clock = fakeClock();
    const { scheduler, runs, records } = schedulerOf(clock);
    const all = [watched(scheduler.submit("a:1"))];
    await clock.pass(0);
    all.push(...["a:2", "a:3"].map((item) => watched(scheduler.submit(item))));
    await clock.pass(0);
    expect(runs).toEqual([["a:1"]]);
    expect([scheduler.queued(), scheduler.running(), scheduler.oldestAge()]).toEqual([2, 1, 0]);
    await clock.pass(200);
    expect(runs).toEqual([["a:1"], ["a:2", "a:3"]]);
    expect(all.map(({ outcome }) => outcome())).toEqual(["A:1", "A:2", "A:3"]);
    expect(records).toEqual([
      { size: 1, prepared: [0], waited: [0], runSeconds: 0.1 },
      { size: 2, prepared: [0, 0], waited: [0.1, 0.1], runSeconds: 0.1 },
    ]);
  });

  test("with a delay the first item waits for others, no longer than that, and a full batch does not wait", async () => {
    const clock = fakeClock();
    const { scheduler, runs } = schedulerOf(clock, { queueDelay: 50, concurrency: 2 });
    void scheduler.submit("a:1");
    await clock.pass(49);
    void scheduler.submit("a:2");
    expect(runs).toEqual([]);
    await clock.pass(1);
    expect(runs).toEqual([["a:1", "a:2"]]);
    for (const item of ["a:3", "a:4", "a:5", "a:6"]) void scheduler.submit(item);
    await clock.pass(0);
    expect(runs).toEqual([
      ["a:1", "a:2"],
      ["a:3", "a:4", "a:5", "a:6"],
    ]);
  });

  test("items of different keys never share a batch; a full one does not wait for an older one that is not", async () => {
    const clock = fakeClock();
    const { scheduler, runs } = schedulerOf(clock, { queueDelay: 50, maxBatch: 2 });
    for (const item of ["a:1", "b:1", "b:2", "a:2", "b:3"]) void scheduler.submit(item);
    await clock.pass(300);
    expect(runs).toEqual([["b:1", "b:2"], ["a:1", "a:2"], ["b:3"]]);
  });

  test("so many run at once, and no more", async () => {
    const clock = fakeClock();
    const { scheduler, runs } = schedulerOf(clock, { concurrency: 2, maxBatch: 1 });
    for (const item of ["a:1", "a:2", "a:3"]) void scheduler.submit(item);
    await clock.pass(99);
    expect(runs).toHaveLength(2);
    await clock.pass(1);
    expect(runs).toHaveLength(3);
  });
});

describe("preparation", () => {
  /** Preparing an item takes 30 ms. */
  const slowly = (clock: FakeClock) => async (item: string) => {
    await new Promise<void>((resolve) => void clock.after(30, resolve));
    if (item.includes("bad")) throw new Error(item);
    return item;
  };

  test("goes on while a batch runs, so many at once, in the order of arrival", async () => {
    const clock = fakeClock();
    const began: string[] = [];
    const prepare = async (item: string) => {
      began.push(item);
      return slowly(clock)(item);
    };
    const { scheduler, runs, records } = schedulerOf(clock, { prepare, preparations: 2 });
    for (const item of ["a:1", "a:2", "a:3", "a:4"]) void scheduler.submit(item);
    await clock.pass(0);
    expect([began, scheduler.queued()]).toEqual([["a:1", "a:2"], 4]);
    await clock.pass(30);
    expect(runs[0]).toEqual(["a:1"]);
    expect(began).toHaveLength(4);
    await clock.pass(200);
    expect(runs).toEqual([["a:1"], ["a:2", "a:3", "a:4"]]);
    expect(records[1]).toEqual({ size: 3, prepared: [0.03, 0.03, 0.03], waited: [0.1, 0.1, 0.1], runSeconds: 0.1 });
  });

  test("pauses where two batches are ready, so that prepared items do not pile up", async () => {
    const clock = fakeClock();
    const began: string[] = [];
    const prepare = async (item: string) => {
      began.push(item);
      return item;
    };
    const { scheduler } = schedulerOf(clock, { prepare, maxBatch: 2 });
    for (let index = 0; index < 20; index++) void scheduler.submit(`a:${index}`);
    await clock.pass(50);
    // One batch runs, two are ready.
    expect(began.length).toBeLessThanOrEqual(6);
    await clock.pass(2000);
    expect(began).toHaveLength(20);
  });

  test("that fails fails its request alone; one whose client left or whose deadline passed never runs", async () => {
    const clock = fakeClock();
    const { scheduler, runs } = schedulerOf(clock, { prepare: slowly(clock) });
    const controller = new AbortController();
    const gone = new Error("gone");
    const good = watched(scheduler.submit("a:1"));
    const bad = watched(scheduler.submit("a:bad"));
    const left = watched(scheduler.submit("a:2", { signal: controller.signal }));
    const late = watched(scheduler.submit("a:3", { deadline: 20 }));
    controller.abort(gone);
    await clock.pass(20);
    expect([left.outcome(), late.outcome()]).toMatchObject([gone, { code: "DEADLINE_EXCEEDED" }]);
    await clock.pass(200);
    expect([good.outcome(), bad.outcome()]).toEqual(["A:1", new Error("a:bad")]);
    expect(runs).toEqual([["a:1"]]);
    expect([scheduler.queued(), scheduler.running()]).toEqual([0, 0]);
  });
});

describe("failures", () => {
  test("an item with an error fails alone; a run that fails fails all of its items; the next runs", async () => {
    const clock = fakeClock();
    const bad = new Error("this one");
    const all = new Error("all");
    const { scheduler } = schedulerOf(clock, {
      run: async (items) => {
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        if (items.includes("b:1")) throw all;
        return items.map((item) => (item === "a:2" ? bad : item));
      },
    });
    const outcomes = ["a:0", "a:1", "a:2", "a:3", "b:1", "b:2"].map((item) => watched(scheduler.submit(item)));
    await clock.pass(100);
    outcomes.push(watched(scheduler.submit("a:4")));
    await clock.pass(100);
    expect(outcomes.map(({ outcome }) => outcome())).toEqual(["a:0", "a:1", bad, "a:3", all, all, "a:4"]);
  });

  test("a full queue refuses, with the seconds that the measured rate says", async () => {
    const clock = fakeClock();
    const { scheduler } = schedulerOf(clock, { queueSize: 30, maxBatch: 1 });
    void scheduler.submit("a:0");
    await clock.pass(100);
    const kept = Array.from({ length: 1 }, (_, index) => watched(scheduler.submit(`a:first ${index}`)));
    await clock.pass(0);
    kept.push(...Array.from({ length: 30 }, (_, index) => watched(scheduler.submit(`a:${index}`))));
    const refused = watched(scheduler.submit("a:more"));
    await clock.pass(0);
    // 30 wait, each takes 0.1 s.
    expect(refused.outcome()).toMatchObject({ code: "QUEUE_FULL", retryAfter: 3 });
    await clock.pass(3100);
    expect(kept.filter(({ outcome }) => outcome() === "pending")).toEqual([]);
  });

  test("a deadline that passes while an item waits is said at once, and the item never runs", async () => {
    const clock = fakeClock();
    const { scheduler, runs } = schedulerOf(clock);
    void scheduler.submit("a:1");
    await clock.pass(0);
    const late = watched(scheduler.submit("a:2", { deadline: 60 }));
    const early = watched(scheduler.submit("a:3", { deadline: 150 }));
    await clock.pass(59);
    expect(late.outcome()).toBe("pending");
    await clock.pass(1);
    expect(late.outcome()).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    await clock.pass(200);
    expect(early.outcome()).toBe("A:3");
    expect(runs).toEqual([["a:1"], ["a:3"]]);
  });

  test("the item of a client that left does not run; one that runs is dropped and holds up nothing", async () => {
    const clock = fakeClock();
    const { scheduler, runs } = schedulerOf(clock);
    const [first, second] = [new AbortController(), new AbortController()];
    const gone = new Error("gone");
    const running = watched(scheduler.submit("a:1", { signal: first.signal }));
    await clock.pass(0);
    const waiting = watched(scheduler.submit("a:2", { signal: second.signal }));
    const other = watched(scheduler.submit("a:3"));
    await clock.pass(10);
    first.abort(gone);
    second.abort(gone);
    await clock.pass(0);
    expect([running.outcome(), waiting.outcome(), scheduler.queued()]).toEqual([gone, gone, 1]);
    await clock.pass(200);
    expect(other.outcome()).toBe("A:3");
    expect(runs).toEqual([["a:1"], ["a:3"]]);
    const before = watched(scheduler.submit("a:4", { signal: second.signal }));
    await clock.pass(0);
    expect(before.outcome()).toBe(gone);
  });
});

describe("the end", () => {
  test("draining runs what was accepted, at once, and refuses the rest", async () => {
    const clock = fakeClock();
    const { scheduler } = schedulerOf(clock, { queueDelay: 10_000 });
    const accepted = ["a:1", "a:2"].map((item) => watched(scheduler.submit(item)));
    await clock.pass(0);
    const drained = watched(scheduler.drain().then(() => "drained"));
    const refused = watched(scheduler.submit("a:3"));
    await clock.pass(0);
    expect(refused.outcome()).toMatchObject({ code: "SERVER_CLOSING" });
    expect(drained.outcome()).toBe("pending");
    await clock.pass(100);
    expect(accepted.map(({ outcome }) => outcome())).toEqual(["A:1", "A:2"]);
    expect(drained.outcome()).toBe("drained");
  });

  test("closing rejects what waits and lets what runs end", async () => {
    const clock = fakeClock();
    const { scheduler } = schedulerOf(clock, { maxBatch: 1 });
    const [running, waiting] = ["a:1", "a:2"].map((item) => watched(scheduler.submit(item)));
    await clock.pass(0);
    const closed = watched(scheduler.close().then(() => "closed"));
    await clock.pass(0);
    expect(waiting?.outcome()).toMatchObject({ code: "SERVER_CLOSING" });
    expect(closed.outcome()).toBe("pending");
    await clock.pass(100);
    expect([running?.outcome(), closed.outcome()]).toEqual(["A:1", "closed"]);
  });
});

test("whatever comes in whatever order: every item ends once, with its own result, in batches that keep the rules", async () => {
  const arrival = fc.record({
    key: fc.constantFrom("a", "b", "c"),
    wait: fc.integer({ min: 0, max: 120 }),
    deadline: fc.option(fc.integer({ min: 1, max: 400 }), { nil: undefined }),
    leaves: fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined }),
  });
  const settings = fc.record({
    maxBatch: fc.integer({ min: 1, max: 5 }),
    queueDelay: fc.integer({ min: 0, max: 80 }),
    queueSize: fc.integer({ min: 1, max: 8 }),
    concurrency: fc.integer({ min: 1, max: 3 }),
    preparations: fc.integer({ min: 1, max: 3 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(arrival, { maxLength: 25 }), settings, async (arrivals, given) => {
      const clock = fakeClock();
      const prepare = async (item: string) => {
        await new Promise<void>((resolve) => void clock.after(item.length * 7, resolve));
        return item;
      };
      const { scheduler, runs } = schedulerOf(clock, { ...given, prepare });
      const sent: { readonly item: string; readonly outcome: () => unknown }[] = [];
      for (const [index, { key, wait, deadline, leaves }] of arrivals.entries()) {
        await clock.pass(wait);
        const controller = new AbortController();
        const item = `${key}:${index}`;
        if (leaves !== undefined) clock.after(leaves, () => controller.abort(new Error("gone")));
        const options = { signal: controller.signal, ...(deadline === undefined ? {} : { deadline }) };
        sent.push({ item, ...watched(scheduler.submit(item, options)) });
        expect(scheduler.queued()).toBeLessThanOrEqual(given.queueSize);
      }
      await clock.pass(60_000);
      expect([scheduler.queued(), scheduler.running()]).toEqual([0, 0]);
      for (const { item, outcome } of sent) {
        const found = outcome();
        if (!(found instanceof Error)) expect(found).toBe(item.toUpperCase());
      }
      for (const batch of runs) {
        expect(batch.length).toBeLessThanOrEqual(given.maxBatch);
        expect(new Set(batch.map((item) => item[0])).size).toBe(1);
      }
      expect(new Set(runs.flat()).size).toBe(runs.flat().length);
      // What ended with a result ran.
      for (const { item, outcome } of sent) if (outcome() === item.toUpperCase()) expect(runs.flat()).toContain(item);
    }),
    { numRuns: 60 },
  );
});
