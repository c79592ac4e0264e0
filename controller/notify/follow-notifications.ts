// Follows what data planes tell, for as long as this process leads: Events for the policies, and posts to the webhook. Each
// reader goes on where it stood, also where another leader left it; what is told twice then has the same id.

import { type Clock, pause } from "../kube/clock.ts";
import { EventGathering, type NotificationEvent } from "./gather-events.ts";
import { BEGINNING, type NotificationStore, type ReaderName, type ReadPosition } from "./notification-store.ts";
import type { Poster } from "./post-notifications.ts";

export interface FollowOptions {
  readonly store: NotificationStore;
  readonly clock: Clock;
  /** Those that are published. */
  readonly namespaces: () => Iterable<string>;
  /** Rejects when the Event could not be written. */
  readonly tell: (event: NotificationEvent) => Promise<void>;
  /** Undefined: there is no webhook. */
  readonly poster: Poster | undefined;
  /** So many were dropped before they were read: too many came. */
  readonly missed: (reader: ReaderName, count: number) => void;
  /** An Event that could not be written for long. */
  readonly lost: () => void;
  readonly failed: (reader: ReaderName, error: unknown) => void;
}

const POLL_MS = 1_000;
const EVENTS_PAGE = 1_000;
const POSTS_PAGE = 100;
const AT_ONCE = 100;
const MAX_ATTEMPTS = 30;

/** Until the signal is aborted. Never rejects. */
export async function followNotifications(options: FollowOptions, signal: AbortSignal): Promise<void> {
  const { poster } = options;
  const posting = poster === undefined ? undefined : repeat(options, createPosting(options, poster, signal), signal);
  await Promise.all([repeat(options, createTelling(options), signal), posting]);
}

interface Round {
  readonly reader: ReaderName;
  readonly run: () => Promise<void>;
}

async function repeat({ clock, failed }: FollowOptions, { reader, run }: Round, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await run().catch((error: unknown) => {
      if (!signal.aborted) failed(reader, error);
    });
    await pause(clock, POLL_MS, signal);
  }
}

/** Where a reader stands in each namespace; asked of Redis once. */
class Positions {
  readonly #options: FollowOptions;
  readonly #reader: ReaderName;
  readonly #read = new Map<string, ReadPosition>();
  readonly #saved = new Map<string, string>();

  constructor(options: FollowOptions, reader: ReaderName) {
    this.#options = options;
    this.#reader = reader;
  }

  async of(namespace: string): Promise<ReadPosition> {
    const known = this.#read.get(namespace);
    if (known !== undefined) return known;
    const found = await this.#options.store.position(namespace, this.#reader);
    this.#read.set(namespace, found);
    this.#saved.set(namespace, found.id);
    return found;
  }

  advance(namespace: string, position: ReadPosition): void {
    const before = this.#read.get(namespace) ?? BEGINNING;
    // Numbers begin anew when Redis has lost them; from the beginning there is no telling.
    const missed = before.number === 0 ? 0 : position.number - before.number - 1;
    if (missed > 0) this.#options.missed(this.#reader, missed);
    this.#read.set(namespace, position);
  }

  /** Not before everything up to there is done with. */
  async save(namespace: string, position: ReadPosition): Promise<void> {
    if (this.#saved.get(namespace) === position.id) return;
    await this.#options.store.save(namespace, this.#reader, position);
    this.#saved.set(namespace, position.id);
  }
}

function createTelling(options: FollowOptions): Round {
  const gathering = new EventGathering();
  const positions = new Positions(options, "events");
  const attempts = new Map<string, number>();
  const { namespaces, clock } = options;
  const readAll = async (namespace: string): Promise<void> => {
    let isFull = true;
    while (isFull) {
      const position = await positions.of(namespace);
      const page = await options.store.readAfter(namespace, position, EVENTS_PAGE);
      let before = position;
      for (const notification of page.notifications) {
        gathering.add(notification, before);
        positions.advance(namespace, notification);
        before = notification;
      }
      if (page.last !== undefined && page.last.id !== before.id) positions.advance(namespace, page.last);
      isFull = page.isFull;
    }
  };
  const tellDue = async (): Promise<void> => {
    for (const { id, event } of gathering.due(clock.monotonicMs())) {
      const isTold = await options.tell(event).then(
        () => true,
        (error: unknown) => {
          options.failed("events", error);
          return false;
        },
      );
      const attempt = isTold ? 0 : (attempts.get(id) ?? 0) + 1;
      if (attempt > 0 && attempt < MAX_ATTEMPTS) {
        attempts.set(id, attempt);
        continue;
      }
      attempts.delete(id);
      if (!isTold) options.lost();
      gathering.told(id, clock.monotonicMs());
    }
  };
  const run = async (): Promise<void> => {
    const names = [...namespaces()];
    await inParts(names, readAll);
    await tellDue();
    await inParts(names, async (namespace) => {
      await positions.save(namespace, gathering.settled(namespace, await positions.of(namespace)));
    });
  };
  return { reader: "events", run };
}

function createPosting(options: FollowOptions, poster: Poster, signal: AbortSignal): Round {
  const positions = new Positions(options, "webhook");
  const postAll = async (namespace: string): Promise<void> => {
    const position = await positions.of(namespace);
    const page = await options.store.readAfter(namespace, position, POSTS_PAGE);
    let last = position;
    for (const notification of page.notifications) {
      if (!(await poster.post(notification, signal))) return;
      positions.advance(namespace, notification);
      last = notification;
      await positions.save(namespace, notification);
    }
    if (page.last === undefined || page.last.id === last.id) return;
    positions.advance(namespace, page.last);
    await positions.save(namespace, page.last);
  };
  // Namespaces take turns, a page each: one with many does not keep the others waiting for long.
  return {
    reader: "webhook",
    run: () => inParts([...options.namespaces()], postAll, 1),
  };
}

async function inParts(
  names: readonly string[],
  work: (namespace: string) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  for (let i = 0; i < names.length; i += atOnce) await Promise.all(names.slice(i, i + atOnce).map(work));
}
