// Pieces of queries that several panels share.

export const PLACE = 'namespace=~"$namespace"';
export const RATE = "$__rate_interval";

/** Quantile of a histogram's observations, by the labels named besides. */
export function quantile(q, metric, { where = PLACE, by = [] } = {}) {
  return `histogram_quantile(${q}, sum by (${["le", ...by].join(", ")}) (rate(${metric}_bucket{${where}}[${RATE}])))`;
}

export function rate(metric, { where = PLACE, by = [] } = {}) {
  const sum = by.length === 0 ? "sum" : `sum by (${by.join(", ")})`;
  return `${sum} (rate(${metric}{${where}}[${RATE}]))`;
}

/** Part of a whole, 0 when the part has no series yet. */
export function share(part, whole) {
  return `(${part} or vector(0)) / ${whole}`;
}

/** Variables as every dashboard has them. */
export const NAMESPACE = {
  name: "namespace",
  label: "Namespace of the gateway",
  values: "label_values(airl_open_requests, namespace)",
};
