/** A report's answer, made ready to be shown as a chart and as a table. */

import { compareDecimals } from "./decimal.js";

const NATURALLY_ORDERED = new Set(["month", "stage"]);

function byMeasure(name, direction) {
  return (left, right) => {
    const [a, b] = [left.values[name], right.values[name]];
    const empty = (value) => value === null || value === undefined;
    if (empty(a) || empty(b)) {
      return Number(empty(a)) - Number(empty(b)); // What is not known stands last either way.
    }
    return direction * compareDecimals(a, b);
  };
}

/**
 * `data` is the API's answer, `report` its definition. The chart shows the measure that
 * `wanted` names, else the first of `wantedKind`, else the first measure.
 */
export function readReport(data, report, { formats, wanted = [], wantedKind = "money" }) {
  const defined = new Map((report?.columns ?? []).map((column) => [column.name, column]));
  const columns = data.columns.map((column) => ({ ...defined.get(column.name), ...column }));
  const label =
    columns.find((column) => column.name === data.group_by) ??
    columns.find((column) => column.kind === "text") ??
    columns[0];
  const group = data.group_by ?? label.name;
  const others = columns.filter((column) => column !== label);
  const measures = others.filter((column) => column.kind !== "text");
  const primary =
    wanted.map((name) => measures.find((column) => column.name === name)).find(Boolean) ??
    measures.find((column) => column.kind === wantedKind) ??
    measures[0];
  const rows = data.rows.map((row, index) => ({
    key: String(row[`${group}_id`] ?? row.id ?? row[label.name] ?? index),
    id: row[`${group}_id`] ?? row.id ?? null,
    raw: row[label.name],
    label: formats.name(group, row[label.name]),
    values: row,
  }));
  if (primary && !NATURALLY_ORDERED.has(group)) {
    rows.sort(byMeasure(primary.name, -1));
  }
  const decimals = Object.fromEntries(
    measures.map(({ name, kind }) => [
      name,
      formats.decimals(kind, [...rows.map((row) => row.values[name]), data.totals?.[name]]),
    ]),
  );
  return {
    data,
    group,
    label,
    others,
    measures,
    primary,
    rows,
    decimals,
    totals: data.totals ?? {},
  };
}

/** The rows as the reader ordered them; `sort` is `{column, direction}` or null. */
export function sortRows(model, sort, locale) {
  if (!sort) {
    return model.rows;
  }
  if (sort.column === model.label.name && model.group === "month") {
    return [...model.rows].sort((a, b) => sort.direction * (a.raw < b.raw ? -1 : 1));
  }
  const column = [model.label, ...model.others].find(({ name }) => name === sort.column);
  if (!column) {
    return model.rows;
  }
  if (column.kind !== "text") {
    return [...model.rows].sort(byMeasure(column.name, sort.direction));
  }
  const collator = new Intl.Collator(locale, { numeric: true });
  const text = (row) =>
    column === model.label ? row.label : String(row.values[column.name] ?? "");
  return [...model.rows].sort((a, b) => sort.direction * collator.compare(text(a), text(b)));
}
