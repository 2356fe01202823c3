import { describe, expect, it } from "vitest";
import { readBenchOptions } from "../bench/options.js";
import { machineLine, median, pairedRatio, range, replacePart } from "../bench/results.js";
import { comparisonLines, profileLines, recomputeLines, type TrainingTiming } from "../bench/training-report.js";

const PLAN = { model: "googlenet", batch: 8, size: 224, rounds: 3, threads: 2 } as const;

function timing(program: string, times: readonly number[], peakMb: number, graph: TrainingTiming["loaded"]["graph"]): TrainingTiming {
  return { program, times, peakMb, losses: [7.25, 7], loaded: { ms: 9000, firstMs: 2000, params: 10, threads: 2, graph } };
}

describe("statistics of runs", () => {
  it("takes the middle of an odd number of times and the mean of the two in the middle of an even one", () => {
    expect(median([30, 10, 20])).toBe(20);
    expect(median([40, 10, 20, 30])).toBe(25);
    expect(median([])).toBeNaN();
    expect(range([12.4, 9.6, 11])).toBe("10 – 12");
  });

  it("describes the machine without a date", () => {
    expect(machineLine({ cores: 2, processor: "Some CPU", memoryBytes: 24 * 2 ** 30, release: "6.1", node: "v20.1.0", load: 0.96 })).toBe(
      "Machine: 2 × Some CPU, 24 GiB, Linux 6.1, Node v20.1.0; load average at the start 1.0.",
    );
  });
});

describe("the parts of RESULTS.md", () => {
  const file = "# Results\n\nold\n\n## one\n\n| a |\n\n# Training\n\nold steps\n";

  it("replaces the part of the same heading and keeps the others in their places", () => {
    expect(replacePart(file, "# Results\n\nnew\n\n## two")).toBe("# Results\n\nnew\n\n## two\n\n# Training\n\nold steps\n");
    expect(replacePart(file, "# Training\n\nnew steps")).toBe("# Results\n\nold\n\n## one\n\n| a |\n\n# Training\n\nnew steps\n");
  });

  it("puts a new part at the end", () => {
    expect(replacePart("# Results\n\nold\n", "# Training\n\nsteps\n")).toBe("# Results\n\nold\n\n# Training\n\nsteps\n");
    expect(replacePart("", "# Training\n")).toBe("# Training\n");
  });

  it("changes nothing when it is done twice", () => {
    const once = replacePart(file, "# Training\n\nnew steps\n");
    expect(replacePart(once, "# Training\n\nnew steps\n")).toBe(once);
  });
});

describe("ratio of paired times", () => {
  // Ranks from tables of the binomial distribution: P(X <= 1 | n = 9) = 0.0195, P(X <= 3 | n = 15) = 0.0176, P(X <= 0 | n = 6) = 0.0156.
  it.each([
    [6, 1, 6],
    [9, 2, 8],
    [15, 4, 12],
    [20, 6, 15],
  ])("takes the interval of the sign test over %i rounds", (rounds, low, high) => {
    const now = Array.from({ length: rounds }, (_, index) => index + 1);
    const before = now.map(() => 1);
    expect(pairedRatio(now, before)).toEqual({ ratio: median(now), low, high });
  });

  it("compares each time with that of its own round", () => {
    expect(pairedRatio([30, 10, 20], [60, 20, 40])).toEqual({ ratio: 0.5, low: 0.5, high: 0.5 });
  });
});

describe("tables of the training benchmark", () => {
  it("compares medians, with images per second from the batch", () => {
    const ours = timing("inceptionkit 0.1.0", [510, 500, 400], 900, { compileMs: 1250, sessionMs: 5000, nodes: 3197 });
    const theirs = timing("pytorch 1.13 eager", [400, 380, 900], 700, null);
    expect(comparisonLines(PLAN, [ours, theirs])).toEqual([
      "| program | threads | median ms | fastest – slowest | images/s | peak MB | inceptionkit takes |",
      "|---|---:|---:|---:|---:|---:|---:|",
      "| inceptionkit 0.1.0 | 2 | 500 | 400 – 510 | 16.0 | 900 | – |",
      "| pytorch 1.13 eager | 2 | 400 | 380 – 900 | 20.0 | 700 | 1.25 × its time |",
      "",
      "3 rounds. inceptionkit's step has 3197 ONNX nodes, compiled in 1.3 s; opening the session took 5.0 s.",
      "Losses of the first steps: 7.2500, 7.0000; pytorch 1.13 eager: 7.2500, 7.0000.",
    ]);
  });

  it("counts volumes where these are trained", () => {
    const [header] = comparisonLines({ ...PLAN, model: "inception_resnet_3d" }, []);
    expect(header).toBe("| program | threads | median ms | fastest – slowest | volumes/s | peak MB | inceptionkit takes |");
  });

  it("shows what recomputation saves and costs", () => {
    const kept = timing("inceptionkit", [1000, 1000, 1000], 4000, { compileMs: 1, sessionMs: 5000, nodes: 3000 });
    const again = timing("inceptionkit recomputing", [1300, 1250, 1310], 1500, { compileMs: 1, sessionMs: 6500, nodes: 4000 });
    expect(recomputeLines(PLAN, kept, again).slice(2)).toEqual([
      "| kept | 3000 | 5.0 | 1000 | 1000 – 1000 | 8.0 | 4000 |",
      "| computed again | 4000 | 6.5 | 1300 | 1250 – 1310 | 6.2 | 1500 |",
      "",
      "3 rounds. Computed again: 38% of the memory, 130% of the time.",
    ]);
  });

  it("gives the twelve longest operators for one step and sums up the rest", () => {
    // 14 operators, 70 ms each at first and 5 ms less from one to the next: 525 ms in all, over two steps.
    const ops = Array.from({ length: 14 }, (_, i) => ({ op: `Op${i}`, calls: 4, milliseconds: 70 - 5 * i, share: (70 - 5 * i) / 525 }));
    const lines = profileLines({ steps: 2, ops });
    expect(lines).toHaveLength(2 + 12 + 1 + 1 + 2);
    expect(lines[2]).toBe("| Op0 | 2 | 35.0 | 13.3% |");
    expect(lines[13]).toBe("| Op11 | 2 | 7.5 | 2.9% |");
    expect(lines[14]).toBe("| 2 others | 4 | 7.5 | 2.9% |");
    expect(lines[15]).toBe("| all | 28 | 262.5 | 100.0% |");
  });

  it("has no row of others where all operators are shown", () => {
    const lines = profileLines({ steps: 1, ops: [{ op: "Conv", calls: 3, milliseconds: 12, share: 1 }] });
    expect(lines.slice(2, 4)).toEqual(["| Conv | 3 | 12.0 | 100.0% |", "| all | 3 | 12.0 | 100.0% |"]);
  });
});

