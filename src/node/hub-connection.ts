import type { PathInfo } from "@huggingface/hub";
import { InceptionError, messageOf } from "../errors.js";
import { throwIfAborted, untilAborted } from "../runtime/abort.js";
import { fetchFailure, networkError, within } from "./download.js";
import { loadOptional } from "./optional-package.js";
import { CONNECT_SECONDS, type SourceOptions } from "./source-options.js";

/** The questions that are put to the hub about one repository. Every failure is an InceptionError DOWNLOAD_FAILED. */
export interface HubConnection {
  /** The commit that the revision stands for now, and all its files. */
  commit(): Promise<HubCommit>;
  /** Size and hashes of a file. */
  describe(file: string, commit: string): Promise<PathInfo>;
  download(file: string, commit: string): Promise<AsyncIterable<Uint8Array>>;
  /** What went wrong on the way to the hub, if something did: a broken download shows only a text of it. */
  failure(): InceptionError | null;
  /** Ends what is under way, so that a silent hub does not keep the process. */
  end(): void;
}

export interface HubCommit {
  readonly commit: string;
  /** Paths in the repository. */
  readonly files: readonly string[];
}

interface Repository {
  readonly repo: string;
  readonly revision: string;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";

/**
 * Connect to the hub through its own client, which is loaded here and not before: most programs never need it.
 *
 * @param name - how messages name what is asked for
 * @throws InceptionError OPTION_INVALID for a token or an endpoint that is none
 */
export async function openHub(name: string, { repo, revision }: Repository, options: SourceOptions): Promise<HubConnection> {
  const env = options.env ?? process.env;
  const hubUrl = checkedEndpoint(env.HF_ENDPOINT || DEFAULT_ENDPOINT);
  const accessToken = checkedToken(options.token ?? env.HF_TOKEN);
  const ending = new AbortController();
  const { fetch: hubFetch, failure } = watchedFetch(name, { repo, revision }, hubUrl, (input, init) =>
    (options.fetch ?? fetch)(input, { ...init, signal: AbortSignal.any([ending.signal, ...(init?.signal ? [init.signal] : [])]) }),
  );
  const common = { hubUrl, fetch: hubFetch, ...(accessToken === null ? {} : { accessToken }) };
  // Of one question, with its redirects; the download itself has its own limit.
  const seconds = options.connectSeconds ?? CONNECT_SECONDS;
  const late = () => {
    ending.abort();
    return networkError(name, `${hubUrl} did not answer within ${seconds} s`, { endpoint: hubUrl });
  };
  const asked = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await untilAborted(options.signal, within(question(), seconds * 1000, late));
    } catch (thrown) {
      if (options.signal?.aborted) ending.abort();
      throwIfAborted(options.signal);
      if (thrown instanceof InceptionError) throw thrown;
      throw failure() ?? networkError(name, `the response of the hub is not readable: ${messageOf(thrown)}`, {}, thrown);
    }
  };
  const hub = await loadOptional("@huggingface/hub", `open ${name}`, () => import("@huggingface/hub"));
  const unreadable = (fact: string) => networkError(name, `the hub returned ${fact}`);
  return {
    commit: async () => {
      const info = await asked(() => hub.modelInfo({ ...common, name: repo, revision, additionalFields: ["sha", "filePaths"] }));
      if (!/^[0-9a-f]{40}$/.test(info.sha)) throw unreadable("no commit");
      return { commit: info.sha, files: info.filePaths.filter((file) => typeof file === "string") };
    },
    describe: async (file, commit) => {
      const [info] = await asked(() => hub.pathsInfo({ ...common, repo: { type: "model", name: repo }, revision: commit, paths: [file] }));
      if (info?.type !== "file" || !Number.isSafeInteger(info.size) || info.size < 0) throw unreadable(`no file ${file}`);
      return info;
    },
    download: async (file, commit) => {
      // The plain download; the chunked one would come in pieces that cannot be compared with a hash on the way.
      const request = { ...common, repo: { type: "model", name: repo } as const, revision: commit, path: file, xet: false };
      const blob = await asked(() => hub.downloadFile(request));
      if (blob === null) throw unreadable(`no file ${file}`);
      return blob.stream();
    },
    failure,
    end: () => ending.abort(),
  };
}

/** `fetch` that turns what the hub refuses into one helpful line, while the answer's status and headers are at hand. */
function watchedFetch(name: string, { repo, revision }: Repository, hubUrl: string, inner: typeof fetch) {
  let failed: InceptionError | null = null;
  const fail = (fact: string, details: Readonly<Record<string, unknown>>, cause?: unknown): never => {
    failed = networkError(name, fact, details, cause);
    throw failed;
  };
  const watched: typeof fetch = async (input, init) => {
    const response = await inner(input, init).catch((thrown) =>
      fail(`${hubUrl} is not reachable: ${fetchFailure(thrown)}`, { endpoint: hubUrl }, thrown),
    );
    if (hubUrl.startsWith("https:") && response.url.startsWith("http:")) {
      await response.body?.cancel();
      return fail(`the hub redirects to ${new URL(response.url).origin}, which is not https`, {});
    }
    if (response.ok) return response;
    const { status } = response;
    const reason = response.headers.get("X-Error-Code");
    await response.body?.cancel();
    return fail(`the hub returned ${status}, ${help(status, reason, repo, revision, hubUrl)}`, { status });
  };
  return { fetch: watched, failure: () => failed };
}

function help(status: number, reason: string | null, repo: string, revision: string, hubUrl: string): string {
  if (reason === "GatedRepo") return `accept the conditions at ${hubUrl}/${repo} and set HF_TOKEN to your token`;
  if (reason === "RevisionNotFound") return `${repo} has no revision "${revision}"`;
  if (reason === "RepoNotFound" || status === 401 || status === 403) {
    return `the repository ${repo} does not exist or is not public: check the name, or set HF_TOKEN to a token with read access`;
  }
  if (status === 404) return `the repository ${repo} does not exist, or it has no revision "${revision}"`;
  if (status === 429) return "too many requests: wait, or set HF_TOKEN";
  return status >= 500 ? "try again later" : "which its client does not expect";
}

function checkedEndpoint(endpoint: string): string {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url && (url.protocol === "https:" || url.protocol === "http:")) return endpoint.replace(/\/+$/, "");
  throw new InceptionError(
    "OPTION_INVALID",
    `Cannot use HF_ENDPOINT "${messageOf(endpoint)}": expected an address like ${DEFAULT_ENDPOINT}`,
    {
      endpoint,
    },
  );
}

/** The client's own rule for tokens, said without printing the token. */
function checkedToken(token: string | undefined): string | null {
  if (token === undefined || token === "") return null;
  if (/^hf_[\x21-\x7e]+$/.test(token)) return token;
  throw new InceptionError("OPTION_INVALID", 'Cannot use the Hugging Face token: expected one that starts with "hf_"');
}
