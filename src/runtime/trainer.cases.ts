/**
 * The conformance suite of `Trainer`, run by every implementation: `for (const each of trainerCases) test(each.name, () => each.run(open))`.
 * Expected values are computed in double precision by the loops below. A case fails by throwing, so that it runs under
 * any test runner and in a page.
 */
import type { OnnxAttribute, OnnxNode, OnnxTensor } from "../formats/onnx/types.js";
import type { DType, TensorData } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { codeOf, equal, floats, modelBytes, op, rejection, rejects, value } from "./session.cases.js";
import type { Trainer, TrainerOptions, TrainingProgram } from "./trainer.js";

/** Opens a trainer of the implementation under test. */
export type OpenTrainer = (
  programs: Readonly<Record<string, TrainingProgram>>,
  state: ReadonlyMap<string, Tensor>,
  options?: TrainerOptions,
) => Promise<Trainer>;

export interface TrainerCase {
  readonly name: string;
  run(open: OpenTrainer): Promise<void>;
}

export const trainerCases: readonly TrainerCase[] = [
  { name: "trains a line by momentum as double precision does", run: trainsLine },
  { name: "runs several programs over one state", run: sharesState },
  {
    name: "reads all of the state or the named part, in that order, as copies",
    run: (open) =>
      using(open, { count: count() }, countState(), async (trainer) => {
        const [first] = (await trainer.readState(["n"])).values();
        equal(first, int64s([5n]), "before any run");
        overwrite(first);
        equal(
          [...(await trainer.readState())],
          [
            ["n", int64s([5n])],
            ["7", floats([2], [1, 2])],
          ],
          "all of it",
        );
        equal([...(await trainer.readState(["7", "n"])).keys()], ["7", "n"], "order of names");
        equal((await trainer.readState([])).size, 0, "none");
      }),
  },
  {
    name: "replaces pieces of state, whose tensors it neither changes nor keeps",
    run: (open) =>
      using(open, { count: count() }, countState(), async (trainer) => {
        const given = floats([2], [10, 20]);
        const written = trainer.writeState(new Map([["7", given]]));
        overwrite(given);
        await written;
        await trainer.run("count", {});
        equal(
          [...(await trainer.readState())],
          [
            ["n", int64s([6n])],
            ["7", floats([2], [20, 40])],
          ],
          "after a run",
        );
        equal(given, floats([2], [0, 0]), "the tensor that was given");
      }),
  },
  {
    name: "leaves the first state as it was, unless it is given away",
    run: async (open) => {
      const state = countState();
      await using(open, { count: count() }, state, async (trainer) => {
        await trainer.run("count", {});
        equal([...state], [...countState()], "after a run");
      });
      await using(
        (programs, own) => open(programs, own, { transfer: true }),
        { count: count() },
        state,
        async (trainer) => {
          equal(
            [...state.values()].map((tensor) => tensor.data.length),
            [0, 0],
            "given away",
          );
          await trainer.run("count", {});
          equal((await trainer.readState()).get("n"), int64s([6n]), "state");
        },
      );
    },
  },
  { name: "carries state of other types, scalars and empty tensors", run: carriesTypes },
  {
    name: "does calls in the order in which they are made, each with its own feeds",
    run: (open) =>
      using(open, { add: addFeed() }, new Map([["w", floats([1], [0])]]), async (trainer) => {
        const data = new Float32Array(1);
        const calls: Promise<unknown>[] = [];
        for (let step = 1; step <= 10; step++) {
          // One buffer for all: a feed may be changed right after the call.
          data[0] = step;
          const feeds = { x: { dtype: "float32", shape: [1], data } } as const;
          calls.push(
            trainer.run("add", feeds).then((outputs) => outputs.last),
            trainer.readState().then((state) => state.get("w")),
          );
        }
        calls.push(
          trainer.writeState(new Map([["w", floats([1], [-1])]])),
          trainer.readState().then((state) => state.get("w")),
        );
        // Before step n the sum is 1 + … + (n − 1), after it 1 + … + n.
        const sums = Array.from({ length: 10 }, (_, index) => [
          floats([1], [(index * (index + 1)) / 2]),
          floats([1], [((index + 1) * (index + 2)) / 2]),
        ]);
        equal(await Promise.all(calls), [...sums.flat(), undefined, floats([1], [-1])], "values");
      }),
  },
  {
    name: "leaves feeds as they were, unless they are given away",
    run: (open) =>
      using(open, { add: addFeed() }, new Map([["w", floats([1], [0])]]), async (trainer) => {
        const x = floats([1], [3]);
        await trainer.run("add", { x });
        equal(x, floats([1], [3]), "feed after the run");
        await trainer.run("add", { x }, { transfer: true });
        equal(x.data.length, 0, "a feed that was given away is empty");
        equal((await trainer.readState()).get("w"), floats([1], [6]), "state");
      }),
  },
  { name: "leaves the state unchanged by a run that fails, and runs on after it", run: survivesFailure },
  { name: "names at once all that does not fit between programs and state", run: refusesPrograms },
  { name: "names every fault of a call", run: (open) => using(open, { add: addFeed() }, new Map([["w", floats([1], [0])]]), refusesCalls) },
  {
    name: "refuses a program that is no model, with the runtime's own words",
    run: async (open) => {
      const error = await rejection(open({ step: { ...addFeed(), model: Uint8Array.of(1, 2, 3) } }, new Map([["w", floats([1], [0])]])));
      equal(codeOf(error), "SESSION_FAILED", "code");
      equal(/^Cannot open "training" on (cpu|webgpu|cuda): [^\n\r]+$/.test(error.message), true, `one line: ${error.message}`);
    },
  },
  {
    name: "finishes what has begun on close, and refuses calls after it",
    run: async (open) => {
      const trainer = await open({ add: addFeed() }, new Map([["w", floats([1], [0])]]));
      const calls = Promise.allSettled(Array.from({ length: 8 }, () => trainer.run("add", { x: floats([1], [1]) })));
      await Promise.all([trainer.close(), trainer.close()]);
      const settled = await calls;
      equal(settled[0]?.status, "fulfilled", "the run that had begun");
      const last = settled.at(-1);
      equal(last?.status === "rejected" && codeOf(last.reason), "SESSION_CLOSED", "the run that waited");
      const closed = 'Cannot run "training": the trainer is closed';
      await rejects(trainer.run("add", { x: floats([1], [1]) }), "SESSION_CLOSED", closed);
      await rejects(trainer.readState(), "SESSION_CLOSED", closed);
      await rejects(trainer.writeState(new Map()), "SESSION_CLOSED", closed);
      await trainer.close();
    },
  },
];

