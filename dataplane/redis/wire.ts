// One connection to one server, once it is ready for commands: writes them, and matches replies with them in order. Knows
// neither how the connection was made nor what follows when it is gone.

import type { Redis } from "ioredis";
import type { BulkCache } from "./bulk-cache.ts";
import { type Command, isNoScript, type LoadedScript, lost, refused } from "./command.ts";
import { CommandQueue } from "./command-queue.ts";
import { RespError, RespParser, type RespValue } from "./resp-parser.ts";

type Socket = Redis["stream"];

export interface WireOptions {
  /** Outlives the connection. */
  readonly bulks: BulkCache;
  /** Asked and silent for this long, it is closed; undefined: never. */
  readonly silenceMs: number | undefined;
  /** An error reply that says that this server is the wrong one. */
  readonly isMisplaced: (error: Error) => boolean;
  /** Such a reply came; the one who hears it makes a new connection. */
  readonly misplaced: () => void;
}

export class Wire {
  readonly #socket: Socket;
  readonly #options: WireOptions;
  readonly #parser: RespParser;
  readonly #bulks: BulkCache;
  readonly #heads = new Map<LoadedScript, string>();
  /** Sent and not answered. */
  readonly #commands = new CommandQueue();
  #text = "";
  #isCorked = false;
  #isEnded = false;
  /** Nothing was on its way before what is to be written now. */
  #wasIdle = false;
  #silence: NodeJS.Timeout | undefined;

  /** Nothing else reads from the socket from here on. */
  constructor(socket: Socket, options: WireOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#bulks = options.bulks;
    this.#parser = new RespParser((value) => {
      this.#answer(value);
    });
    socket.removeAllListeners("data");
    socket.on("data", (bytes: Buffer) => {
      this.#read(bytes);
    });
  }

  get isWritable(): boolean {
    return !this.#isEnded && this.#socket.writable;
  }

  send(command: Command): void {
    if (!this.isWritable) {
      command.reply(lost(new Error("the connection to Redis is closed")));
      return;
    }
    this.#wasIdle ||= this.#commands.isEmpty;
    this.#text += this.#encode(command);
    this.#commands.push(command);
    if (!this.#isCorked) this.#write();
  }

  cork(): void {
    this.#isCorked = true;
  }

  uncork(): void {
    this.#isCorked = false;
    this.#write();
  }

  /** The connection is gone: what is not answered never will be. */
  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#silence);
    this.#text = "";
    const reply = lost(new Error("the connection to Redis was closed"));
    for (let open = this.#commands.shift(); open !== undefined; open = this.#commands.shift()) open.reply(reply);
  }

  #write(): void {
    if (this.#text === "" || this.#isEnded) return;
    this.#socket.write(this.#text, this.#bulks.isAscii ? "latin1" : "utf8");
    this.#text = "";
    this.#watch();
  }

  #encode({ name, script, keys, args }: Command): string {
    let text =
      script === undefined
        ? `*${String(args.length + 1)}\r\n${this.#bulks.of(name)}`
        : `*${String(keys.length + args.length + 3)}\r\n${this.#scriptHead(script)}${this.#bulks.of(String(keys.length))}`;
    for (const key of keys) text += this.#bulks.of(key);
    for (const arg of args) text += this.#bulks.of(arg);
    return text;
  }

  #scriptHead(script: LoadedScript): string {
    const known = this.#heads.get(script);
    if (known !== undefined) return known;
    this.#heads.set(script, this.#bulks.of("evalsha") + this.#bulks.of(script.sha));
    return this.#bulks.of("eval") + this.#bulks.of(script.text);
  }

  #read(bytes: Buffer): void {
    if (this.#isEnded) return;
    if (!this.#parser.push(bytes)) this.#fault("what came is not Redis's protocol");
    if (this.#silence !== undefined) this.#silence.refresh();
  }

  #answer(value: RespValue): void {
    const command = this.#commands.shift();
    if (command === undefined) {
      if (!this.#isEnded) this.#fault("an answer came to no question");
      return;
    }
    if (value instanceof RespError) this.#refuse(command, value);
    else command.reply({ kind: "value", value });
  }

  #refuse(command: Command, error: RespError): void {
    const reply = refused(error);
    // The server at the other end does not hold the script after all.
    if (command.script !== undefined && isNoScript(reply)) this.#heads.delete(command.script);
    if (this.#options.isMisplaced(error)) this.#options.misplaced();
    command.reply(reply);
  }

  #fault(message: string): void {
    this.#socket.destroy(new Error(`the connection to Redis is closed: ${message}`));
  }

  /** The time runs from the first command that finds nothing else on its way, and anew with every sign of life. */
  #watch(): void {
    const { silenceMs } = this.#options;
    if (silenceMs === undefined) return;
    if (this.#silence === undefined) {
      this.#silence = setTimeout(() => {
        this.#checkSilence(silenceMs);
      }, silenceMs);
    } else if (this.#wasIdle) {
      this.#silence.refresh();
    }
    this.#wasIdle = false;
  }

  #checkSilence(silenceMs: number): void {
    this.#silence = undefined;
    if (!this.#commands.isEmpty) this.#fault(`no answer within ${String(silenceMs)} ms`);
  }
}
