/** The server is a package of its own, which people who serve nothing need not install. */
import { loadOptional } from "../node/optional-package.js";
import type { OptionInput, OptionTable } from "../options.js";
import type { FlagGroups, Heading } from "./command.js";
import { optionFlag } from "./training-flags.js";

/** What the command uses of it. */
interface ServerPackage {
  /** Options by the heading under which help lists them. */
  readonly SERVE_OPTIONS: Readonly<Partial<Record<Heading, OptionTable<unknown>>>>;
  readonly serve: (
    models: readonly string[],
    given: OptionInput,
    terminal: { readonly out: (text: string) => void; readonly err: (text: string) => void; readonly json: boolean },
  ) => Promise<number>;
}

const NAME = "@inceptionkit/server";

/** @throws InceptionError PACKAGE_MISSING */
export async function loadServer(): Promise<ServerPackage> {
  // Its types are not known here: it is built after this package, and against it.
  const load = async (name: string): Promise<unknown> => import(name);
  const loaded = await loadOptional(NAME, "serve", () => load(NAME));
  if (isServer(loaded)) return loaded;
  throw new RangeError(`Cannot serve: ${NAME} has no function serve`);
}

function isServer(loaded: unknown): loaded is ServerPackage {
  return typeof loaded === "object" && loaded !== null && "SERVE_OPTIONS" in loaded && "serve" in loaded;
}

/** A flag for each option of the server. @throws InceptionError PACKAGE_MISSING */
export async function serveFlags(): Promise<FlagGroups> {
  const { SERVE_OPTIONS } = await loadServer();
  return Object.fromEntries(
    Object.entries(SERVE_OPTIONS).map(([heading, table]) => [
      heading,
      Object.entries(table).map(([name, option]) => optionFlag(name, option)),
    ]),
  );
}