// Linear regression: predictions x·w + b, loss the mean of the squared errors e; ∂loss/∂w = 2/N eᵀx, ∂loss/∂b = 2 mean(e).

const ROWS = 4;
const X = [0.5, -1, 1.5, 2, -0.25, 1, 2, 0.75];
const Y = [1, 4.5, -0.5, 2];

interface Line {
  readonly w: readonly number[];
  readonly b: number;
}

function lossAndGradient({ w, b }: Line): { readonly loss: number; readonly dw: readonly number[]; readonly db: number } {
  const errors = Y.map((y, row) => w.reduce((sum, weight, column) => sum + weight * (X[row * 2 + column] ?? 0), b) - y);
  const mean = (values: readonly number[]) => values.reduce((sum, each) => sum + each, 0) / ROWS;
  return {
    loss: mean(errors.map((error) => error * error)),
    dw: [0, 1].map((column) => 2 * mean(errors.map((error, row) => error * (X[row * 2 + column] ?? 0)))),
    db: 2 * mean(errors),
  };
}

const lineFeeds = { x: floats([ROWS, 2], X), y: floats([ROWS], Y) };
const lineInputs = [value("x", "float32", [ROWS, 2]), value("y", "float32", [ROWS]), value("w", "float32", [2]), value("b", "float32", [])];

/** Nodes that compute `loss`, `dw` and `db`. */
function gradientNodes(): OnnxNode[] {
  return [
    op("MatMul", ["x", "w"], ["xw"]),
    op("Add", ["xw", "b"], ["prediction"]),
    op("Sub", ["prediction", "y"], ["e"]),
    op("Mul", ["e", "e"], ["squares"]),
    op("ReduceMean", ["squares"], ["loss"], [noKeptAxes]),
    op("MatMul", ["e", "x"], ["ex"]),
    op("Mul", ["ex", "2/N"], ["dw"]),
    op("ReduceMean", ["e"], ["mean"], [noKeptAxes]),
    op("Add", ["mean", "mean"], ["db"]),
  ];
}

const noKeptAxes: OnnxAttribute = { name: "keepdims", type: "int", value: 0 };
const constants = () => [scalar("2/N", 2 / ROWS), scalar("momentum", 0.9), scalar("zero", 0)];

const lossOutput = value("loss", "float32", []);

