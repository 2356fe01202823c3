import { readFile } from "node:fs/promises";
import { InceptionError, messageOf } from "../errors.js";

/** What the runs of a profiled program spent in one kind of operator. */
export interface OpTime {
  /** ONNX's name of the operator. */
  readonly op: string;
  readonly calls: number;
  /** Sum over all calls. */
  readonly milliseconds: number;
  /** Of the time in all operators, 0 to 1. */
  readonly share: number;
}

/**
 * Sum up a profile that `createNodeTrainer` wrote.
 *
 * @returns the operators, the one that took longest first
 * @throws InceptionError FILE_CORRUPT when the file is no profile of onnxruntime
 */
export async function profileByOp(file: string): Promise<readonly OpTime[]> {
  const sums = new Map<string, { calls: number; microseconds: number }>();
  for (const { op, microseconds } of operatorEvents(file, await readFile(file, "utf8"))) {
    const sum = sums.get(op) ?? { calls: 0, microseconds: 0 };
    sums.set(op, { calls: sum.calls + 1, microseconds: sum.microseconds + microseconds });
  }
  const total = [...sums.values()].reduce((all, { microseconds }) => all + microseconds, 0);
  return [...sums]
    .map(([op, { calls, microseconds }]) => ({ op, calls, milliseconds: microseconds / 1000, share: total > 0 ? microseconds / total : 0 }))
    .sort((a, b) => b.milliseconds - a.milliseconds);
}

/** The runtime writes a list of events in Chrome's trace format; those of operators have the category "Node". */
function operatorEvents(file: string, text: string): { op: string; microseconds: number }[] {
  const events = parsed(file, text);
  return events.flatMap((event) => {
    if (typeof event !== "object" || event === null || !("cat" in event) || event.cat !== "Node") return [];
    if (!("dur" in event) || typeof event.dur !== "number" || !("args" in event)) return [];
    const args = event.args;
    if (typeof args !== "object" || args === null || !("op_name" in args) || typeof args.op_name !== "string") return [];
    return [{ op: args.op_name, microseconds: event.dur }];
  });
}

function parsed(file: string, text: string): readonly unknown[] {
  let events: unknown;
  try {
    events = JSON.parse(text);
  } catch (thrown) {
    throw noProfile(file, messageOf(thrown));
  }
  if (!Array.isArray(events)) throw noProfile(file, "it is not a list of events");
  return events;
}

function noProfile(file: string, fact: string): InceptionError {
  return new InceptionError("FILE_CORRUPT", `Cannot read profile "${messageOf(file)}": ${fact}, expected a profile of onnxruntime`, {
    file,
  });
}
