// How the controller comes to the webhook's certificate: by files, by a Secret of its own, or not at all.

import { expect, test } from "vitest";
import { readControllerSettings } from "../../../controller/settings.ts";
import { SettingsError } from "../../../settings/setting.ts";

const LEAST = { AIRL_REDIS_URL: "redis://localhost:6379", AIRL_KEYRING_FILE: "/keys/keyring" };
const FILES = { AIRL_WEBHOOK_CERT_FILE: "/tls/tls.crt", AIRL_WEBHOOK_KEY_FILE: "/tls/tls.key" };
const MADE = {
  AIRL_WEBHOOK_CERT_SECRET: "webhook-cert",
  AIRL_WEBHOOK_SERVICE: "webhook",
  AIRL_WEBHOOK_CONFIGURATION: "airl.example",
};

function faultsOf(environment: Readonly<Record<string, string>>): readonly string[] {
  try {
    readControllerSettings({ ...LEAST, ...environment });
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.message.split("\n");
  }
}

test("[unit] without any of them there is no webhook", () => {
  expect(readControllerSettings(LEAST).webhook).toBeUndefined();
});

test("[unit] a certificate of files", () => {
  expect(readControllerSettings({ ...LEAST, ...FILES }).webhook).toEqual({
    listen: { host: "0.0.0.0", port: 9443 },
    certificate: { certFile: "/tls/tls.crt", keyFile: "/tls/tls.key" },
  });
});

test.for([
  { name: "the Pod's namespace", environment: { AIRL_POD_NAMESPACE: "here" }, namespace: "here" },
  { name: "the system namespace", environment: {}, namespace: "ai-rate-limit-system" },
])("[unit] a certificate that it makes itself, in $name", ({ environment, namespace }) => {
  expect(readControllerSettings({ ...LEAST, ...MADE, ...environment }).webhook?.certificate).toEqual({
    secret: { namespace, name: "webhook-cert" },
    service: { namespace, name: "webhook" },
    configuration: "airl.example",
  });
});

test.for([
  {
    name: "both ways",
    environment: { ...FILES, ...MADE },
    fault: "AIRL_WEBHOOK_CERT_FILE and AIRL_WEBHOOK_CERT_SECRET: wanted one way to a certificate, not both",
  },
  {
    name: "half of the files",
    environment: { AIRL_WEBHOOK_KEY_FILE: "/tls/tls.key" },
    fault: "AIRL_WEBHOOK_CERT_FILE and AIRL_WEBHOOK_KEY_FILE: wanted both or none",
  },
  {
    name: "two names of three",
    environment: { ...MADE, AIRL_WEBHOOK_SERVICE: "" },
    fault: "AIRL_WEBHOOK_CERT_SECRET, AIRL_WEBHOOK_SERVICE and AIRL_WEBHOOK_CONFIGURATION: wanted all or none",
  },
  {
    name: "a Service that cannot be",
    environment: { ...MADE, AIRL_WEBHOOK_SERVICE: "web.hook" },
    fault: 'AIRL_WEBHOOK_SERVICE: found "web.hook", wanted a name of at most 63 lower-case letters, digits and -',
  },
  {
    name: "a Secret that cannot be",
    environment: { ...MADE, AIRL_WEBHOOK_CERT_SECRET: "Cert" },
    fault: 'AIRL_WEBHOOK_CERT_SECRET: found "Cert", wanted a name of lower-case letters, digits, - and .',
  },
])("[unit] $name: a fault that says what is wanted", ({ environment, fault }) => {
  expect(faultsOf(environment)).toContain(fault);
});
