// Panels and dashboards in Grafana's JSON (schema of Grafana 10 and later), from the little that differs between them:
// title, description, unit, queries. Positions and ids follow from the order.

const SCHEMA_VERSION = 38;
const DATASOURCE = { type: "prometheus", uid: "${datasource}" };
const WIDTH = 24;

/** A query and how its series are named; `instant` asks for the newest value alone. */
export function query(expr, legend = "", { instant = false } = {}) {
  return { expr, legend, instant };
}

function targets(queries) {
  return queries.map(({ expr, legend, instant }, i) => ({
    refId: String.fromCharCode(65 + i),
    datasource: DATASOURCE,
    expr,
    legendFormat: legend === "" ? "__auto" : legend,
    range: !instant,
    instant,
  }));
}

function thresholds(steps) {
  return { mode: "absolute", steps: steps.map(([value, color]) => ({ value, color })) };
}

const CALM = [[null, "text"]];

function panel(type, { title, description, unit, queries, ...rest }) {
  if (!description || !unit) throw new Error(`${title}: a panel says what it shows and in which unit`);
  const { min, max, decimals, steps = CALM, mappings = [], custom, options, width, height } = rest;
  return {
    type,
    title,
    description,
    datasource: DATASOURCE,
    fieldConfig: {
      defaults: {
        unit,
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max }),
        ...(decimals === undefined ? {} : { decimals }),
        mappings,
        thresholds: thresholds(steps),
        ...(custom === undefined ? {} : { custom }),
      },
      overrides: [],
    },
    options,
    targets: targets(queries),
    gridPos: { w: width, h: height },
  };
}

/** One number, coloured by its thresholds. */
export function stat(options) {
  const shown = {
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    orientation: "auto",
    textMode: "auto",
    colorMode: "value",
    graphMode: "area",
    justifyMode: "auto",
  };
  return panel("stat", { width: 3, height: 4, ...options, options: shown });
}

/** Lines over time; `stack` piles them up to their sum. */
export function lines({ stack = false, ...options }) {
  const custom = {
    drawStyle: "line",
    lineInterpolation: "linear",
    lineWidth: 1,
    fillOpacity: stack ? 30 : 0,
    showPoints: "never",
    spanNulls: false,
    stacking: { mode: stack ? "normal" : "none", group: "A" },
  };
  const shown = {
    legend: { displayMode: "table", placement: "bottom", showLegend: true, calcs: ["lastNotNull", "max"] },
    tooltip: { mode: "multi", sort: "desc" },
  };
  return panel("timeseries", { width: 8, height: 8, min: 0, ...options, custom, options: shown });
}

/** The newest values as bars, one for each series. */
export function bars(options) {
  const shown = {
    reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
    orientation: "horizontal",
    displayMode: "basic",
    showUnfilled: true,
    valueMode: "color",
    minVizWidth: 0,
    minVizHeight: 10,
  };
  return panel("bargauge", { width: 8, height: 8, min: 0, ...options, options: shown });
}

export function text(title, content, { width = WIDTH, height = 4 } = {}) {
  return {
    type: "text",
    title,
    description: "",
    options: { mode: "markdown", content, code: { language: "plaintext", showLineNumbers: false, showMiniMap: false } },
    gridPos: { w: width, h: height },
  };
}

/** A heading and the panels below it, from left to right and then on the next line. */
export function row(title, panels) {
  return { title, panels };
}

/** A variable that is filled from label values; all of them unless somebody chooses. */
export function variable({ name, label, values, multi = true }) {
  return {
    type: "query",
    name,
    label,
    datasource: DATASOURCE,
    definition: values,
    query: { query: values, refId: `variable-${name}` },
    refresh: 2,
    regex: "",
    sort: 1,
    hide: 0,
    skipUrlSync: false,
    multi,
    includeAll: multi,
    // What has no such label counts too: a scrape outside Kubernetes knows no namespace.
    ...(multi ? { allValue: ".*" } : {}),
    current: multi ? { selected: true, text: ["All"], value: ["$__all"] } : {},
    options: [],
  };
}

const DATASOURCE_VARIABLE = {
  type: "datasource",
  name: "datasource",
  label: "Data source",
  query: "prometheus",
  refresh: 1,
  regex: "",
  hide: 0,
  skipUrlSync: false,
  multi: false,
  includeAll: false,
  current: {},
  options: [],
};

function placed(rows) {
  const panels = [];
  let y = 0;
  const add = (made, gridPos) => panels.push({ id: panels.length + 1, ...made, gridPos });
  for (const { title, panels: own } of rows) {
    add({ type: "row", title, collapsed: false, panels: [] }, { x: 0, y, w: WIDTH, h: 1 });
    y += 1;
    let x = 0;
    let tallest = 0;
    for (const each of own) {
      const { w, h } = each.gridPos;
      if (x + w > WIDTH) {
        y += tallest;
        x = 0;
        tallest = 0;
      }
      add(each, { x, y, w, h });
      x += w;
      tallest = Math.max(tallest, h);
    }
    y += tallest;
  }
  return panels;
}

export function dashboard({ uid, title, description, variables, rows }) {
  return {
    uid,
    title,
    description,
    tags: ["ai-rate-limit"],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: "30s",
    time: { from: "now-1h", to: "now" },
    timepicker: {},
    timezone: "browser",
    fiscalYearStartMonth: 0,
    weekStart: "",
    style: "dark",
    annotations: { list: [] },
    links: [
      {
        type: "dashboards",
        title: "ai-rate-limit",
        tags: ["ai-rate-limit"],
        asDropdown: true,
        includeVars: true,
        keepTime: true,
        icon: "external link",
        targetBlank: false,
        tooltip: "",
        url: "",
      },
    ],
    templating: { list: [DATASOURCE_VARIABLE, ...variables] },
    panels: placed(rows),
  };
}
