import { InceptionError, messageOf } from "../../errors.js";
import { byHand, downloadPublished, findKnownWeights, knownWeights, locatePublished, placeOf } from "../../node/published-weights.js";
import type { Published } from "../../tasks/weight-choice.js";
import type { RunCommand } from "../command.js";
import { formatTable, type Io, printJson } from "../io.js";
import { sourceFlags } from "../run-model.js";
import { invalid, missing } from "../usage-error.js";

const ACTIONS = ["list", "download", "path"] as const;

/** `weights list|download|path [NAME]`: the published weight files that are known by name. */
export const run: RunCommand = async ([asked, named], flags, io) => {
  const action = ACTIONS.find((each) => each === asked);
  const name = named === undefined ? undefined : String(named);
  const json = flags.json === true;
  if (action === undefined) throw invalid("argument", `"${messageOf(asked)}"`, "list, download NAME or path NAME");
  if (action === "list") return list(name, json, io);
  if (name === undefined) throw missing("name", "pass one that inception weights list shows");
  const published = findKnownWeights(name);
  const path = action === "path" ? await located(published) : (await downloadPublished(published, sourceFlags(flags, io))).path;
  if (json) printJson(io, { ...recordOf(published), path });
  else io.out(`${path}\n`);
  return 0;
};

/** Of one model, or of all of them. */
async function list(model: string | undefined, json: boolean, io: Io): Promise<number> {
  const shown = knownWeights().filter(({ set }) => model === undefined || set.model === model || set.model.startsWith(`${model}.`));
  if (shown.length === 0) {
    const message = `Cannot list weights of "${messageOf(model)}": no published file of it is known, see inception weights list`;
    throw new InceptionError("OPTION_INVALID", message, { model });
  }
  const rows = await Promise.all(shown.map(async (published) => ({ ...recordOf(published), path: await locatePublished(published) })));
  if (json) {
    printJson(io, rows);
    return 0;
  }
  const cells = rows.map(({ name, model: id, top1, path, source }) => [
    name,
    id,
    top1 === null ? "–" : `${top1.toFixed(1)}%`,
    path === null ? "no" : "yes",
    source,
  ]);
  io.out(formatTable(["name", "model", "top-1", "here", "source"], cells, [2]));
  io.out("\nUse one with --model MODEL --weights pretrained:NAME; fetch one with inception weights download NAME.\n");
  return 0;
}

async function located(published: Published): Promise<string> {
  const found = await locatePublished(published);
  if (found !== null) return found;
  const { name } = published.file;
  const message = `Cannot find weights "${name}" on this machine: run inception weights download ${name}, or ${byHand(published)}`;
  throw new InceptionError("FILE_NOT_FOUND", message, { name, place: placeOf(published) });
}

function recordOf(published: Published) {
  const { name, source, sha256, classes, top1, top5 } = published.file;
  const { id, model, licence } = published.set;
  const known = { name, model, set: id, source, sha256: sha256 ?? null, classes, top1: top1 ?? null, top5: top5 ?? null };
  return { ...known, license: licence, place: placeOf(published) };
}