describe("options of the benchmark", () => {
  it("measures inference unless training is asked for", () => {
    expect(readBenchOptions([], 8)).toEqual({ kind: "inference", quick: false, write: false });
    expect(readBenchOptions(["--quick", "--write"], 8)).toEqual({ kind: "inference", quick: true, write: true });
  });

  it("trains all networks at their own sizes by default", () => {
    expect(readBenchOptions(["training"], 8)).toEqual({
      kind: "training",
      write: false,
      models: ["inception_resnet_v1", "googlenet", "inception_resnet_v2"],
      rounds: 9,
      threads: 2,
      batch: null,
      size: null,
      recompute: false,
      profile: false,
    });
  });

  it("compares the tree with a commit", () => {
    const expected = { kind: "guard", write: false, rounds: 15, threads: 2, against: "main~3" };
    expect(readBenchOptions(["guard", "--against", "main~3"], 8)).toEqual(expected);
    expect(readBenchOptions(["guard", "--against", "main~3", "--quick", "--write"], 8)).toEqual({ ...expected, rounds: 7, write: true });
  });

  it("measures integers on their own", () => {
    expect(readBenchOptions(["int8", "--rounds", "5", "--batch", "4"], 8)).toEqual({
      kind: "int8",
      write: false,
      rounds: 5,
      threads: 2,
      batch: 4,
    });
  });

  it("measures the network for volumes on its own", () => {
    const expected = { kind: "volumes", write: false, rounds: 9, threads: 2, batch: null, size: null };
    expect(readBenchOptions(["volumes"], 8)).toEqual(expected);
    expect(readBenchOptions(["volumes", "--write", "--quick", "--size", "32"], 1)).toEqual({
      ...expected,
      write: true,
      rounds: 3,
      threads: 1,
      size: 32,
    });
  });

  it("takes networks, rounds and sizes", () => {
    const given = ["training", "--quick", "--model", "googlenet.public", "--model", "inception_resnet_v1", "--batch", "2", "--size=96"];
    expect(readBenchOptions(given, 1)).toMatchObject({
      models: ["googlenet", "inception_resnet_v1"],
      rounds: 3,
      threads: 1,
      batch: 2,
      size: 96,
    });
    expect(readBenchOptions(["training", "--quick", "--rounds", "5"], 4)).toMatchObject({ rounds: 5 });
  });

  it.each([
    [["train"], 'Cannot run the benchmark: there is no benchmark "train", expected inference, training, volumes, int8, search or guard'],
    [
      ["training", "all"],
      'Cannot run the benchmark: there is no benchmark "training all", expected inference, training, volumes, int8, search or guard',
    ],
    [["training", "--rounds", "0"], 'Cannot run the benchmark: --rounds is "0", expected an integer of at least 1'],
    [["training", "--size", "1e9.5"], 'Cannot run the benchmark: --size is "1e9.5", expected an integer of at least 1'],
    [
      ["training", "--model", "googlenet.paper"],
      'Cannot run the benchmark: there is no trained network "googlenet.paper", expected one of inception_resnet_v1, googlenet, inception_resnet_v2',
    ],
    [["--recompute"], 'Cannot run the benchmark: --recompute is for training, expected "npm run bench -- training --recompute …"'],
    [["guard"], 'Cannot run the benchmark: no commit is given, expected "npm run bench -- guard --against COMMIT"'],
    [["training", "--against", "main"], 'Cannot run the benchmark: --against is for guard, expected "npm run bench -- guard --against …"'],
    [
      ["guard", "--model", "googlenet"],
      'Cannot run the benchmark: --model is for training, expected "npm run bench -- training --model …"',
    ],
    [["volumes", "--profile"], 'Cannot run the benchmark: --profile is for training, expected "npm run bench -- training --profile …"'],
    [["--rounds", "3"], 'Cannot run the benchmark: --rounds is for training, expected "npm run bench -- training --rounds …"'],
  ])("refuses %j", (args, message) => {
    expect(() => readBenchOptions(args, 2)).toThrow(expect.objectContaining({ code: "USAGE", message }));
  });

  it("refuses an unknown option", () => {
    expect(() => readBenchOptions(["--fast"], 2)).toThrow(/^Cannot run the benchmark: Unknown option '--fast'/);
  });
});
