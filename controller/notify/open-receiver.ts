// The operator's receiver as the settings name it, with the header that its file holds now.

import { type FollowedFile, followFile } from "../../settings/followed-file.ts";
import { type NotifyHeader, readNotifyHeader } from "./notify-header.ts";
import { createWebhook, type Webhook } from "./webhook.ts";

export interface OpenReceiverOptions {
  readonly url: string;
  readonly headerFile: string | undefined;
  readonly pollMs: number;
  readonly changed: () => void;
  /** The last good header stays. */
  readonly failed: (reason: string) => void;
}

export interface OpenedReceiver {
  readonly webhook: Webhook;
  close(): void;
}

/** Throws when the file cannot be read or does not hold a header. */
export function openReceiver({ url, headerFile, pollMs, changed, failed }: OpenReceiverOptions): OpenedReceiver {
  const state: { header: NotifyHeader | undefined } = { header: undefined };
  let file: FollowedFile<NotifyHeader> | undefined;
  if (headerFile !== undefined) {
    file = followFile({
      path: headerFile,
      pollMs,
      read: readNotifyHeader,
      changed: (header) => {
        state.header = header;
        changed();
      },
      failed,
    });
    state.header = file.value;
  }
  return {
    webhook: createWebhook({ url, header: () => state.header }),
    close() {
      file?.close();
    },
  };
}