/** slot ← momentum·slot + gradient; piece ← piece − rate·slot. */
function momentumStep(): TrainingProgram {
  const update = (piece: string) => [
    op("Mul", [`v${piece}`, "momentum"], [`kept ${piece}`]),
    op("Add", [`kept ${piece}`, `d${piece}`], [`v${piece}.new`]),
    op("Mul", [`v${piece}.new`, "rate"], [`change ${piece}`]),
    op("Sub", [piece, `change ${piece}`], [`${piece}.new`]),
  ];
  const slots = [value("vw", "float32", [2]), value("vb", "float32", [])];
  return program(
    [...gradientNodes(), ...update("w"), ...update("b")],
    [...lineInputs, ...slots, value("rate", "float32", [])],
    ["w", "b", "vw", "vb"],
    [],
    [lossOutput],
  );
}

async function trainsLine(open: OpenTrainer): Promise<void> {
  const state = new Map([
    ["w", floats([2], [0.1, -0.2])],
    ["b", floats([], [0])],
    ["vw", floats([2], [0, 0])],
    ["vb", floats([], [0])],
  ]);
  await using(open, { step: momentumStep() }, state, async (trainer) => {
    let [w, b, vw, vb] = [[Math.fround(0.1), Math.fround(-0.2)], 0, [0, 0], 0];
    for (let step = 0; step < 60; step++) {
      const rate = step < 30 ? 0.05 : 0.01;
      const { loss, dw, db } = lossAndGradient({ w, b });
      vw = vw.map((slot, index) => 0.9 * slot + (dw[index] ?? 0));
      vb = 0.9 * vb + db;
      w = w.map((weight, index) => weight - rate * (vw[index] ?? 0));
      b -= rate * vb;
      const outputs = await trainer.run("step", { ...lineFeeds, rate: floats([], [rate]) });
      equal(Object.keys(outputs), ["loss"], "outputs that are no state");
      close(outputs.loss, [loss], `loss of step ${step}`);
    }
    const trained = await trainer.readState();
    equal([...trained.keys()], ["w", "b", "vw", "vb"], "names");
    close(trained.get("w"), w, "w");
    close(trained.get("b"), [b], "b");
    close(trained.get("vw"), vw, "slot of w");
    close(trained.get("vb"), [vb], "slot of b");
  });
}

/** Gradients are added up by one program, used and cleared by a second, and a third only looks. */
async function sharesState(open: OpenTrainer): Promise<void> {
  const sums = [value("gw", "float32", [2]), value("gb", "float32", [])];
  const lines = [value("w", "float32", [2]), value("b", "float32", [])];
  const clear = (piece: string) => [
    op("Mul", [`g${piece}`, "rate"], [`change ${piece}`]),
    op("Sub", [piece, `change ${piece}`], [`${piece}.new`]),
    op("Mul", [`g${piece}`, "zero"], [`g${piece}.new`]),
  ];
  const add = [op("Add", ["gw", "dw"], ["gw.new"]), op("Add", ["gb", "db"], ["gb.new"])];
  const programs = {
    accumulate: program([...gradientNodes(), ...add], [...lineInputs, ...sums], ["gw", "gb"], ["w", "b"], [lossOutput]),
    update: program([...clear("w"), ...clear("b")], [...lines, ...sums, value("rate", "float32", [])], ["w", "b", "gw", "gb"], []),
    evaluate: program(gradientNodes(), lineInputs, [], ["w", "b"], [lossOutput]),
  };
  const state = new Map([
    ["w", floats([2], [1, 0])],
    ["b", floats([], [0])],
    ["gw", floats([2], [0, 0])],
    ["gb", floats([], [0])],
  ]);
  await using(open, programs, state, async (trainer) => {
    let line: Line = { w: [1, 0], b: 0 };
    for (let round = 0; round < 8; round++) {
      const { loss, dw, db } = lossAndGradient(line);
      for (let pass = 0; pass < 3; pass++) close((await trainer.run("accumulate", lineFeeds)).loss, [loss], `loss of round ${round}`);
      close(
        (await trainer.readState(["gw"])).get("gw"),
        dw.map((each) => 3 * each),
        "sum of three gradients",
      );
      equal(await trainer.run("update", { rate: floats([], [0.02]) }), {}, "an update gives nothing but state");
      line = { w: line.w.map((weight, index) => weight - 0.06 * (dw[index] ?? 0)), b: line.b - 0.06 * db };
      close((await trainer.run("evaluate", lineFeeds)).loss, [lossAndGradient(line).loss], "loss after the update");
    }
    const trained = await trainer.readState();
    close(trained.get("w"), line.w, "w");
    equal(
      trained.get("gw")?.data.every((each) => Number(each) === 0),
      true,
      "cleared sum",
    );
  });
}

