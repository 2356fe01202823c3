import type { InceptionError } from "../errors.js";
import type { CancelSignal } from "../runtime/session.js";

/** How far a download is. `total` is 0 where the server does not say. */
export interface DownloadProgress {
  /** Of what, as messages name it. */
  readonly name: string;
  /** Bytes. */
  readonly received: number;
  readonly total: number;
}

/** How files of weights and models are found and downloaded in Node. */
export interface SourceOptions {
  /** Ends downloads and the reading of weights: they reject with the signal's reason. */
  readonly signal?: CancelSignal;
  /** Fetch `https:` addresses; without it they are rejected. Default false. */
  readonly allowHttps?: boolean;
  /** Use only what is already on this machine. Default: whether HF_HUB_OFFLINE is 1. */
  readonly offline?: boolean;
  /** Token for the Hugging Face hub, `hf_…`; default HF_TOKEN. */
  readonly token?: string;
  /** Called now and then during a download, and at its end. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Called with what the caller should know and may ignore: an old copy was used because the server was out of reach. */
  readonly onWarning?: (warning: InceptionError) => void;
  /** Most bytes that one download may have; default `MAX_DOWNLOAD_BYTES`. */
  readonly maxBytes?: number;
  /** Seconds until a server has answered a request. Default: 30. */
  readonly connectSeconds?: number;
  /** Seconds in which a download must bring 1 KiB per second on average. Default: 60. */
  readonly stallSeconds?: number;
  /**
   * Let `https:` addresses and their redirects lead to this machine and to private networks. Default: false, so that a link
   * of somebody else cannot reach what only this machine can; the option is for servers of one's own, as in tests.
   */
  readonly allowPrivateAddresses?: boolean;
  /** Environment variables; default those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** In place of the built-in client, to go through a proxy for one; the check of addresses is then up to it. */
  readonly fetch?: typeof fetch;
}

/** A weight file on this machine. */
export interface ResolvedSource {
  /** Absolute path of the file. */
  readonly path: string;
  /** How messages name it; no secrets. */
  readonly name: string;
  /** Lower-case hexadecimal; present when the content was compared with this hash, or with another one of the same bytes, in this call. */
  readonly sha256?: string;
  /** The commit that the file is of, for a file of the hub. */
  readonly revision?: string;
}

/** A server far away on a bad line answers within a few seconds. */
export const CONNECT_SECONDS = 30;

/** Longer pauses than any that a working connection makes. */
export const STALL_SECONDS = 60;

// The largest public weights of these networks have 0.4 GB; ten times that is no weight file but a disk being filled.
export const MAX_DOWNLOAD_BYTES = 4 * 2 ** 30;
