// Certificate and key as files that others replace at any time. Looked at by content: a mounted Secret is swapped by a
// symbolic link, of which file watchers tell unreliably.

import { readFile } from "node:fs/promises";
import { expiryOf, type TlsPair } from "./tls-pair.ts";

export interface CertificateFilesOptions {
  /** PEM: the certificate with its chain, and its key. */
  readonly certFile: string;
  readonly keyFile: string;
  /** How often the files are looked at, in milliseconds. */
  readonly rereadMs: number;
  /** The files have changed and fit together. */
  readonly changed: (pair: TlsPair) => void;
  /** Called once for each pair of files that cannot be used. */
  readonly refused: (error: unknown) => void;
}

export interface CertificateFiles {
  readonly first: TlsPair;
  stop(): void;
}

/** Rejects when the files cannot be read or used. */
export async function followCertificateFiles(options: CertificateFilesOptions): Promise<CertificateFiles> {
  const first = await readPair(options);
  expiryOf(first);
  return { first, stop: follow(first, options) };
}

async function readPair({ certFile, keyFile }: CertificateFilesOptions): Promise<TlsPair> {
  const [cert, key] = await Promise.all([readFile(certFile, "utf8"), readFile(keyFile, "utf8")]);
  return { cert, key };
}

function follow(first: TlsPair, options: CertificateFilesOptions): () => void {
  let seen = first;
  let problem = "";
  const look = async (): Promise<void> => {
    const pair = await readPair(options);
    if (pair.cert === seen.cert && pair.key === seen.key) return;
    seen = pair;
    expiryOf(pair);
    problem = "";
    options.changed(pair);
  };
  const refuse = (error: unknown): void => {
    const text = error instanceof Error ? error.message : "unknown";
    if (text !== problem) options.refused(error);
    problem = text;
  };
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    look()
      .catch(refuse)
      .finally(() => {
        isLooking = false;
      });
  }, options.rereadMs);
  timer.unref();
  return () => {
    clearInterval(timer);
  };
}