async function carriesTypes(open: OpenTrainer): Promise<void> {
  // Doubled where every device has an operator for it, otherwise replaced by what it is.
  const pieces: readonly (readonly [string, "Add" | "Identity", Tensor, Tensor])[] = [
    ["int64", "Add", tensor("int64", [], BigInt64Array.of(2n ** 30n)), tensor("int64", [], BigInt64Array.of(2n ** 33n))],
    ["int32", "Add", tensor("int32", [1], Int32Array.of(-7)), tensor("int32", [1], Int32Array.of(-56))],
    ["scalar", "Add", floats([], [1.5]), floats([], [12])],
    ["empty", "Add", floats([0], []), floats([0], [])],
    ["float64", "Identity", tensor("float64", [2], Float64Array.of(Math.PI, -1)), tensor("float64", [2], Float64Array.of(Math.PI, -1))],
    ["float16", "Identity", tensor("float16", [3], Uint16Array.of(0x3c00, 1, 2)), tensor("float16", [3], Uint16Array.of(0x3c00, 1, 2))],
    ["uint8", "Identity", tensor("uint8", [5], Uint8Array.of(1, 2, 3, 4, 255)), tensor("uint8", [5], Uint8Array.of(1, 2, 3, 4, 255))],
    ["bool", "Identity", tensor("bool", [2], Uint8Array.of(1, 0)), tensor("bool", [2], Uint8Array.of(1, 0))],
  ];
  const infos = pieces.map(([name, , { dtype, shape }]) => value(name, dtype, shape));
  const nodes = pieces.map(([name, type]) => op(type, type === "Add" ? [name, name] : [name], [`${name}.new`]));
  const names = pieces.map(([name]) => name);
  const state = new Map(pieces.map(([name, , first]) => [name, first]));
  await using(open, { change: program(nodes, infos, names, []) }, state, async (trainer) => {
    for (let step = 0; step < 3; step++) await trainer.run("change", {});
    const changed = await trainer.readState();
    for (const [name, , , expected] of pieces) equal(changed.get(name), expected, name);
  });
}

/** The failing operator comes after the update in one program and before it in the other. */
async function survivesFailure(open: OpenTrainer): Promise<void> {
  const update = op("Add", ["w", "w"], ["w.new"]);
  const fragile = op("Reshape", ["x", "shape"], ["y"]);
  const inputs = [value("w", "float32", [3]), value("x", "float32", [3]), value("shape", "int64", [2])];
  const make = (nodes: OnnxNode[]) => program(nodes, inputs, ["w"], [], [value("y", "float32", ["A", "B"])]);
  const programs = { late: make([update, fragile]), early: make([fragile, update]) };
  await using(open, programs, new Map([["w", floats([3], [1, 2, 3])]]), async (trainer) => {
    const x = floats([3], [1, 2, 3]);
    for (const id of ["late", "early", "late"]) {
      const error = await rejection(trainer.run(id, { x, shape: int64s([2n, 2n]) }));
      equal(codeOf(error), "SESSION_FAILED", "code");
      equal(
        error.message.startsWith(`Cannot run program "${id}" of "training" on ${trainer.device}: `),
        true,
        `says what failed: ${error.message}`,
      );
      equal((await trainer.readState()).get("w"), floats([3], [1, 2, 3]), "state after the error");
    }
    for (const id of ["late", "early"]) await trainer.run(id, { x, shape: int64s([1n, 3n]) });
    equal((await trainer.readState()).get("w"), floats([3], [4, 8, 12]), "state after two more runs");
  });
}

async function refusesPrograms(open: OpenTrainer): Promise<void> {
  const w = new Map([["w", floats([1], [0])]]);
  const good = addFeed();
  const faults: readonly (readonly [Record<string, TrainingProgram>, ReadonlyMap<string, Tensor>, string])[] = [
    [{}, w, 'there is no program; state "w" is used by no program'],
    [{ add: good }, new Map(), 'program "add" takes the state "w", which is not given'],
    [
      { add: good },
      new Map([
        ["w", floats([2], [0, 0])],
        ["old", floats([1], [0])],
      ]),
      'program "add" has input "w" of float32 [1], its state "w" is float32 [2]; ' +
        'program "add" has output "w.new" of float32 [1], its state "w" is float32 [2]; state "old" is used by no program',
    ],
    [
      { add: { ...good, state: [{ input: "w", output: "none" }], reads: ["w", "v"] } },
      w,
      'program "add" names the state "w" more than once; program "add" has no input "v"; program "add" has no output "none"',
    ],
    [
      { add: good },
      new Map([["w", { dtype: "float32", shape: [1], data: new Float32Array(2) }]]),
      'state "w" has 2 values, shape [1] takes 1',
    ],
  ];
  for (const [programs, state, expected] of faults)
    await rejects(open(programs, state), "FEED_INVALID", `Cannot open "training": ${expected}`);
}

