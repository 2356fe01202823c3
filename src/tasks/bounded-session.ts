import { checkRun, type RunLimits } from "../formats/onnx/run-limits.js";
import type { GraphForm } from "../formats/onnx/shapes/infer.js";
import { computed, type Value } from "../formats/onnx/shapes/value.js";
import { quoted } from "../formats/quoted.js";
import { checkFeeds } from "../runtime/feeds.js";
import type { Session } from "../runtime/session.js";

/** Shapes that have been checked are remembered up to this many; batches and images come in far fewer. */
const MAX_REMEMBERED = 256;

/**
 * A session of a file that is not trusted. Before the runtime gets inputs of new shapes, the memory and multiply-adds of
 * the run are computed and compared with the limits.
 *
 * @param form - of the model that the session runs
 * @throws InceptionError from `run`, besides those of the session: FILE_LIMIT beyond a limit; FEED_INVALID where the graph
 *   does not work with inputs of these sizes; FILE_UNSUPPORTED for sizes that depend on data
 */
export function boundedSession(session: Session, form: GraphForm, limits: RunLimits): Session {
  const checked = new Set<string>();
  const site = { action: `run ${quoted(form.name)}`, code: "FEED_INVALID" } as const;
  return {
    device: session.device,
    inputs: session.inputs,
    outputs: session.outputs,
    close: () => session.close(),
    run: async (feeds, options) => {
      checkFeeds(form.name, session.inputs, feeds);
      const values = new Map(Object.entries(feeds).map(([name, { dtype, shape }]): [string, Value] => [name, computed(dtype, shape)]));
      const key = JSON.stringify([...values].map(([name, { shape }]) => [name, shape]));
      if (!checked.has(key)) {
        checkRun(form, values, limits, site);
        if (checked.size >= MAX_REMEMBERED) checked.clear();
        checked.add(key);
      }
      return session.run(feeds, options);
    },
  };
}
