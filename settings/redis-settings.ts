// How a program reaches Redis: the same settings for the counters and, under another prefix, for the configuration, in the
// data plane and in the controller.

import { readFileSync } from "node:fs";
import type { Setting, SettingsReader } from "./setting.ts";
import { readSwitch } from "./values.ts";

export interface RedisValues {
  readonly url: string;
  readonly cluster: boolean;
  readonly sentinelMaster: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number | undefined;
  readonly tls:
    | { readonly ca?: string; readonly cert?: string; readonly key?: string; readonly servername?: string }
    | undefined;
}

/** `prefix`: "AIRL_REDIS". `purpose`: "the counters". */
export interface RedisSettingsTable {
  readonly url: Setting<string>;
  readonly cluster: Setting<boolean>;
  readonly sentinelMaster: Setting<string>;
  readonly sentinelPasswordFile: Setting<string>;
  readonly username: Setting<string>;
  readonly password: Setting<string>;
  readonly passwordFile: Setting<string>;
  readonly db: Setting<number>;
  readonly caFile: Setting<string>;
  readonly certFile: Setting<string>;
  readonly keyFile: Setting<string>;
  readonly serverName: Setting<string>;
}

export interface RedisTableParts {
  readonly prefix: string;
  /** Of AIRL_<prefix>_URL. */
  readonly urlText: string;
  readonly isRequired?: true | undefined;
}

const URL_WANTED = "redis:// or rediss:// URLs, for example rediss://redis.example:6379/0";

export function redisSettings(parts: RedisTableParts): RedisSettingsTable {
  const { prefix, urlText, isRequired } = parts;
  return {
    url: {
      name: `${prefix}_URL`,
      type: "URL[,URL]",
      text: urlText,
      wanted: URL_WANTED,
      isSecret: true,
      isRequired,
      read: readUrls,
    },
    cluster: {
      name: `${prefix}_CLUSTER`,
      type: "true | false",
      fallback: "false",
      text: "The URLs name nodes of a Redis cluster.",
      wanted: "true or false",
      read: readSwitch,
    },
    db: {
      name: `${prefix}_DB`,
      type: "NUMBER",
      text: "Number of the database; wins over the URL. A cluster has none.",
      wanted: "a number such as 0",
      read: (text) => (/^\d{1,5}$/.test(text) ? Number(text) : undefined),
    },
    sentinelMaster: word(prefix, "SENTINEL_MASTER", "The URLs name sentinels, which watch this master."),
    sentinelPasswordFile: file(prefix, "SENTINEL_PASSWORD_FILE", "Holds the password of the sentinels."),
    username: word(prefix, "USERNAME", "ACL user; wins over the URL."),
    password: { ...word(prefix, "PASSWORD", "Wins over the URL."), isSecret: true },
    passwordFile: file(
      prefix,
      "PASSWORD_FILE",
      "Holds the password; wins over the URL. Not together with the text itself.",
    ),
    caFile: file(prefix, "TLS_CA_FILE", "PEM certificates of those who may have signed Redis's certificate."),
    certFile: file(prefix, "TLS_CERT_FILE", "PEM certificate that the client shows."),
    keyFile: file(prefix, "TLS_KEY_FILE", "PEM key of that certificate."),
    serverName: word(prefix, "TLS_SERVER_NAME", "Name that Redis's certificate must bear, if not the URL's host."),
  };
}

function word(prefix: string, name: string, text: string): Setting<string> {
  return { name: `${prefix}_${name}`, type: "TEXT", text, wanted: "a text", read: (found) => found };
}

/** Its value is what the file holds at the start. */
function file(prefix: string, name: string, text: string): Setting<string> {
  return {
    ...word(prefix, name, text),
    type: "FILE",
    wanted: "a file that can be read and is not empty",
    read: readText,
  };
}

/** Undefined when no URL is set, or after a fault. */
export function readRedis(reader: SettingsReader, table: RedisSettingsTable): RedisValues | undefined {
  const url = reader.one(table.url);
  const cluster = reader.one(table.cluster);
  const password = reader.one(table.password);
  const fromFile = reader.one(table.passwordFile);
  if (password !== undefined && fromFile !== undefined) {
    reader.fault(`${table.password.name} and ${table.passwordFile.name} are both set: wanted one of them`);
  }
  const values = {
    sentinelMaster: reader.one(table.sentinelMaster),
    sentinelPassword: reader.one(table.sentinelPasswordFile),
    username: reader.one(table.username),
    password: password ?? fromFile,
    db: reader.one(table.db),
    tls: readTls(reader, table),
  };
  if (url === undefined) {
    const isOther = cluster === true || Object.values(values).some((value) => value !== undefined);
    if (isOther && !table.url.isRequired)
      reader.fault(`${table.url.name} is not set, but settings that go with it are`);
    return undefined;
  }
  return { url, cluster: cluster === true, ...values };
}

function readTls(reader: SettingsReader, table: RedisSettingsTable): RedisValues["tls"] {
  const ca = reader.one(table.caFile);
  const cert = reader.one(table.certFile);
  const key = reader.one(table.keyFile);
  const servername = reader.one(table.serverName);
  const given = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), ...(servername && { servername }) };
  return Object.keys(given).length === 0 ? undefined : given;
}

/** Without the line feed at its end, which editors add. */
function readText(path: string): string | undefined {
  try {
    const text = readFileSync(path, "utf8").trimEnd();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

function readUrls(text: string): string | undefined {
  const isRedis = (url: string): boolean => URL.canParse(url) && ["redis:", "rediss:"].includes(new URL(url).protocol);
  return text.split(",").every((url) => isRedis(url.trim())) ? text : undefined;
}