async function refusesCalls(trainer: Trainer): Promise<void> {
  const x = floats([1], [1]);
  await rejects(trainer.run("sub", { x }), "FEED_INVALID", 'Cannot run program "sub" of "training": it has add');
  await rejects(trainer.run("add", {}), "FEED_INVALID", 'Cannot run "training/add": input "x" is missing');
  const unknown = 'Cannot run "training/add": input "w" is unknown, the model has x';
  await rejects(trainer.run("add", { x, w: x }), "FEED_INVALID", unknown);
  await rejects(trainer.readState(["w", "v"]), "FEED_INVALID", 'Cannot read the state of "training": "v" is not part of it');
  const write = trainer.writeState(
    new Map([
      ["w", floats([2], [1, 2])],
      ["v", x],
    ]),
  );
  await rejects(write, "FEED_INVALID", 'Cannot write the state of "training": "w" has shape [2], expected [1]; "v" is not part of it');
  equal((await trainer.readState()).get("w"), floats([1], [0]), "state after the errors");
}

// Programs

/** Each piece `p` of `changed` is replaced by the output `p.new`. */
function program(
  nodes: readonly OnnxNode[],
  inputs: readonly ReturnType<typeof value>[],
  changed: readonly string[],
  reads: readonly string[],
  results: readonly ReturnType<typeof value>[] = [],
): TrainingProgram {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  const outputs = inputs.flatMap((info) => (changed.includes(info.name) ? [{ ...info, name: `${info.name}.new` }] : []));
  return {
    model: modelBytes(
      nodes,
      inputs,
      [...outputs, ...results],
      constants().filter((constant) => used.has(constant.name)),
    ),
    state: changed.map((name) => ({ input: name, output: `${name}.new` })),
    reads,
  };
}

/** Adds the feed to the state, and gives what the state was before. */
function addFeed(): TrainingProgram {
  const inputs = ["w", "x"].map((name) => value(name, "float32", [1]));
  return program([op("Add", ["w", "x"], ["w.new"]), op("Identity", ["w"], ["last"])], inputs, ["w"], [], [value("last", "float32", [1])]);
}

/** Doubles the piece "7" and adds one to the piece "n"; names that look like numbers must keep their place. */
function count(): TrainingProgram {
  const one: OnnxTensor = { name: "one", dtype: "int64", shape: [1], data: new Uint8Array(BigInt64Array.of(1n).buffer) };
  const inputs = [value("n", "int64", [1]), value("7", "float32", [2])];
  const outputs = [value("n.new", "int64", [1]), value("7.new", "float32", [2])];
  return {
    model: modelBytes([op("Add", ["n", "one"], ["n.new"]), op("Add", ["7", "7"], ["7.new"])], inputs, outputs, [one]),
    state: ["n", "7"].map((name) => ({ input: name, output: `${name}.new` })),
    reads: [],
  };
}

const countState = () =>
  new Map<string, Tensor>([
    ["n", int64s([5n])],
    ["7", floats([2], [1, 2])],
  ]);

function scalar(name: string, number: number): OnnxTensor {
  return { name, dtype: "float32", shape: [], data: new Uint8Array(Float32Array.of(number).buffer) };
}

function tensor(dtype: DType, shape: readonly number[], data: TensorData): Tensor {
  return { dtype, shape, data };
}

function int64s(values: readonly bigint[]): Tensor {
  return { dtype: "int64", shape: [values.length], data: BigInt64Array.from(values) };
}

function overwrite(tensor: Tensor | undefined): void {
  if (tensor) new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength).fill(0);
}

// Checks

async function using(
  open: OpenTrainer,
  programs: Readonly<Record<string, TrainingProgram>>,
  state: ReadonlyMap<string, Tensor>,
  use: (trainer: Trainer) => Promise<void>,
): Promise<void> {
  const trainer = await open(programs, state);
  try {
    await use(trainer);
  } finally {
    await trainer.close();
  }
}

// Sixty steps of a few additions each: some hundred roundings of 6e-8, relative to values near 1.
const TOLERANCE = 2e-5;

function close(actual: Tensor | undefined, expected: readonly number[], what: string): void {
  const values = [...(actual?.data ?? [])].map(Number);
  const near = values.length === expected.length && values.every((each, index) => Math.abs(each - (expected[index] ?? 0)) <= TOLERANCE);
  if (!near) throw new Error(`${what}: got ${values.join(", ")}, expected ${expected.join(", ")} within ${TOLERANCE}`);
}
